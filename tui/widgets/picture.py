"""Draws a chart into lines of text, in braille: two by four dots a cell. No Textual in here.

Each dot column shows the lowest and the highest value that falls into it, so that a spike is never
averaged away; columns that lie apart are joined by a line, unless a gap (NaN) lies between them.
Drawing costs in proportion to the width: extremes of a part come from the series' blocks.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tui.widgets.scale import Kind, Scale, Tick

Segment = tuple[str, str]
"""A text and its role: axis, grid, label, raw, smooth, point, mark, limit, gap, title, value."""

Row = list[Segment]


class Points(Protocol):
    """What a curve is drawn from; ``engine.series.Series`` is one."""

    def extremes(self, start: int, stop: int) -> tuple[float, float] | None: ...
    def has_gap(self, start: int, stop: int) -> bool: ...


class ListPoints:
    """Points of a plain sequence, for short ones and for smoothed ones."""

    def __init__(self, value: Sequence[float]) -> None:
        self.value = value

    def extremes(self, start: int, stop: int) -> tuple[float, float] | None:
        part = [value for value in self.value[start:stop] if math.isfinite(value)]
        return (min(part), max(part)) if part else None

    def has_gap(self, start: int, stop: int) -> bool:
        return not all(map(math.isfinite, self.value[start:stop]))


class EndPoints(ListPoints):
    """Points of a smooth curve: the ends of a part stand for all of it, whatever its length."""

    def extremes(self, start: int, stop: int) -> tuple[float, float] | None:
        ends = [v for v in (self.value[start], self.value[stop - 1]) if math.isfinite(v)]
        return (min(ends), max(ends)) if ends else None

    def has_gap(self, start: int, stop: int) -> bool:
        return not math.isfinite(self.value[start])


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve. ``x`` never falls; ``y`` has as many values; ``points`` answers for parts of it.

    ``shape`` "line" is drawn in dots, "points" as one sign for each point.
    """

    x: Sequence[float]
    y: Sequence[float]
    role: str = "smooth"
    shape: Literal["line", "points"] = "line"
    sign: str = "●"
    points: Points | None = None

    @property
    def count(self) -> int:
        """Points that have both: a smoothed curve may lag behind its steps."""
        return min(len(self.x), len(self.y))


@dataclass(frozen=True, slots=True)
class Options:
    """How a chart is drawn. ``window`` is the part of the x axis that is seen, None for all of it.

    ``marks`` are places on the x axis that get a tick on it (checkpoints); ``limit`` a horizontal
    line with a name; ``axes`` False leaves out the x axis, for very small charts.
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


@dataclass(slots=True)
class Canvas:
    """Cells of braille dots in one role, and single signs over them."""

    width: int
    height: int
    dots: dict[str, list[int]] = field(default_factory=dict)
    signs: dict[tuple[int, int], Segment] = field(default_factory=dict)

    def span(self, role: str, column: int, low: int, high: int) -> None:
        """Dots from ``low`` to ``high`` (0 is the lowest) in a dot column."""
        if not 0 <= column < 2 * self.width:
            return
        cells = self.dots.setdefault(role, [0] * (self.width * self.height))
        lowest, highest = max(0, min(low, high)), min(4 * self.height - 1, max(low, high))
        bits = _BITS[column % 2]
        for dot in range(lowest, highest + 1):
            row = self.height - 1 - dot // 4
            cells[row * self.width + column // 2] |= bits[dot % 4]


_BITS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
_ORDER = ("raw", "smooth")
"""Roles from the lowest to the highest; a curve of another role lies above those drawn before it."""


def render_chart(curves: Sequence[Curve], width: int, height: int, options: Options) -> list[Row]:
    """A chart of exactly ``height`` rows of exactly ``width`` cells, whatever the data.

    Rows are lists of (text, role). Without a drawable value the words of ``options.empty`` stand
    in the middle.
    """
    if width < 1 or height < 1:
        return []
    foot = 2 if options.axes and height >= 6 else 0
    plot_height = height - foot
    window = options.window or _x_range(curves)
    found = _y_range(curves, window, options) if window else None
    if window is None or found is None or width < 8:
        return _empty(width, height, options.empty)
    low, high = found
    log = options.log and high > 0
    y = Scale.around(low, high, log=log, zero=options.zero and not log)
    ticks = y.ticks(max(2, min(plot_height // 2, 9)) if plot_height > 2 else 2, options.y_kind)
    gutter = min(max((len(tick.label) for tick in ticks), default=0), width // 3)
    plot_width = width - gutter - 1
    air = 0.0 if window[0] < window[1] else 0.5 + abs(window[0]) * 1e-9
    x = Scale(window[0] - air, window[1] + air)
    canvas = Canvas(plot_width, plot_height)
    gaps: set[int] = set()
    for curve in curves:
        if curve.shape == "line":
            draw_line(canvas, curve, x, y, gaps)
        else:
            _draw_points(canvas, curve, x, y)
    rows = _plot_rows(canvas, ticks, y, gutter, options)
    if foot:
        rows += _x_axis(x, plot_width, gutter, gaps, options)
    return rows


def _x_range(curves: Sequence[Curve]) -> tuple[float, float] | None:
    ends = [(curve.x[0], curve.x[curve.count - 1]) for curve in curves if curve.count]
    if not ends:
        return None
    return min(start for start, _ in ends), max(end for _, end in ends)


def _visible(curve: Curve, window: tuple[float, float]) -> tuple[int, int]:
    """The points inside the window and one more at either side, so that lines reach its edges."""
    count = curve.count
    start = bisect_left(curve.x, window[0], 0, count)
    stop = bisect_left(curve.x, math.nextafter(window[1], math.inf), start, count)
    return max(0, start - 1), min(count, stop + 1)


def _y_range(
    curves: Sequence[Curve], window: tuple[float, float], options: Options
) -> tuple[float, float] | None:
    ranges = []
    for curve in curves:
        start, stop = _visible(curve, window)
        if start >= stop:
            continue
        part = (curve.points or ListPoints(curve.y)).extremes(start, stop)
        if part is None:
            continue
        if options.log and part[0] <= 0 < part[1]:
            # Only then does every value have to be looked at.
            part = (min(value for value in curve.y[start:stop] if value > 0), part[1])
        ranges.append(part)
    if not ranges:
        return None
    if options.log and any(high > 0 for _, high in ranges):
        ranges = [part for part in ranges if part[1] > 0]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if options.limit is not None:
        high = max(high, options.limit[0])
    return low, high


def _columns(curve: Curve, x: Scale, dots: int) -> Iterator[tuple[int, int, int]]:
    """(dot column, start, stop) of each dot column that points fall into, left to right.

    Points left and right of the window come as columns outside of [0, dots).
    """
    xs = curve.x
    at, stop = _visible(curve, (x.low, x.high))
    step = (x.high - x.low) / (dots - 1) if dots > 1 else 1.0
    while at < stop:
        column = math.floor((xs[at] - x.low) / step + 0.5)
        column = max(-1, min(dots, column))
        if column >= dots:
            yield column, at, at + 1
            return
        after = bisect_left(xs, x.low + (column + 0.5) * step, at + 1, stop)
        yield column, at, after
        at = after


def draw_line(canvas: Canvas, curve: Curve, x: Scale, y: Scale, gaps: set[int]) -> None:
    """Draw a curve; the cell columns where a value is not a number are added to ``gaps``."""
    points = curve.points or ListPoints(curve.y)
    top = 4 * canvas.height - 1
    before: tuple[int, int] | None = None

    def dot(value: float) -> int:
        return round(y.place(value) * top)

    for column, start, stop in _columns(curve, x, 2 * canvas.width):
        gap = points.has_gap(start, stop)
        if gap and curve.points is not None and 0 <= column < 2 * canvas.width:
            gaps.add(column // 2)
        part = points.extremes(start, stop)
        first, last = curve.y[start], curve.y[stop - 1]
        if part is None or (y.log and part[1] <= 0):
            before = None
            continue
        if before is not None and math.isfinite(first):
            _join(canvas, curve.role, before, (column, dot(first)))
        canvas.span(curve.role, column, dot(part[0]), dot(part[1]))
        before = (column, dot(last)) if math.isfinite(last) else None


def _join(canvas: Canvas, role: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    """A straight line of dots, each column from where the one before it ended."""
    (x0, y0), (x1, y1) = start, end
    columns = max(1, x1 - x0)
    height = y0
    for column in range(max(x0 + 1, 0), min(x1, 2 * canvas.width - 1) + 1):
        following = round(y0 + (y1 - y0) * (column - x0) / columns)
        if column == max(x0 + 1, 0) and x0 < 0:
            height = following
        if following > height:
            canvas.span(role, column, height + 1, following)
        elif following < height:
            canvas.span(role, column, following, height - 1)
        else:
            canvas.span(role, column, following, following)
        height = following


def _draw_points(canvas: Canvas, curve: Curve, x: Scale, y: Scale) -> None:
    start, stop = _visible(curve, (x.low, x.high))
    for at, value in zip(curve.x[start:stop], curve.y[start:stop], strict=False):
        if not x.low <= at <= x.high or not math.isfinite(value) or (y.log and value <= 0):
            continue
        column = round(x.place(at) * (canvas.width - 1))
        row = canvas.height - 1 - round(y.place(value) * (4 * canvas.height - 1)) // 4
        canvas.signs[row, column] = (curve.sign, curve.role)


def _plot_rows(
    canvas: Canvas, ticks: list[Tick], y: Scale, gutter: int, options: Options
) -> list[Row]:
    labels = {_row_of(tick.value, y, canvas.height): tick.label for tick in ticks}
    limit_row = limit_text = None
    if options.limit is not None and y.low <= options.limit[0] <= y.high:
        limit_row = _row_of(options.limit[0], y, canvas.height)
        limit_text = f" {options.limit[1]} "[: canvas.width]
    layers = [
        (role, canvas.dots[role])
        for role in reversed([*_ORDER, *(role for role in canvas.dots if role not in _ORDER)])
        if role in canvas.dots
    ]
    rows: list[Row] = []
    for row in range(canvas.height):
        label = labels.get(row, "")
        cells: Row = [(label.rjust(gutter)[:gutter] + " ", "label")]
        for column in range(canvas.width):
            cells.append(_cell(canvas, layers, row, column, row in labels, row == limit_row))
        if limit_text and row == limit_row:
            at = len(cells) - len(limit_text)
            cells[at:] = [(char, "limit") for char in limit_text]
        rows.append(_merge(cells))
    return rows


def _row_of(value: float, y: Scale, height: int) -> int:
    return height - 1 - round(y.place(value) * (4 * height - 1)) // 4


def _cell(
    canvas: Canvas,
    layers: list[tuple[str, list[int]]],
    row: int,
    column: int,
    grid: bool,
    limit: bool,
) -> Segment:
    sign = canvas.signs.get((row, column))
    if sign is not None:
        return sign
    at = row * canvas.width + column
    for role, cells in layers:
        if cells[at]:
            return chr(0x2800 + cells[at]), role
    if limit:
        return "╌", "limit"
    return ("┈", "grid") if grid else (" ", "grid")


def _x_axis(x: Scale, width: int, gutter: int, gaps: set[int], options: Options) -> list[Row]:
    line: list[Segment] = [("─", "axis")] * width
    words = [" "] * width
    free = 0
    unit = f" {options.x_unit}" if 0 < len(options.x_unit) < width // 2 else ""
    for tick in x.ticks(max(2, width // 12), options.x_kind, whole=True):
        at = round(x.place(tick.value) * (width - 1))
        start = max(0, min(at - len(tick.label) // 2, width - len(tick.label)))
        if start < free or start + len(tick.label) > width - len(unit):
            continue
        line[at] = ("┴", "axis")
        words[start : start + len(tick.label)] = tick.label
        free = start + len(tick.label) + 2
    for mark in options.marks:
        if x.low <= mark <= x.high:
            line[round(x.place(mark) * (width - 1))] = ("▴", "mark")
    for column in gaps:
        line[min(column, width - 1)] = ("×", "gap")
    if unit:
        words[width - len(unit) :] = unit
    margin = " " * (gutter + 1)
    return [
        _merge([(margin, "axis"), *line]),
        _merge([(margin, "label"), ("".join(words), "label")]),
    ]


def _empty(width: int, height: int, words: str) -> list[Row]:
    text = words[:width].center(width)
    blank = " " * width
    return [[(text if row == height // 2 else blank, "label")] for row in range(height)]


def _merge(cells: Row) -> Row:
    merged: Row = []
    for text, role in cells:
        if merged and merged[-1][1] == role:
            merged[-1] = (merged[-1][0] + text, role)
        else:
            merged.append((text, role))
    return merged
