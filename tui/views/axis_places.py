"""Where the points of a series lie on the x axis that was chosen. No Textual in here."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import overload

from engine.live.projected import StageView
from engine.live.series import Series
from tui.views.chart_settings import ChartAxis
from tui.widgets.scale import Kind, clock_time

X_KINDS: dict[ChartAxis, Kind] = {
    "step": "number",
    "tokens": "number",
    "seconds": "seconds",
    "clock": "clock",
}


class ClockPlaces(Sequence[float]):
    """The times (seconds since the epoch) of seconds of work, each worked out when it is asked for.

    ``attempts`` are (when it started, the stage's clock then), in order: between two attempts of a
    stage the work stood still, and the time of day did not.
    """

    def __init__(self, seconds: Sequence[float], attempts: Sequence[tuple[float, float]]) -> None:
        self._seconds = seconds
        self._began: list[float] = []
        self._worked: list[float] = []
        for began, worked in attempts:
            # A clock that was set back must not make the curve run backwards.
            if self._began:
                began = max(began, self._began[-1] + worked - self._worked[-1])
            self._began.append(began)
            self._worked.append(worked)

    def __len__(self) -> int:
        return len(self._seconds)

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> list[float]: ...
    def __getitem__(self, index: int | slice) -> float | list[float]:
        if isinstance(index, slice):
            return [self._time(one) for one in self._seconds[index]]
        return self._time(self._seconds[index])

    def find(self, time: float, start: int, stop: int) -> int:
        """The first index in [start, stop) that is not before a time, else ``stop``."""
        at = max(0, bisect_right(self._began, time) - 1)
        seconds = time - self._began[at] + self._worked[at]
        if at + 1 < len(self._worked):
            # Between two attempts: the first point of the next one.
            seconds = min(seconds, math.nextafter(self._worked[at + 1], math.inf))
        found = bisect_left(self._seconds, seconds, start, stop)
        if found < stop and self._seconds[found] == self._worked[at] and self[found] < time:
            # The last point of an attempt before has the clock with which this one began.
            found = bisect_right(self._seconds, self._worked[at], found, stop)
        return found

    def _time(self, seconds: float) -> float:
        # The last point of an attempt has the clock with which the next one begins.
        at = max(0, bisect_left(self._worked, seconds) - 1)
        return self._began[at] + seconds - self._worked[at]


def places(stage: StageView, series: Series, axis: ChartAxis) -> Sequence[float]:
    """The points' places on an axis; a view, not a copy."""
    if axis == "clock":
        return ClockPlaces(series.seconds, stage.attempts)
    return series.x(axis)


def usable(stage: StageView, axis: ChartAxis) -> ChartAxis:
    """The axis that was asked for where this stage has it; else steps, else seconds of work.

    A command that reports no tokens has none to draw over, and one that only has samples of its
    memory has no steps: on such an axis all points would lie on one spot.
    """
    for one in (axis, "step", "seconds"):
        if one == "clock":
            if stage.attempts:
                return "clock"
        elif _extent(stage, one) > 0:
            return one
    return "step"


def _extent(stage: StageView, axis: ChartAxis) -> float:
    whole = whole_range(stage, axis)
    return whole[1] - whole[0] if whole else 0.0


def whole_range(stage: StageView, axis: ChartAxis) -> tuple[float, float] | None:
    """The first and the last place of all that the stage measured; None before the first point."""
    ends = [
        (found[0], found[-1])
        for series in stage.series.values()
        if len(series) and (found := places(stage, series, axis))
    ]
    return (min(a for a, _ in ends), max(b for _, b in ends)) if ends else None


def unit(axis: ChartAxis, at: float | None = None) -> str:
    """What stands beside the axis. Times of day come with the zone of this machine's clock."""
    if axis == "clock":
        zone = clock_time(at, "%Z") if at is not None else ""
        return f"time of day {zone}".rstrip()
    return {"step": "steps", "tokens": "tokens", "seconds": "working time"}[axis]
