"""Several training seeds: how far the scores spread, and how likely another one is better.

One seed is one throw. The rows of a suite say how sure the score of one set of weights is; only
other seeds say what the recipe does.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from engine.judge.clusters import student_interval
from engine.judge.distributions import crossing
from engine.judge.estimate import Estimate, Limits, check_finite
from engine.judge.stats import z_of
from engine.records.evaluation import Direction


@dataclass(frozen=True, slots=True)
class Spread:
    """Scores of one recipe over its seeds.

    ``mean`` has Student's interval; ``sd`` (n - 1 in the divisor) is None for fewer than two
    seeds, ``within`` (the pooled sd of passes of one seed) None where no seed was evaluated twice.
    """

    mean: Estimate
    sd: float | None
    least: float | None
    greatest: float | None
    within: float | None = None

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return self.mean.n


def spread_of(
    passes: Sequence[Sequence[float]],
    *,
    limits: Limits | None = (0.0, 1.0),
    confidence: float = 0.95,
) -> Spread:
    """``passes`` holds for each training seed the scores of its evaluation passes.

    The mean of a seed's passes counts once: passes say nothing of other seeds. A seed
    without a pass is left out: absent is not zero.
    """
    for one in passes:
        check_finite(one)
    means = [math.fsum(one) / len(one) for one in passes if one]
    mean = student_interval(means, limits=limits, confidence=confidence)
    if not means:
        return Spread(mean, None, None, None)
    sd = statistics.stdev(means) if len(means) > 1 else None
    return Spread(mean, sd, min(means), max(means), _within(passes))


def _within(passes: Sequence[Sequence[float]]) -> float | None:
    more = [one for one in passes if len(one) > 1]
    if not more:
        return None
    squares = math.fsum(
        math.fsum((score - math.fsum(one) / len(one)) ** 2 for score in one) for one in more
    )
    return math.sqrt(squares / sum(len(one) - 1 for one in more))


def probability_of_improvement(
    candidate: Sequence[float],
    baseline: Sequence[float],
    *,
    direction: Direction = "higher",
    confidence: float = 0.95,
) -> Estimate:
    """P(a seed of the candidate is better than a seed of the baseline), equal ones counting half.

    The Mann-Whitney U over all pairs, as R. Agarwal et al. (NeurIPS 2021) show it; ``n`` is the
    number of seeds of both. The interval is method 5 of R. G. Newcombe, Statistics in Medicine 25
    (2006) 559-573, which holds for few values and for 0 and 1. ``caution`` is set where no exact
    test of so few seeds could be sure (3 against 3: p of a clean sweep is 0.1), whatever the
    interval says. Without a seed on either side the value is None and the interval (0, 1).
    """
    check_finite(candidate)
    check_finite(baseline)
    m, n = len(candidate), len(baseline)
    z = z_of(confidence)
    what = f"Mann-Whitney, Newcombe's method 5, {m} against {n} seeds"
    if m == 0 or n == 0:
        side = "candidate" if m == 0 else "baseline"
        return Estimate(None, 0.0, 1.0, m + n, what, confidence, f"the {side} has no seeds")
    sign = 1 if direction == "higher" else -1
    better = sum(
        1.0 if sign * (one - other) > 0 else 0.5 if one == other else 0.0
        for one in candidate
        for other in baseline
    )
    theta = better / (m * n)
    low = 1 - _upper(1 - theta, m, n, z)
    high = _upper(theta, m, n, z)
    return Estimate(
        theta, max(0.0, min(low, theta)), high, m + n, what, confidence, _few(m, n, confidence)
    )


def _few(m: int, n: int, confidence: float) -> str | None:
    sweep = 2 / math.comb(m + n, m)
    if sweep < 1 - confidence:
        return None
    return f"{m} against {n} seeds say little: even a clean sweep has p = {min(1.0, sweep):.2g}"


def _upper(theta: float, m: int, n: int, z: float) -> float:
    """The value so far above ``theta`` as ``z`` standard errors that belong to that value."""
    if theta >= 1:
        return 1.0

    def far(value: float) -> bool:
        return value - theta >= z * math.sqrt(_variance(value, m, n))

    return crossing(far, theta, 1.0)


def _variance(theta: float, m: int, n: int) -> float:
    """J. Hanley and B. McNeil's variance of U / (m n), with Newcombe's even sizes."""
    even = (m + n) / 2 - 1
    more = (1 - theta) / (2 - theta) + theta / (1 + theta)
    return theta * (1 - theta) * (1 + even * more) / (m * n)
