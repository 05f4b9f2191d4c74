"""A number with how sure it is: what every statistic that is shown is handed on as."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its two-sided interval, both in the unit of what was measured.

    ``value`` is None where nothing was measured: absent is not zero. ``low`` and ``high`` are None
    together, where the data cannot give an interval; ``caution`` then says why, and it also warns
    of one that is known to be rough. ``n`` counts rows. ``method`` is fit for a record: it
    has the seed and the number of resamples where there were any. ``confidence`` is in (0, 1).
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    confidence: float = 0.95
    caution: str | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high), or None where there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def excludes(self, value: float) -> bool:
        """Does ``value`` lie outside the interval? False where there is none: nothing is known."""
        return self.interval is not None and not self.interval[0] <= value <= self.interval[1]


Limits = tuple[float, float]
"""The least and the greatest value that is possible: (0, 1) for a score."""


def nothing(limits: Limits | None, confidence: float) -> Estimate:
    """The estimate from no rows at all."""
    low, high = limits if limits is not None else (None, None)
    return Estimate(None, low, high, 0, "none", confidence, "there are no rows")


def check_finite(values: Sequence[float], what: str = "score") -> None:
    """ValueError that names the first value that is no finite number (counted from 1)."""
    for number, value in enumerate(values, start=1):
        if not math.isfinite(value):
            raise ValueError(f"{what} number {number} is {value}, not a finite number")


def check_groups(count: int, groups: Sequence[str] | None) -> None:
    """ValueError where there is not one source for each of ``count`` rows."""
    if groups is not None and len(groups) != count:
        raise ValueError(f"{count} rows have {len(groups)} sources; each row needs one")
