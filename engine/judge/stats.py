"""Intervals and tests for right-or-wrong scores. Standard library only.

All shares are in [0, 1]. ``confidence`` is two-sided, 0.95 unless told.
"""

from __future__ import annotations

import math


def z_of(confidence: float) -> float:
    """How many standard errors a two-sided interval of this confidence reaches: 1.96 at 0.95.

    ValueError where ``confidence`` does not lie between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    from statistics import NormalDist  # its fractions and decimals are not for the first paint

    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share, without continuity correction.

    E. B. Wilson, JASA 22 (1927) 209-212. ``successes`` may be a sum of partial scores.
    With ``n`` of 0 nothing is known: (0, 1). ValueError where successes lie outside 0 to n.
    """
    z = z_of(confidence)
    if n == 0 and successes == 0:
        return 0.0, 1.0
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if successes == n else min(1.0, (centre + spread) / scale)
    return low, high


def mcnemar(fixed: int, broken: int) -> float:
    """The exact two-sided p of McNemar's test: is as much broken as fixed?

    ``fixed`` examples were wrong before and are right now, ``broken`` the reverse. Under no
    difference each flip is a fair coin, so p is twice the smaller binomial tail, at most 1.
    No flip at all is no evidence: 1.
    """
    if fixed < 0 or broken < 0:
        raise ValueError("flips cannot be negative")
    n = fixed + broken
    term = tail = 1
    for i in range(min(fixed, broken)):
        term = term * (n - i) // (i + 1)
        tail += term
    doubled: float = 2 * tail / 2**n
    return min(1.0, doubled)


def paired_difference(
    fixed: int, broken: int, n: int, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Candidate's share minus baseline's over the same ``n`` examples, with an interval.

    (difference, low, high). The interval is the adjusted Wald of A. Agresti and Y. Min,
    Statistics in Medicine 24 (2005) 729-740: half an example is added to each of the four
    cells, so it keeps a width where nothing flipped. With ``n`` of 0: (0, -1, 1).
    """
    z = z_of(confidence)
    if fixed < 0 or broken < 0 or fixed + broken > n:
        raise ValueError(f"{fixed} fixed and {broken} broken of {n} is not possible")
    if n == 0:
        return 0.0, -1.0, 1.0
    more, less, total = fixed + 0.5, broken + 0.5, n + 2
    centre = (more - less) / total
    spread = z * math.sqrt((more + less) - (more - less) ** 2 / total) / total
    return (fixed - broken) / n, max(-1.0, centre - spread), min(1.0, centre + spread)


def newcombe_paired(
    both: int, fixed: int, broken: int, neither: int, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Candidate's share minus baseline's over the same examples, with Newcombe's interval.

    (difference, low, high), from the four cells: right ``both`` times, ``fixed`` (wrong, then
    right), ``broken`` (right, then wrong), right ``neither`` time. The interval is method 10 of
    R. G. Newcombe, Statistics in Medicine 17 (1998) 2635-2650: Wilson's limits of the two shares,
    joined under their correlation. Unlike ``paired_difference`` it knows how much stayed right.
    Without any example: (0, -1, 1). ValueError for a negative count.
    """
    if min(both, fixed, broken, neither) < 0:
        raise ValueError("a count of examples cannot be negative")
    n = both + fixed + broken + neither
    if n == 0:
        return 0.0, -1.0, 1.0
    before, after = (both + broken) / n, (both + fixed) / n
    low_before, high_before = wilson(both + broken, n, confidence)
    low_after, high_after = wilson(both + fixed, n, confidence)
    phi = _correlation(both, fixed, broken, neither)

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one + other * other - 2 * phi * one * other))

    difference = (fixed - broken) / n
    return (
        difference,
        max(-1.0, difference - reach(after - low_after, high_before - before)),
        min(1.0, difference + reach(high_after - after, before - low_before)),
    )


def _correlation(both: int, fixed: int, broken: int, neither: int) -> float:
    """Newcombe's phi: the tetrad correlation, with a continuity correction where it is positive.

    0 where one of the shares is 0 or 1.
    """
    n = both + fixed + broken + neither
    margins = (both + broken) * (fixed + neither) * (both + fixed) * (broken + neither)
    if margins == 0:
        return 0.0
    tetrad: float = both * neither - fixed * broken
    if tetrad > 0:
        tetrad = max(tetrad - n / 2, 0.0)
    return tetrad / math.sqrt(margins)


def unpaired_difference(
    baseline: tuple[float, int], candidate: tuple[float, int], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Candidate's share minus baseline's where the rows are not there to be paired.

    Each argument is (successes, n). The interval is R. G. Newcombe's hybrid score, method 10 of
    Statistics in Medicine 17 (1998) 873-890. It is wider than a paired one. With either ``n``
    of 0: (0, -1, 1).
    """
    if baseline[1] == 0 or candidate[1] == 0:
        return 0.0, -1.0, 1.0
    before, after = baseline[0] / baseline[1], candidate[0] / candidate[1]
    low_before, high_before = wilson(*baseline, confidence)
    low_after, high_after = wilson(*candidate, confidence)
    difference = after - before
    return (
        difference,
        max(-1.0, difference - math.hypot(after - low_after, high_before - before)),
        min(1.0, difference + math.hypot(high_after - after, before - low_before)),
    )
