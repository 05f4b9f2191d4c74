"""One metric's points in compact arrays, with a bound on how many, and quick extremes of any part.

A point has a step, the tokens trained so far, seconds of work and a value. All but the value never
fall from one point to the next, so a part of the course is found by bisection. Gaps (a value that
is not a number) are kept as NaN: a loss that became NaN must be seen.

A series that is full gives up detail where it is old: of each few neighbours only the lowest and
the highest stay. The old half is thinned evenly, however long the run, and the new half not at all.
That happens a piece at a time, so that no single point costs more than about a millisecond.
"""

from __future__ import annotations

import math
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import add, itemgetter
from typing import Literal

Axis = Literal["step", "tokens", "seconds"]

MAX_POINTS = 1 << 16
"""A series holds at most so many points: 2 MiB. Twenty metrics of a run are 40 MiB."""

_BLOCK = 64
_PIECE = 4096
"""Points that are thinned at once, a multiple of _BLOCK. Each _BLOCK of them becomes two, and where
that is not enough, later, each four of those."""


def packed(values: Sequence[float]) -> array[float]:
    """Numbers as an array: in a fifth of the time that ``array`` takes to read a sequence."""
    return array("d", struct.pack(f"{len(values)}d", *values))


class Course:
    """Where points lie that were measured together: what several series have in common."""

    __slots__ = ("_rises", "seconds", "step", "tokens")

    def __init__(
        self, step: Sequence[float], tokens: Sequence[float], seconds: Sequence[float]
    ) -> None:
        self.step, self.tokens, self.seconds = map(packed, (step, tokens, seconds))
        self._rises = all(sorted(one) == one for one in map(list, (step, tokens, seconds)))

    def __len__(self) -> int:
        return len(self.step)

    def only(self, places: Sequence[int]) -> Course:
        """The course of some of its points, in their order."""
        parts = (self.step, self.tokens, self.seconds)
        return Course(*([one[at] for at in places] for one in parts))

    def follows(self, series: Series) -> bool:
        """Whether nothing in it lies before what it follows, nor before the end of ``series``."""
        if not self._rises or not len(series):
            return self._rises
        return (
            self.step[0] >= series.step[-1]
            and self.tokens[0] >= series.tokens[-1]
            and self.seconds[0] >= series.seconds[-1]
        )


class Series:
    """Points of one metric. ``version`` rises when earlier points change, not when one is added."""

    __slots__ = (
        "_each",
        "_gaps",
        "_high",
        "_low",
        "_merged",
        "_thinned",
        "count",
        "seconds",
        "step",
        "tokens",
        "value",
        "version",
    )

    def __init__(self) -> None:
        self.step = array("d")
        self.tokens = array("d")
        self.seconds = array("d")
        self.value = array("d")
        self.count = 0
        """How many values were ever added, thinned and replaced ones included."""
        self.version = 0
        self._low = array("d")
        self._high = array("d")
        self._gaps = array("q")
        self._thinned = 0
        """Points up to here were thinned; a multiple of _BLOCK, as the next."""
        self._merged = 0
        """Points up to here stand for twice as many as the other thinned ones."""
        self._each = _BLOCK

    def __len__(self) -> int:
        return len(self.value)

    def x(self, axis: Axis) -> array[float]:
        """The points' places on an axis; a view, not a copy."""
        if axis == "step":
            return self.step
        return self.tokens if axis == "tokens" else self.seconds

    @property
    def last(self) -> float | None:
        """The newest value, NaN included; None before the first."""
        return self.value[-1] if self.value else None

    def last_finite(self) -> float | None:
        """The newest value that is a number; None where there is none."""
        for value in reversed(self.value):
            if math.isfinite(value):
                return value
        return None

    def add(self, step: float, tokens: float, seconds: float, value: float) -> None:
        """Add a point. A step that lies before the last replaces the course from there on.

        That is what a resumed stage does: it does the steps after its checkpoint again.
        Infinite values count as NaN: they have no place on an axis.
        """
        if self.step:
            if step < self.step[-1]:
                self.cut(bisect_left(self.step, step))
            if self.step:
                tokens = max(tokens, self.tokens[-1])
                seconds = max(seconds, self.seconds[-1])
        if len(self.value) >= MAX_POINTS:
            self._thin()
        self.step.append(step)
        self.tokens.append(tokens)
        self.seconds.append(seconds)
        if math.isfinite(value):
            self.value.append(value)
        else:
            self._gaps.append(len(self.value))
            self.value.append(math.nan)
        self.count += 1
        if len(self.value) % _BLOCK == 0:
            self._close_block(len(self.value) - _BLOCK)

    def extend(self, course: Course, values: Sequence[float]) -> None:
        """Add a point for each place of the course, as ``add`` does one by one, but quickly."""
        if not course.follows(self) or not math.isfinite(sum(values)):
            for point in zip(course.step, course.tokens, course.seconds, values, strict=True):
                self.add(*point)
            return
        at = 0
        while at < len(values):
            if len(self.value) >= MAX_POINTS:
                self._thin()
            stop = min(len(values), at + MAX_POINTS - len(self.value))
            closed = len(self._low) * _BLOCK
            self.step += course.step[at:stop]
            self.tokens += course.tokens[at:stop]
            self.seconds += course.seconds[at:stop]
            self.value += packed(values[at:stop])
            self.count += stop - at
            if len(self.value) - closed >= _BLOCK:
                self._close_block(closed)
                inner = at + closed + _BLOCK - (len(self.value) - (stop - at))
                blocks = list(zip(*[iter(values[inner:stop])] * _BLOCK, strict=False))
                self._low += packed([*map(min, blocks)])
                self._high += packed([*map(max, blocks)])
            at = stop

    def cut(self, length: int) -> None:
        """Forget all points from the index ``length`` on."""
        if length >= len(self.value):
            return
        for one in (self.step, self.tokens, self.seconds, self.value):
            del one[length:]
        del self._gaps[bisect_left(self._gaps, length) :]
        blocks = length // _BLOCK
        del self._low[blocks:]
        del self._high[blocks:]
        self._thinned = min(self._thinned, blocks * _BLOCK)
        self._merged = min(self._merged, blocks * _BLOCK)
        self.version += 1

    def extremes(self, start: int, stop: int) -> tuple[float, float] | None:
        """The lowest and highest finite value of the points [start, stop); None without any."""
        first, last = -(-start // _BLOCK), stop // _BLOCK
        if first >= last:
            return _extremes(self.value[start:stop])
        parts = (
            _extremes(self.value[start : first * _BLOCK]),
            _extremes(self.value[last * _BLOCK : stop]),
            _block_extremes(self._low[first:last], self._high[first:last]),
        )
        found = [part for part in parts if part is not None]
        if not found:
            return None
        return min(low for low, _ in found), max(high for _, high in found)

    def has_gap(self, start: int, stop: int) -> bool:
        """Whether a value among the points [start, stop) is not a number."""
        at = bisect_left(self._gaps, start)
        return at < len(self._gaps) and self._gaps[at] < stop

    def _close_block(self, start: int) -> None:
        low, high = _extremes(self.value[start : start + _BLOCK]) or (math.inf, -math.inf)
        self._low.append(low)
        self._high.append(high)

    def _thin(self) -> None:
        """Make room: thin the next piece, and where the thinned ones are many, merge some."""
        size = min(max(_PIECE, self._each * _BLOCK // 2), MAX_POINTS // 4)
        self._thinned += self._squeeze(self._thinned, size, self._each)
        if self._thinned > MAX_POINTS // 2:
            size = min(_PIECE, self._thinned - self._merged)
            kept = self._squeeze(self._merged, size, 4)
            self._merged += kept
            self._thinned += kept - size
            if self._merged >= self._thinned:
                self._merged = 0
                self._each *= 2
        self.version += 1

    def _squeeze(self, start: int, size: int, neighbours: int) -> int:
        """Of ``size`` points from ``start`` on keep two of so many neighbours; how many stayed."""
        stop = start + size
        values = self.value[start:stop].tolist()
        if self.has_gap(start, stop):
            chosen = _places_with_gaps(values, neighbours)
        elif neighbours == _BLOCK:
            blocks = slice(start // _BLOCK, stop // _BLOCK)
            chosen = _places(values, neighbours, self._low[blocks], self._high[blocks])
        else:
            chosen = _places(values, neighbours)
        if start == 0:
            chosen.add(0)  # where the axis begins
        kept = _filled(chosen, size)
        pick = itemgetter(*kept)
        for one in (self.step, self.tokens, self.seconds, self.value):
            one[start:stop] = array("d", pick(one[start:stop]))
        first, last = bisect_left(self._gaps, start), bisect_left(self._gaps, stop)
        inside = (start + i for i, at in enumerate(kept) if math.isnan(values[at]))
        after = (at - size + len(kept) for at in self._gaps[last:])
        self._gaps = self._gaps[:first] + array("q", inside) + array("q", after)
        parts = [
            _extremes(self.value[at : at + _BLOCK]) or (math.inf, -math.inf)
            for at in range(start, start + len(kept), _BLOCK)
        ]
        blocks = slice(start // _BLOCK, stop // _BLOCK)
        self._low[blocks] = array("d", (low for low, _ in parts))
        self._high[blocks] = array("d", (high for _, high in parts))
        return len(kept)


def _places(
    values: list[float],
    neighbours: int,
    low: Iterable[float] | None = None,
    high: Iterable[float] | None = None,
) -> set[int]:
    """Where the lowest and the highest of each so many neighbours are; all are numbers.

    ``low`` and ``high`` are those values, where they are known.
    """
    some = list(zip(*[iter(values)] * neighbours, strict=False))
    starts = range(0, len(values), neighbours)
    found = set(map(add, starts, map(tuple.index, some, low or map(min, some))))
    found.update(map(add, starts, map(tuple.index, some, high or map(max, some))))
    return found


def _places_with_gaps(values: list[float], neighbours: int) -> set[int]:
    """The same where some are NaN: the first of these stays too, so that no gap is lost."""
    found: set[int] = set()
    for start in range(0, len(values), neighbours):
        some = range(start, min(len(values), start + neighbours))
        real = [at for at in some if not math.isnan(values[at])]
        if real:
            found |= {min(real, key=values.__getitem__), max(real, key=values.__getitem__)}
        if len(real) < len(some):
            found.add(next(at for at in some if math.isnan(values[at])))
    return found


def _filled(places: set[int], size: int) -> list[int]:
    """The places in order, with so many others that whole blocks are filled."""
    missing = -len(places) % _BLOCK
    others = (at for at in range(size) if at not in places)
    return sorted(places.union(next(others) for _ in range(missing)))


def _extremes(values: array[float]) -> tuple[float, float] | None:
    if not values:
        return None
    # A NaN anywhere makes the sum NaN; then, and only then, the slow way is needed.
    if math.isnan(sum(values)):
        values = array("d", (v for v in values if not math.isnan(v)))
        if not values:
            return None
    return min(values), max(values)


def _block_extremes(low: array[float], high: array[float]) -> tuple[float, float] | None:
    lowest = min(low)
    return None if lowest == math.inf else (lowest, max(high))


class Smooth:
    """A debiased exponential mean of a series, kept up to date as points are added.

    ``weight`` in [0, 1) is how much of the mean before stays at each point. The bias towards zero
    at the beginning is taken out by dividing by ``1 - weight**n`` (Kingma and Ba, 2015, section 3).
    A gap leaves the mean as it is and stays a gap.
    """

    def __init__(self, series: Series, weight: float) -> None:
        self.series = series
        self.weight = weight
        self.value = array("d")
        self._version = series.version
        self._mean = 0.0
        self._norm = 1.0

    def update(self, most: int | None = None) -> array[float]:
        """One smoothed value for each point of the series; a view, not a copy.

        With ``most``, at most so many points are added now, and the rest by later calls.
        """
        if self._version != self.series.version:
            self._version = self.series.version
            self.value = array("d")
            self._mean, self._norm = 0.0, 1.0
        weight, mean, norm, out = self.weight, self._mean, self._norm, self.value
        stop = len(self.series) if most is None else len(out) + most
        for value in self.series.value[len(out) : stop]:
            if value != value:
                out.append(value)
                continue
            mean = weight * mean + (1.0 - weight) * value
            norm *= weight
            out.append(mean / (1.0 - norm))
        self._mean, self._norm = mean, norm
        return out
