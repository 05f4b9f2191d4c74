"""The binomial and Student's t distribution, by the incomplete beta function. Standard library.

SciPy has all three; the tests hold these against it. It is not on the program's own path because it
is 140 MB and half a second for what are sixty lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_TINY = 1e-300
_CLOSE = 1e-15
_MOST_STEPS = 10_000


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), in [0, 1], for a, b > 0, x in [0, 1].

    The continued fraction of DLMF 8.17.22, evaluated by the modified Lentz method.
    ValueError outside that range.
    """
    if not (a > 0 and b > 0 and 0 <= x <= 1):
        raise ValueError(f"the incomplete beta function is not defined at a={a}, b={b}, x={x}")
    if x in (0.0, 1.0):
        return x
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1 - incomplete_beta(b, a, 1 - x)
    log_front = (
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
        - math.log(a)
    )
    return min(1.0, math.exp(log_front) * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _MOST_STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = 1 + term / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def binomial_at_most(k: int, n: int, p: float) -> float:
    """The probability of at most ``k`` successes in ``n`` tries that succeed with ``p``."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else incomplete_beta(n - k, k + 1, 1 - p)


def student_at_most(t: float, df: float) -> float:
    """The probability that Student's t with ``df`` > 0 degrees of freedom is at most ``t``."""
    tail = incomplete_beta(df / 2, 0.5, df / (df + t * t)) / 2
    return tail if t < 0 else 1 - tail


def student_reach(confidence: float, df: float) -> float:
    """How many standard errors a two-sided interval reaches with ``df`` degrees of freedom.

    4.303 at 0.95 and 2; near the normal 1.96 for many. ValueError for ``df`` below 1 or a
    confidence that does not lie between 0 and 1.
    """
    if not (0 < confidence < 1 and df >= 1):
        raise ValueError(f"no interval of confidence {confidence} has {df} degrees of freedom")
    outside = 1 - confidence
    high = 1.0
    while incomplete_beta(df / 2, 0.5, df / (df + high * high)) > outside:
        high *= 2
    return crossing(lambda t: incomplete_beta(df / 2, 0.5, df / (df + t * t)) <= outside, 0.0, high)


def crossing(holds: Callable[[float], bool], low: float, high: float, close: float = 0.0) -> float:
    """Where ``holds`` turns from false (at ``low``) to true (at ``high``), by halving.

    To the last bit, or to within ``close``; what is returned lies on the side of ``high``.
    """
    while high - low > close:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
