"""One metric's points in compact arrays, with a bound on how many, and quick extremes of any part.

A point has a step, the tokens trained so far, seconds of work and a value. All but the value never
fall from one point to the next, so a part of the course is found by bisection. Gaps (a value that
is not a number) are kept as NaN: a loss that became NaN must be seen.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from typing import Literal

Axis = Literal["step", "tokens", "seconds"]

MAX_POINTS = 1 << 18
"""A series holds at most so many points: 8 MiB. Beyond, each four become their two extremes."""

_BLOCK = 64


class Series:
    """Points of one metric. ``version`` rises when earlier points change, not when one is added."""

    __slots__ = ("_gaps", "_high", "_low", "count", "seconds", "step", "tokens", "value", "version")

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
        """Halve the older half: of each four points the lowest and the highest stay, in order.

        A NaN among four stays too, so that no gap is lost.
        """
        half = len(self.value) // 2
        keep: list[int] = []
        value = self.value
        for start in range(0, half - half % 4, 4):
            four = range(start, start + 4)
            numbers = [i for i in four if not math.isnan(value[i])]
            gaps = [i for i in four if math.isnan(value[i])]
            if not numbers:
                keep += [start, start + 3]
                continue
            low, high = min(numbers, key=value.__getitem__), max(numbers, key=value.__getitem__)
            keep += sorted({low, high, *gaps[:1]})
        rest = half - half % 4
        for name in ("step", "tokens", "seconds", "value"):
            old: array[float] = getattr(self, name)
            setattr(self, name, array("d", (old[i] for i in keep)) + old[rest:])
        self._gaps = array("q", (i for i, one in enumerate(self.value) if math.isnan(one)))
        self._low, self._high = array("d"), array("d")
        for start in range(0, len(self.value) - _BLOCK + 1, _BLOCK):
            self._close_block(start)
        self.version += 1


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

    def update(self) -> array[float]:
        """One smoothed value for each point of the series; a view, not a copy."""
        if self._version != self.series.version:
            self._version = self.series.version
            self.value = array("d")
            self._mean, self._norm = 0.0, 1.0
        weight, mean, norm, out = self.weight, self._mean, self._norm, self.value
        for value in self.series.value[len(out) :]:
            if value != value:
                out.append(value)
                continue
            mean = weight * mean + (1.0 - weight) * value
            norm *= weight
            out.append(mean / (1.0 - norm))
        self._mean, self._norm = mean, norm
        return out
