"""Curves: points over an x axis, and what is asked of a part of them. No Textual in here."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tui.widgets.scale import Scale


class Points(Protocol):
    """What a curve is drawn from; ``engine.live.series.Series`` is one."""

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

    ``shape`` "line" is drawn in dots, "points" as one sign for each point. ``name`` is what the
    curve is called where its value at one place is told; without a name it is not told. No line
    is drawn across a place of ``breaks``.
    """

    x: Sequence[float]
    y: Sequence[float]
    role: str = "smooth"
    shape: Literal["line", "points"] = "line"
    sign: str = "●"
    points: Points | None = None
    name: str = ""
    breaks: Sequence[float] = ()

    @property
    def count(self) -> int:
        """Points that have both: a smoothed curve may lag behind its steps."""
        return min(len(self.x), len(self.y))

    def nearest(self, at: float) -> int | None:
        """The index of the point that lies nearest to a place on the x axis; None without any."""
        count = self.count
        if not count:
            return None
        after = find(self.x, at, 0, count)
        if after == count or (after and at - self.x[after - 1] <= self.x[after] - at):
            return after - 1
        return after


def find(xs: Sequence[float], at: float, start: int, stop: int) -> int:
    """The first index in [start, stop) whose place is not below ``at``, else ``stop``."""
    own = getattr(xs, "find", None)
    if own is not None:
        # Places that are worked out when asked for know a quicker way.
        return int(own(at, start, stop))
    return bisect_left(xs, at, start, stop)


def x_range(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """The first and the last place of all curves on the x axis; None without any point."""
    ends = [(curve.x[0], curve.x[curve.count - 1]) for curve in curves if curve.count]
    if not ends:
        return None
    return min(start for start, _ in ends), max(end for _, end in ends)


def visible(curve: Curve, window: tuple[float, float]) -> tuple[int, int]:
    """The points inside the window and one more at either side, so that lines reach its edges."""
    count = curve.count
    start = find(curve.x, window[0], 0, count)
    stop = find(curve.x, math.nextafter(window[1], math.inf), start, count)
    return max(0, start - 1), min(count, stop + 1)


def y_range(
    curves: Sequence[Curve], window: tuple[float, float], *, log: bool = False
) -> tuple[float, float] | None:
    """The lowest and highest value inside the window; with ``log`` of those above 0, if any is."""
    ranges = []
    for curve in curves:
        start, stop = visible(curve, window)
        if start >= stop:
            continue
        part = (curve.points or ListPoints(curve.y)).extremes(start, stop)
        if part is None:
            continue
        if log and part[0] <= 0 < part[1]:
            # Only then does every value have to be looked at.
            part = (min(value for value in curve.y[start:stop] if value > 0), part[1])
        ranges.append(part)
    if not ranges:
        return None
    if log and any(high > 0 for _, high in ranges):
        ranges = [part for part in ranges if part[1] > 0]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def columns(curve: Curve, x: Scale, dots: int) -> Iterator[tuple[int, int, int]]:
    """(dot column, start, stop) of each dot column that points fall into, left to right.

    Points left and right of the window come as columns outside of [0, dots).
    """
    xs = curve.x
    at, stop = visible(curve, (x.low, x.high))
    step = (x.high - x.low) / (dots - 1) if dots > 1 else 1.0
    while at < stop:
        column = math.floor((xs[at] - x.low) / step + 0.5)
        column = max(-1, min(dots, column))
        if column >= dots:
            yield column, at, at + 1
            return
        after = find(xs, x.low + (column + 0.5) * step, at + 1, stop)
        yield column, at, after
        at = after
