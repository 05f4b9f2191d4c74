"""The interval of a mean where rows share a source: one document, one template, one person.

Ten questions about one document are not ten independent questions. An interval that takes them for
such is too narrow, often by half (E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.judge.distributions import student_reach
from engine.judge.estimate import Estimate, Limits, check_finite, check_groups, nothing
from engine.judge.stats import wilson


def group_sums(values: Sequence[float], groups: Sequence[str]) -> list[tuple[float, int]]:
    """(sum of its values, number of its rows) for each source, in the order of first sight."""
    members: dict[str, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        members.setdefault(group, []).append(value)
    return [(math.fsum(some), len(some)) for some in members.values()]


def clustered_error(values: Sequence[float], groups: Sequence[str]) -> float | None:
    """The standard error of the mean, with rows of one source taken together.

    The sandwich estimator of K.-Y. Liang and S. Zeger, Biometrika 73 (1986) 13-22, for a mean:
    root of the summed squares of each source's summed residuals, over n, times G / (G - 1) for
    G sources. With a source for each row it is the common standard error. None for fewer than
    two sources.
    """
    check_groups(len(values), groups)
    sums = group_sums(values, groups)
    if len(sums) < 2:
        return None
    n = len(values)
    mean = math.fsum(values) / n
    squares = math.fsum((total - size * mean) ** 2 for total, size in sums)
    return math.sqrt(squares * len(sums) / (len(sums) - 1)) / n


def student_interval(
    values: Sequence[float],
    groups: Sequence[str] | None = None,
    *,
    limits: Limits | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """The mean with Student's interval, clustered where ``groups`` (a source a row) are given.

    Mean ± t with G - 1 degrees of freedom times the clustered standard error, cut off at
    ``limits``. One row or one source gives the limits, or no interval where there are none.
    So do rows or sources that are all the same: they show no spread, which is not a spread of 0.
    """
    check_finite(values)
    n = len(values)
    if n == 0:
        return nothing(limits, confidence)
    sources = groups if groups is not None else [str(i) for i in range(n)]
    mean = math.fsum(values) / n
    count = len(set(sources))
    what = "Student" if groups is None else f"clustered, {count} sources"
    error = clustered_error(values, sources)
    low, high = limits if limits is not None else (None, None)
    if error is None:
        only = "one row" if n == 1 else f"{n} rows of one source"
        return Estimate(mean, low, high, n, what, confidence, f"{only} shows no spread")
    if no_spread(values, error):
        each = "row" if groups is None else "source"
        caution = f"every {each} is the same, so nothing is known of the spread"
        return Estimate(mean, low, high, n, what, confidence, caution)
    reach = student_reach(confidence, count - 1) * error
    bottom, top = mean - reach, mean + reach
    if limits is not None:
        bottom, top = max(limits[0], bottom), min(limits[1], top)
    return Estimate(mean, bottom, top, n, what, confidence, _rough(count))


def no_spread(values: Sequence[float], error: float) -> bool:
    """Is the standard error 0 but for rounding? That is too little data, not certainty."""
    return error <= 1e-12 * max(abs(value) for value in values)


FEW_SOURCES = 10
"""With fewer sources a clustered interval is known to be rough, and says so."""


def clustered_share(
    scores: Sequence[float], groups: Sequence[str], confidence: float = 0.95
) -> Estimate:
    """The mean of scores in [0, 1] with an interval that stays in there and is never too sure.

    Wilson's interval at the effective number of rows: n over the design effect, adjusted for
    G - 1 degrees of freedom (E. Korn and B. Graubard, Survey Methodology 24 (1998) 193-201, who
    do it with another binomial interval). A design effect below 1 is not credited. Where
    the spread cannot be seen (all right, all wrong, one source) each source counts as one row.
    ValueError for a score outside [0, 1].
    """
    check_groups(len(scores), groups)
    check_finite(scores)
    if any(not 0 <= score <= 1 for score in scores):
        raise ValueError("a clustered share needs scores between 0 and 1")
    n = len(scores)
    if n == 0:
        return nothing((0.0, 1.0), confidence)
    mean = min(1.0, math.fsum(scores) / n)
    count = len(set(groups))
    method = f"Wilson, clustered, {count} sources"
    effective = float(count)
    error = clustered_error(scores, groups)
    if error and 0 < mean < 1 and count < n:
        # Wilson assumes mean * (1 - mean) / n; that is the variance to be effective against.
        seen = min(n, mean * (1 - mean) / error**2)
        few = student_reach(confidence, n - 1) / student_reach(confidence, count - 1)
        effective = seen * few**2
    low, high = _wilson_at(mean, effective, confidence)
    return Estimate(mean, low, high, n, method, confidence, _rough(count))


def _rough(sources: int) -> str | None:
    return f"only {sources} sources: the interval is rough" if sources < FEW_SOURCES else None


def _wilson_at(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval for a number of rows that need not be whole."""
    whole = max(1, math.floor(n))
    return wilson(share * whole, whole, confidence)


def shares_sources(groups: Sequence[str] | None) -> bool:
    """Is there a source that more than one row came from?"""
    return groups is not None and len(set(groups)) < len(groups)
