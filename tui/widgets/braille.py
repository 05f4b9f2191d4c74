"""Draws curves in braille: two by four dots a cell. No Textual in here.

Each dot column shows the lowest and the highest value that falls into it, so that a spike is never
averaged away; columns that lie apart are joined by a line, unless a gap (NaN) lies between them.
Drawing costs in proportion to the width: extremes of a part come from the series' blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tui.widgets.curves import Curve, ListPoints, columns, visible
from tui.widgets.scale import Scale

Segment = tuple[str, str]
"""A text and its role, see ``ROLES`` in ``tui.widgets.ink``."""

_BITS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
_ORDER = ("raw", "smooth")
"""Roles from the lowest up; a curve of another role lies above those drawn before it."""


@dataclass(slots=True)
class Canvas:
    """Cells of braille dots in one role each, and single signs over them."""

    width: int
    height: int
    dots: dict[str, list[int]] = field(default_factory=dict)
    signs: dict[tuple[int, int], Segment] = field(default_factory=dict)

    def span(self, role: str, column: int, low: int, high: int) -> None:
        """Dots from ``low`` to ``high`` (0 is the lowest) in a dot column."""
        if not 0 <= column < 2 * self.width:
            return
        cells = self.dots.get(role)
        if cells is None:
            cells = self.dots[role] = [0] * (self.width * self.height)
        lowest, highest = max(0, min(low, high)), min(4 * self.height - 1, max(low, high))
        bits = _BITS[column % 2]
        for dot in range(lowest, highest + 1):
            row = self.height - 1 - dot // 4
            cells[row * self.width + column // 2] |= bits[dot % 4]

    def layers(self) -> list[tuple[str, list[int]]]:
        """(role, its cells) from the highest down."""
        order = [*_ORDER, *(role for role in self.dots if role not in _ORDER)]
        return [(role, self.dots[role]) for role in reversed(order) if role in self.dots]


def draw_line(canvas: Canvas, curve: Curve, x: Scale, y: Scale, gaps: set[int]) -> None:
    """Draw a curve; the cell columns where a value is not a number are added to ``gaps``."""
    points = curve.points or ListPoints(curve.y)
    top = 4 * canvas.height - 1
    before: tuple[int, int] | None = None

    def dot(value: float) -> int:
        return round(y.place(value) * top)

    for column, start, stop in columns(curve, x, 2 * canvas.width):
        gap = points.has_gap(start, stop)
        if gap and curve.points is not None and 0 <= column < 2 * canvas.width:
            gaps.add(column // 2)
        part = points.extremes(start, stop)
        first, last = curve.y[start], curve.y[stop - 1]
        if part is None or (y.log and part[1] <= 0):
            before = None
            continue
        if before is not None and math.isfinite(first) and not _broken(curve, start):
            _join(canvas, curve.role, before, (column, dot(first)))
        canvas.span(curve.role, column, dot(part[0]), dot(part[1]))
        before = (column, dot(last)) if math.isfinite(last) else None


def _broken(curve: Curve, at: int) -> bool:
    """Whether the line breaks off between the point at ``at`` and the one before it."""
    if not curve.breaks or not at:
        return False
    return any(curve.x[at - 1] < place <= curve.x[at] for place in curve.breaks)


def _join(canvas: Canvas, role: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    """A straight line of dots, each column from where the one before it ended."""
    (x0, y0), (x1, y1) = start, end
    width = max(1, x1 - x0)
    height = y0
    for column in range(max(x0 + 1, 0), min(x1, 2 * canvas.width - 1) + 1):
        following = round(y0 + (y1 - y0) * (column - x0) / width)
        if column == max(x0 + 1, 0) and x0 < 0:
            height = following
        if following > height:
            canvas.span(role, column, height + 1, following)
        elif following < height:
            canvas.span(role, column, following, height - 1)
        else:
            canvas.span(role, column, following, following)
        height = following


def draw_points(canvas: Canvas, curve: Curve, x: Scale, y: Scale) -> None:
    """Draw a curve as one sign for each of its points."""
    start, stop = visible(curve, (x.low, x.high))
    for at, value in zip(curve.x[start:stop], curve.y[start:stop], strict=False):
        if not x.low <= at <= x.high or not math.isfinite(value) or (y.log and value <= 0):
            continue
        column = round(x.place(at) * (canvas.width - 1))
        canvas.signs[row_of(value, y, canvas.height), column] = (curve.sign, curve.role)


def row_of(value: float, y: Scale, height: int) -> int:
    """The row of cells, 0 the uppermost, in which a value lies."""
    return height - 1 - round(y.place(value) * (4 * height - 1)) // 4
