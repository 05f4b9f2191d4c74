"""One suite's score with an interval: which method fits the rows that there are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.judge.bootstrap import bootstrap_mean
from engine.judge.clusters import clustered_share, shares_sources
from engine.judge.estimate import Estimate, check_finite, check_groups, nothing
from engine.judge.stats import wilson


def right_or_wrong(scores: Sequence[float]) -> bool:
    """Are all scores 0 or 1?"""
    return all(score in (0, 1) for score in scores)


def score_estimate(
    scores: Sequence[float],
    sources: Sequence[str] | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """The mean of ``scores``, each in [0, 1], with the interval that fits them.

    Rows that share a source: clustered. All right or wrong: Wilson. Graded: BCa
    bootstrap with ``seed``; where there are too few rows for it, or all are the same, Wilson's
    interval of the summed score, which is too wide rather than too narrow, since no score between
    0 and 1 spreads more than right and wrong do. ValueError for a score outside [0, 1].
    """
    check_finite(scores)
    check_groups(len(scores), sources)
    for number, score in enumerate(scores, start=1):
        if not 0 <= score <= 1:
            raise ValueError(f"score number {number} is {score}; scores lie between 0 and 1")
    if not scores:
        return nothing((0.0, 1.0), confidence)
    if sources is not None and shares_sources(sources):
        return clustered_share(scores, sources, confidence)
    n = len(scores)
    if not right_or_wrong(scores):
        drawn = bootstrap_mean(scores, seed=seed, limits=(0.0, 1.0), confidence=confidence)
        if drawn.method.startswith("bootstrap"):
            return drawn
    total = min(float(n), math.fsum(scores))
    low, high = wilson(total, n, confidence)
    caution = f"{n} row{'s' if n > 1 else ''} say little" if n < FEW_ROWS else None
    return Estimate(total / n, low, high, n, "Wilson", confidence, caution)


FEW_ROWS = 6
"""With fewer rows even a clean sweep of flips has p of 0.0625 or more: nothing can be told."""
