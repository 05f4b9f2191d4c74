"""Draws curves in braille: two by four dots a cell. No Textual in here.

Each dot column shows the lowest and the highest value that falls into it, so that a spike is never
averaged away; columns that lie apart are joined by a line, unless a gap (NaN) lies between them.
Drawing costs in proportion to the width: extremes of a part come from the series' blocks, and a
column of dots is one number, so that a line of any height is one operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tui.widgets.curves import Curve, ListPoints, columns, visible
from tui.widgets.scale import Scale

Segment = tuple[str, str]
"""A text and its role, see ``ROLES`` in ``tui.widgets.ink``."""

CROWD = 4
"""More points than this for each column of cells are a crowd: no sign of its own for each."""

_LEFT, _RIGHT = (0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08)
_ORDER = ("raw", "smooth")
"""Roles from the lowest up; a curve of another role lies above those drawn before it."""


def _cells(bits: tuple[int, int, int, int]) -> tuple[int, ...]:
    """What four dots above each other, as a number, are in a cell of braille."""
    return tuple(sum(bits[dot] for dot in range(4) if four >> dot & 1) for four in range(16))


_OF_LEFT, _OF_RIGHT = _cells(_LEFT), _cells(_RIGHT)
_CHARS = tuple(chr(0x2800 + bits) for bits in range(256))


@dataclass(slots=True)
class Canvas:
    """Dots in several roles, and single signs over them.

    ``dots`` has for each role a number for each column of dots: bit 0 is the lowest dot.
    """

    width: int
    height: int
    dots: dict[str, list[int]] = field(default_factory=dict)
    signs: dict[tuple[int, int], Segment] = field(default_factory=dict)

    def span(self, role: str, column: int, low: int, high: int) -> None:
        """Dots from ``low`` to ``high`` (0 is the lowest) in a dot column."""
        if not 0 <= column < 2 * self.width:
            return
        marks = self.dots.get(role)
        if marks is None:
            marks = self.dots[role] = [0] * (2 * self.width)
        if low > high:
            low, high = high, low
        low, high = max(0, low), min(4 * self.height - 1, high)
        if low <= high:
            marks[column] |= ((1 << (high - low + 1)) - 1) << low

    def roles(self) -> list[str]:
        """The roles of the dots, from the lowest up."""
        known = [role for role in _ORDER if role in self.dots]
        return known + [role for role in self.dots if role not in _ORDER]

    def cells(self, role: str) -> Iterator[tuple[int, int, str]]:
        """(row, column, character) of each cell with dots in it; row 0 is the uppermost."""
        marks = self.dots.get(role, [])
        top = self.height - 1
        for column in range(len(marks) // 2):
            left, right = marks[2 * column], marks[2 * column + 1]
            both = left | right
            if not both:
                continue
            # Only the rows between the lowest and the highest dot are looked at.
            first, last = ((both & -both).bit_length() - 1) // 4, (both.bit_length() - 1) // 4
            for row in range(first, last + 1):
                shift = 4 * row
                bits = _OF_LEFT[left >> shift & 15] | _OF_RIGHT[right >> shift & 15]
                if bits:
                    yield top - row, column, _CHARS[bits]

    def holds(self, row: int, column: int) -> bool:
        """Whether there is a dot in a cell."""
        mask = 15 << 4 * (self.height - 1 - row)
        return any((one[2 * column] | one[2 * column + 1]) & mask for one in self.dots.values())


def draw_line(canvas: Canvas, curve: Curve, x: Scale, y: Scale, gaps: set[int]) -> None:
    """Draw a curve; the cell columns where a value is not a number are added to ``gaps``."""
    points = curve.points or ListPoints(curve.y)
    dot = _dots(y, 4 * canvas.height - 1)
    before: tuple[int, int] | None = None
    for column, start, stop in columns(curve, x, 2 * canvas.width):
        first = curve.y[start]
        if stop - start == 1:
            last = first
            part = (first, first) if math.isfinite(first) else None
            gap = part is None
        else:
            last = curve.y[stop - 1]
            part = points.extremes(start, stop)
            gap = points.has_gap(start, stop)
        if gap and curve.points is not None and 0 <= column < 2 * canvas.width:
            gaps.add(column // 2)
        if part is None or (y.log and part[1] <= 0):
            before = None
            continue
        low = dot(part[0])
        high = low if part[1] == part[0] else dot(part[1])
        if before is not None and math.isfinite(first) and not _broken(curve, start):
            here = low if first == part[0] else dot(first)
            if column - before[0] > 1:
                _join(canvas, curve.role, before, (column, here))
            elif before[0] < 0:
                pass  # outside of the window, at a distance that is not known here
            elif here > before[1]:
                # A neighbour: its column goes on from where the one before it ended.
                low = min(low, before[1] + 1)
            elif here < before[1]:
                high = max(high, before[1] - 1)
        canvas.span(curve.role, column, low, high)
        before = (column, dot(last)) if math.isfinite(last) else None


def _dots(y: Scale, top: int) -> Callable[[float], int]:
    """The row of dots of a value: 0 at the bottom, ``top`` at the top, beyond it outside."""
    if y.log or not 1e-200 < y.high - y.low < 1e200:
        return lambda value: round(y.place(value) * top)
    low, each = y.low, top / (y.high - y.low)
    # A little over a half: a constant lies in the middle, and must not flicker with its last digit.
    return lambda value: int((value - low) * each + 0.500001)


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
    """Draw a curve as one sign for each of its points; of a crowd, the lowest and the highest."""
    start, stop = visible(curve, (x.low, x.high))
    if stop - start > CROWD * canvas.width:
        _draw_crowd(canvas, curve, x, y)
        return
    for at, value in zip(curve.x[start:stop], curve.y[start:stop], strict=False):
        if not x.low <= at <= x.high or not math.isfinite(value) or (y.log and value <= 0):
            continue
        column = column_of(at, x, canvas.width)
        canvas.signs[row_of(value, y, canvas.height), column] = (curve.sign, curve.role)


def _draw_crowd(canvas: Canvas, curve: Curve, x: Scale, y: Scale) -> None:
    """Two signs for each column of dots, so that thousands of points cost as much as hundreds."""
    points = curve.points or ListPoints(curve.y)
    for column, start, stop in columns(curve, x, 2 * canvas.width):
        part = points.extremes(start, stop) if 0 <= column < 2 * canvas.width else None
        for value in part or ():
            if not (y.log and value <= 0):
                place = row_of(value, y, canvas.height), column // 2
                canvas.signs[place] = (curve.sign, curve.role)


def column_of(at: float, x: Scale, width: int) -> int:
    """The column of cells in which a place on the x axis lies: that of a line's dots there."""
    return math.floor(x.place(at) * (2 * width - 1) + 0.5) // 2


def row_of(value: float, y: Scale, height: int) -> int:
    """The row of cells, 0 the uppermost, in which a value lies."""
    return height - 1 - round(y.place(value) * (4 * height - 1)) // 4
