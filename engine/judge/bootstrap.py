"""Bootstrap intervals of a mean: rows (or whole sources) drawn again and again, with a seed.

NumPy is imported inside: who only reads a score does not pay for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from engine.judge.clusters import clustered_error, group_sums, no_spread, student_interval
from engine.judge.estimate import Estimate, Limits, check_finite, check_groups, nothing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["percentile", "bca"]

RESAMPLES = 9_999
"""Draws of the whole set; the ends of an interval then wander by about 1 % of its width."""

FEWEST_RESAMPLES = 999
MOST_PICKS = 50_000_000
"""Rows picked in all: a large set is drawn less often (never under FEWEST_RESAMPLES)."""

FEWEST_UNITS = 8
"""With fewer rows or sources there is too little to draw from: Student's interval is given."""

_CHUNK = 2_000_000


def bootstrap_mean(
    values: Sequence[float],
    groups: Sequence[str] | None = None,
    *,
    kind: Kind = "bca",
    seed: int = 0,
    resamples: int = RESAMPLES,
    limits: Limits | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """The mean of ``values`` with a bootstrap interval; the same seed gives the same interval.

    ``percentile`` takes the quantiles of the means of resamples, ``bca`` corrects them for bias
    and skewness (B. Efron, JASA 82 (1987) 171-185). Where ``groups`` names a source for
    each value, whole sources are drawn. With fewer than 8 of what is drawn, or where all are the
    same, it is ``student_interval``, which says so. ``resamples`` is at least 1; fewer are drawn
    from a very large set, and ``method`` tells how many. ValueError for a value that is no number.
    """
    check_finite(values)
    check_groups(len(values), groups)
    if resamples < 1:
        raise ValueError(f"{resamples} resamples are too few")
    if not values:
        return nothing(limits, confidence)
    units = [(value, 1) for value in values] if groups is None else group_sums(values, groups)
    sources = groups if groups is not None else [str(i) for i in range(len(values))]
    error = clustered_error(values, sources)
    if len(units) < FEWEST_UNITS or error is None or no_spread(values, error):
        return student_interval(values, groups, limits=limits, confidence=confidence)
    count = min(resamples, max(FEWEST_RESAMPLES, MOST_PICKS // len(units)))
    means = resampled_means(units, count, seed)
    mean = math.fsum(values) / len(values)
    shares = ((1 - confidence) / 2, (1 + confidence) / 2)
    if kind == "bca":
        shares = bca_shares(means, mean, units, confidence)
    low, high = _quantiles(means, shares)
    drawn = "" if groups is None else f" of {len(units)} sources"
    method = f"bootstrap {kind}{drawn}, {count} resamples, seed {seed}"
    if limits is not None:  # a mean of draws stays inside but for rounding
        low, high = max(limits[0], low), min(limits[1], high)
    return Estimate(mean, low, high, len(values), method, confidence)


def resampled_means(
    units: Sequence[tuple[float, int]], resamples: int, seed: int
) -> NDArray[np.float64]:
    """The mean of each resample: ``units`` are (sum, rows), drawn with replacement."""
    import numpy as np

    rng = np.random.default_rng(seed)
    sums = np.array([total for total, _ in units], dtype=np.float64)
    sizes = np.array([size for _, size in units], dtype=np.float64)
    n = len(units)
    parts = []
    chunk = max(1, _CHUNK // n)
    for start in range(0, resamples, chunk):
        picks = rng.integers(0, n, size=(min(chunk, resamples - start), n), dtype=np.int64)
        parts.append(sums[picks].sum(axis=1) / sizes[picks].sum(axis=1))
    return np.concatenate(parts)


def bca_shares(
    means: NDArray[np.float64], mean: float, units: Sequence[tuple[float, int]], confidence: float
) -> tuple[float, float]:
    """Which quantiles of the resampled means bound the BCa interval, each in [0, 1].

    The bias is how far from the middle the mean lies among them (equal ones count half), the
    acceleration is the skewness of the means with one unit left out. The plain quantiles where
    all resamples lie on one side.
    """
    normal = NormalDist()
    plain = ((1 - confidence) / 2, (1 + confidence) / 2)
    below = (float((means < mean).mean()) + float((means <= mean).mean())) / 2
    if not 0 < below < 1:
        return plain
    bias = normal.inv_cdf(below)
    total, rows = math.fsum(one for one, _ in units), sum(size for _, size in units)
    without = [(total - one) / (rows - size) for one, size in units]
    centre = math.fsum(without) / len(without)
    away = [centre - one for one in without]
    squares = math.fsum(one * one for one in away)
    skew = math.fsum(one**3 for one in away) / (6 * squares**1.5) if squares > 0 else 0.0

    def moved(share: float) -> float:
        z = bias + normal.inv_cdf(share)
        return normal.cdf(bias + z / (1 - skew * z)) if skew * z < 1 else plain[share > 0.5]

    return moved(plain[0]), moved(plain[1])


def _quantiles(means: NDArray[np.float64], shares: tuple[float, float]) -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(means, shares)
    return float(low), float(high)
