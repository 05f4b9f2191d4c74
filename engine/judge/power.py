"""How many rows a suite needs to tell a difference, and what difference its rows can tell.

For right-or-wrong scores, compared on the same rows by McNemar's exact test. What counts are the
rows that flip: with ``discordance`` (the share of rows on which candidate and baseline differ in
being right) of 0.2 and a difference of 0.1, 15 % are fixed and 5 % broken. ``power`` is the
probability that a difference of that size gives p < ``alpha``, two-sided. All shares in (0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from engine.judge.distributions import binomial_at_most, crossing

ALPHA = 0.05
POWER = 0.8
"""The usual bargain: one true difference in five is missed."""

MOST_ROWS = 1_000_000
"""No suite is larger; what needs more cannot be told."""

_SUMMED_EXACTLY = 2_000
"""With more flips than this the formula is as good as the sum, and at once."""

_SD = 7
"""How many standard deviations of the number of flips are summed over: all but 1e-11."""


def rows_needed(
    difference: float, discordance: float, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """The fewest rows with which a true ``difference`` (in (0, 1], either way) is told.

    Starts at the formula of R. J. Connor, Biometrics 43 (1987) 207-211, and goes from there by the
    exact power; where that is a saw-tooth, fewer rows may by chance do as well. None where
    even a million do not. ValueError where the difference is larger than the discordance,
    of which it is a part, or a share lies out of range.
    """
    _check(alpha, power)
    difference = abs(difference)
    _check_flips(difference, discordance)
    start = _connor(difference, discordance, alpha, power)
    if start > MOST_ROWS:
        return None
    if start * discordance > _SUMMED_EXACTLY:
        return math.ceil(start)

    def enough(n: int) -> bool:
        return power_of(n, difference, discordance, alpha) >= power

    low, high = 0, max(1, math.ceil(start))
    while not enough(high):
        low, high = high, math.ceil(high * 1.1) + 1
    low = max(low, int(0.7 * high)) if not enough(int(0.7 * high)) else low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def power_of(n: int, difference: float, discordance: float, alpha: float = ALPHA) -> float:
    """The probability that McNemar's exact test on ``n`` >= 0 rows gives p < ``alpha``.

    The exact sum over how many rows flip and which way. ValueError as for ``rows_needed``.
    """
    _check(alpha)
    _check_flips(abs(difference), discordance)
    if n < 0:
        raise ValueError("a suite cannot have a negative number of rows")
    return _power(_flips(n, discordance, alpha), abs(difference) / discordance)


def smallest_difference(
    n: int, discordance: float, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest true difference (a share, to 0.0001) that ``n`` rows tell with ``power``.

    None where not even flips that all go one way would be told: too few rows.
    """
    _check(alpha, power)
    _check_flips(discordance, discordance)
    if n < 0:
        raise ValueError("a suite cannot have a negative number of rows")
    if n * discordance > _SUMMED_EXACTLY:
        return crossing(
            lambda difference: _connor(difference, discordance, alpha, power) <= n,
            1e-9 * discordance,
            discordance,
            1e-5,
        )
    flips = _flips(n, discordance, alpha)
    if _power(flips, 1.0) < power:
        return None
    lean = crossing(lambda share: _power(flips, share) >= power, 0.0, 1.0, 1e-4 / discordance)
    return lean * discordance


def flips_if_unrelated(baseline: float, candidate: float) -> float:
    """The discordance to expect of two scores (shares) whose right answers have nothing in common.

    Two models of one base agree more than that, so a suite planned with it is rather too large.
    """
    if not (0 <= baseline <= 1 and 0 <= candidate <= 1):
        raise ValueError("a discordance needs two scores between 0 and 1")
    return baseline * (1 - candidate) + candidate * (1 - baseline)


def rows_needed_graded(
    difference: float, spread: float, alpha: float = ALPHA, power: float = POWER
) -> int:
    """The rows that graded scores need, compared in pairs.

    ``spread`` is the standard deviation of the paired differences, > 0, in the unit of
    ``difference``. The normal formula with the correction for Student's t of W. C. Guenther, The
    American Statistician 35 (1981) 243-244. ValueError where either is not positive.
    """
    _check(alpha, power)
    if not (abs(difference) > 0 and spread > 0):
        raise ValueError("a difference and a spread above 0 are needed")
    reach, ahead = _reach(alpha, power)
    return max(2, math.ceil(((reach + ahead) * spread / difference) ** 2 + reach * reach / 2))


def smallest_difference_graded(
    n: int, spread: float, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest true difference that ``n`` graded rows tell; None for too few rows."""
    _check(alpha, power)
    if not spread > 0:
        raise ValueError("a spread above 0 is needed")
    reach, ahead = _reach(alpha, power)
    rows = n - reach * reach / 2
    return (reach + ahead) * spread / math.sqrt(rows) if n >= 2 and rows > 0 else None


@dataclass(frozen=True, slots=True)
class Reach:
    """What a suite of ``n`` rows can tell; shares in [0, 1], None for "not at all"."""

    n: int
    discordance: float
    smallest: float | None
    wanted: float | None
    needed: int | None
    alpha: float
    power: float

    @property
    def too_small(self) -> bool:
        """Is a difference wanted that these rows cannot tell?"""
        return self.wanted is not None and (self.needed is None or self.needed > self.n)

    @property
    def sentence(self) -> str:
        """For New run and the report."""
        rows = f"{self.n} row{'' if self.n == 1 else 's'}"
        terms = (
            f"where {100 * self.discordance:.0f} % of the answers flip "
            f"({100 * self.power:.0f} % power, p < {self.alpha:g})"
        )
        if self.smallest is None:
            text = f"{rows} can tell no difference at all {terms}"
        else:
            text = f"{rows} can tell a difference of {100 * self.smallest:.1f} pp or more {terms}"
        if not self.too_small or self.wanted is None:
            return f"{text}."
        much = "more than a million" if self.needed is None else f"{self.needed:,}"
        return f"{text}; to tell {100 * self.wanted:.1f} pp it needs {much}."


def reach_of(
    n: int,
    discordance: float,
    wanted: float | None = None,
    *,
    alpha: float = ALPHA,
    power: float = POWER,
) -> Reach:
    """What ``n`` rows can tell, beside the difference that is ``wanted`` (a share above 0).

    Flips cannot be rarer than the difference that they make, so a larger ``wanted`` raises
    ``discordance`` to itself.
    """
    flips = discordance if wanted is None else max(discordance, abs(wanted))
    needed = None if wanted is None else rows_needed(wanted, flips, alpha, power)
    smallest = smallest_difference(n, flips, alpha, power)
    return Reach(n, flips, smallest, wanted, needed, alpha, power)


# --- the sums ------------------------------------------------------------------------------


def _check(alpha: float, power: float = POWER) -> None:
    if not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError(f"alpha and power lie between 0 and 1, not at {alpha} and {power}")
    if power <= alpha:
        raise ValueError(f"a power of {power} is no more than chance at alpha {alpha}")


def _check_flips(difference: float, discordance: float) -> None:
    if not 0 < discordance <= 1:
        raise ValueError(f"a discordance lies above 0 and up to 1, not at {discordance}")
    if not 0 < difference <= discordance:
        raise ValueError(f"{discordance:g} of flips cannot make a difference of {difference:g}")


def _reach(alpha: float, power: float) -> tuple[float, float]:
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2), normal.inv_cdf(power)


def _connor(difference: float, discordance: float, alpha: float, power: float) -> float:
    reach, ahead = _reach(alpha, power)
    spread = math.sqrt(max(0.0, discordance - difference * difference))
    root = (reach * math.sqrt(discordance) + ahead * spread) / difference
    return root * root


_Flips = Sequence[tuple[int, float, int]]
"""(number of flips, its probability, the most flips in the smaller direction that reject)."""


def _flips(n: int, discordance: float, alpha: float) -> _Flips:
    sd = math.sqrt(n * discordance * (1 - discordance))
    first = max(0, math.floor(n * discordance - _SD * sd) - 1)
    last = min(n, math.ceil(n * discordance + _SD * sd) + 1)
    found = []
    critical = -1
    for m in range(first, last + 1):
        if m == first:
            critical = _critical(m, alpha)
        elif 2 * binomial_at_most(critical + 1, m, 0.5) < alpha:
            critical += 1  # one more flip moves it by one at most
        found.append((m, _probability(m, n, discordance), critical))
    return found


def _critical(m: int, alpha: float) -> int:
    low, high = -1, m // 2 + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if 2 * binomial_at_most(middle, m, 0.5) < alpha else (low, middle)
        )
    return low


def _probability(m: int, n: int, share: float) -> float:
    if share == 1:
        return float(m == n)
    return math.exp(
        math.lgamma(n + 1)
        - math.lgamma(m + 1)
        - math.lgamma(n - m + 1)
        + m * math.log(share)
        + (n - m) * math.log1p(-share)
    )


def _power(flips: _Flips, lean: float) -> float:
    """``lean`` is the difference over the discordance: 0 for a fair coin, 1 for all one way."""
    up = (1 + lean) / 2
    told = math.fsum(
        weight
        * (
            binomial_at_most(critical, m, 1 - up)  # few go the other way
            + binomial_at_most(critical, m, up)
        )
        for m, weight, critical in flips
        if critical >= 0
    )
    return min(1.0, told)
