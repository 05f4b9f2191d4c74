"""Draws a chart into lines of text: curves, axes, ticks, limit, marks, crosshair. No Textual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tui.widgets.braille import Canvas, Segment, column_of, draw_line, draw_points, row_of
from tui.widgets.curves import Curve, EndPoints, ListPoints, Points, x_range, y_range
from tui.widgets.scale import Kind, Scale, Tick, compact

__all__ = [
    "Canvas",
    "Curve",
    "EndPoints",
    "Frame",
    "ListPoints",
    "Options",
    "Points",
    "Row",
    "Segment",
    "draw_line",
    "frame_of",
    "render_chart",
]

Row = list[Segment]


@dataclass(frozen=True, slots=True)
class Options:
    """How a chart is drawn. ``window`` is the part of the x axis that is seen, None for all of it.

    ``marks`` are places on the x axis that get a tick on it (checkpoints); ``limit`` a horizontal
    line with a name; ``axes`` False leaves out the x axis, for very small charts. ``cross`` is the
    place of the crosshair on the x axis, ``band`` a part of it that is about to be chosen.
    ``gutter`` is the least width of the labels beside the y axis: charts that stand above each
    other have their x axes in line with it.
    """

    log: bool = False
    zero: bool = False
    x_kind: Kind = "number"
    y_kind: Kind = "number"
    x_unit: str = ""
    window: tuple[float, float] | None = None
    marks: Sequence[float] = ()
    limit: tuple[float, str] | None = None
    axes: bool = True
    empty: str = "nothing measured yet"
    cross: float | None = None
    band: tuple[float, float] | None = None
    gutter: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things lie in a chart: its scales, and the cells of what is drawn.

    ``left`` is the first column of the plot, ``width`` and ``height`` are its cells.
    """

    x: Scale
    y: Scale
    ticks: tuple[Tick, ...]
    left: int
    width: int
    height: int
    foot: bool

    def column(self, at: float) -> int | None:
        """The plot's column of a place on the x axis; None where that is outside."""
        if not self.x.low <= at <= self.x.high:
            return None
        return column_of(at, self.x, self.width)

    def share(self, column: float) -> float:
        """Where a column of the chart (its labels included) lies in the plot, in [0, 1]."""
        return min(max((column - self.left) / max(1, self.width - 1), 0.0), 1.0)

    def at(self, column: float) -> float:
        """The place on the x axis of a column of the chart."""
        return self.x.low + self.share(column) * (self.x.high - self.x.low)


def frame_of(curves: Sequence[Curve], width: int, height: int, options: Options) -> Frame | None:
    """The layout of a chart of that size; None where there is no value or no room to draw."""
    if width < 8 or height < 1:
        return None
    window = options.window or x_range(curves)
    found = y_range(curves, window, log=options.log) if window else None
    if window is None or found is None:
        return None
    low, high = found
    if options.limit is not None:
        high = max(high, options.limit[0])
    foot = options.axes and height >= 6
    plot_height = height - 2 * foot
    log = options.log and high > 0
    y = Scale.around(low, high, log=log, zero=options.zero and not log)
    ticks = y.ticks(max(2, min(plot_height // 2, 9)) if plot_height > 2 else 2, options.y_kind)
    gutter = min(max((options.gutter, *(len(tick.label) for tick in ticks))), width // 3)
    air = 0.0 if window[0] < window[1] else 0.5 + abs(window[0]) * 1e-9
    x = Scale(window[0] - air, window[1] + air)
    return Frame(x, y, tuple(ticks), gutter + 1, width - gutter - 1, plot_height, foot)


def render_chart(
    curves: Sequence[Curve],
    width: int,
    height: int,
    options: Options,
    frame: Frame | None = None,
) -> list[Row]:
    """A chart of exactly ``height`` rows of exactly ``width`` cells, whatever the data.

    Rows are lists of (text, role). Without a drawable value the words of ``options.empty`` stand
    in the middle. ``frame`` is ``frame_of`` the same arguments where the caller has it already.
    """
    if width < 1 or height < 1:
        return []
    frame = frame or frame_of(curves, width, height, options)
    if frame is None:
        return _empty(width, height, options.empty)
    canvas = Canvas(frame.width, frame.height)
    gaps: set[int] = set()
    for curve in curves:
        if curve.shape == "line":
            draw_line(canvas, curve, frame.x, frame.y, gaps)
            if curve.count == 1:
                # A single dot of braille would be overlooked.
                draw_points(canvas, replace(curve, sign="•"), frame.x, frame.y)
        else:
            draw_points(canvas, curve, frame.x, frame.y)
    _draw_cross(canvas, curves, frame, options)
    rows = _plot_rows(canvas, frame, options)
    if frame.foot:
        rows += _x_axis(frame, gaps, options)
    return rows


def _draw_cross(canvas: Canvas, curves: Sequence[Curve], frame: Frame, options: Options) -> None:
    """The crosshair's line, a sign on each curve where it is crossed, and the edges of a band."""
    for place in options.band or ():
        _upright(canvas, frame.column(place), "cross")
    at = options.cross
    column = None if at is None else frame.column(at)
    if at is None or column is None:
        return
    _upright(canvas, column, "cross")
    for curve in curves:
        index = curve.nearest(at) if curve.shape == "line" and curve.role != "raw" else None
        if index is None:
            continue
        # Where points lie apart the nearest one is meant, which may stand beside the line.
        value, own = curve.y[index], frame.column(curve.x[index])
        if own is not None and math.isfinite(value) and (value > 0 or not frame.y.log):
            canvas.signs[row_of(value, frame.y, frame.height), own] = ("◆", "strong")


def _upright(canvas: Canvas, column: int | None, role: str) -> None:
    """A dotted line from top to bottom, under what is drawn there."""
    if column is None:
        return
    for row in range(canvas.height):
        if not canvas.holds(row, column):
            canvas.signs.setdefault((row, column), ("┊", role))


def _plot_rows(canvas: Canvas, frame: Frame, options: Options) -> list[Row]:
    width, gutter = canvas.width, frame.left - 1
    labels = {row_of(tick.value, frame.y, canvas.height): tick.label for tick in frame.ticks}
    chars: list[list[str]] = []
    roles: list[list[str]] = []
    limit = options.limit
    limit_row = None
    if limit is not None and frame.y.low <= limit[0] <= frame.y.high:
        limit_row = row_of(limit[0], frame.y, canvas.height)
    for row in range(canvas.height):
        ground = "╌" if row == limit_row else "┈" if row in labels else " "
        chars.append([ground] * width)
        roles.append(["limit" if row == limit_row else "grid"] * width)
    for role in canvas.roles():
        for row, column, char in canvas.cells(role):
            chars[row][column] = char
            roles[row][column] = role
    for (row, column), (char, role) in canvas.signs.items():
        chars[row][column] = char
        roles[row][column] = role
    if limit is not None and limit_row is not None:
        words = f" {limit[1]} "[:width]
        chars[limit_row][width - len(words) :] = words
        roles[limit_row][width - len(words) :] = ["limit"] * len(words)
    return [
        [(labels.get(row, "").rjust(gutter)[:gutter] + " ", "label"), *_runs(chars[row], one)]
        for row, one in enumerate(roles)
    ]


def _runs(chars: Sequence[str], roles: Sequence[str]) -> Row:
    """Neighbours of one role as one segment."""
    row: Row = []
    start = 0
    while start < len(roles):
        role, stop = roles[start], start + 1
        while stop < len(roles) and roles[stop] == role:
            stop += 1
        row.append(("".join(chars[start:stop]), role))
        start = stop
    return row


def _x_axis(frame: Frame, gaps: set[int], options: Options) -> list[Row]:
    x, width = frame.x, frame.width
    line: list[Segment] = [("─", "axis")] * width
    words: list[Segment] = [(" ", "label")] * width
    free = 0
    unit = f" {options.x_unit}" if 0 < len(options.x_unit) < width // 2 else ""
    for tick in _x_ticks(x, width, options.x_kind):
        at = column_of(tick.value, x, width)
        start = max(0, min(at - len(tick.label) // 2, width - len(tick.label)))
        if start < free or start + len(tick.label) > width - len(unit):
            continue
        line[at] = ("┴", "axis")
        words[start : start + len(tick.label)] = [(char, "label") for char in tick.label]
        free = start + len(tick.label) + 2
    for mark in options.marks:
        if x.low <= mark <= x.high:
            line[column_of(mark, x, width)] = ("▴", "mark")
    for column in gaps:
        line[min(column, width - 1)] = ("×", "gap")
    if unit:
        words[width - len(unit) :] = [(char, "label") for char in unit]
    cross = None if options.cross is None else frame.column(options.cross)
    if cross is not None and options.cross is not None:
        line[cross] = ("┼", "strong")
        text = f" {compact(round(options.cross), options.x_kind)} "[:width]
        start = max(0, min(cross - len(text) // 2, width - len(text)))
        if start + len(text) > width - len(unit):
            # The unit is left out rather than cut.
            words[width - len(unit) :] = [(" ", "label")] * len(unit)
        words[start : start + len(text)] = [(char, "strong") for char in text]
    margin = " " * frame.left
    return [[(margin, "axis"), *_merge(line)], [(margin, "label"), *_merge(words)]]


def _x_ticks(x: Scale, width: int, kind: Kind) -> list[Tick]:
    """Round places on the x axis; in a narrow chart closer ones rather than a single one."""
    wanted = max(2, width // 12)
    ticks = x.ticks(wanted, kind, whole=True)
    if len(ticks) < 3:
        closer = x.ticks(max(wanted, width // 7), kind, whole=True)
        room = sum(len(tick.label) + 2 for tick in closer)
        if len(closer) > len(ticks) and room <= width:
            return closer
    return ticks


def _empty(width: int, height: int, words: str) -> list[Row]:
    text = words[:width].center(width)
    blank = " " * width
    return [[(text if row == height // 2 else blank, "label")] for row in range(height)]


def _merge(cells: Row) -> Row:
    return _runs([text for text, _ in cells], [role for _, role in cells])
