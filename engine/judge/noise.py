"""Says what a difference is worth, in the same words wherever it is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from engine.judge.estimate import Estimate
from engine.records.evaluation import Direction

ALPHA = 0.05
"""A difference counts as more than noise below this p, as in the gates."""


class Told(StrEnum):
    """What is known of a difference."""

    BETTER = "better"
    WORSE = "worse"
    NOISE = "within the noise"
    NOTHING = "cannot be told"


@dataclass(frozen=True, slots=True)
class Finding:
    """``told`` in one of four words, and a whole sentence for people that begins with it."""

    told: Told
    sentence: str


def fewest_rows(alpha: float = ALPHA) -> int:
    """With how many rows an exact paired test can get below ``alpha`` at all: 6 for 0.05.

    When all n rows flip one way its two-sided p is 2 / 2**n.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha lies between 0 and 1, not at {alpha}")
    n = max(1, math.floor(1 - math.log2(alpha)))
    return n if 2.0 ** (1 - n) < alpha else n + 1


def tell(
    difference: Estimate,
    p: float | None,
    *,
    direction: Direction = "higher",
    alpha: float = ALPHA,
    points: bool = True,
) -> Finding:
    """Is the candidate better, worse, within the noise, or can nothing be told?

    ``difference`` is candidate minus baseline, ``p`` that of its test; where there is none (None)
    the interval decides by whether it excludes 0. Too few rows for any test to show
    anything is "cannot be told". ``points``: scores are shares, shown as percentage points.
    """
    if difference.value is None:
        return _finding(Told.NOTHING, difference.caution or "there are no rows")
    shown = _shown(difference, p, points)
    least = fewest_rows(alpha)
    if difference.n < least:
        rows = "one row" if difference.n == 1 else f"{difference.n} rows"
        return _finding(Told.NOTHING, f"{rows}, and {least} are the fewest that could; {shown}")
    if p is None and difference.interval is None:
        return _finding(Told.NOTHING, f"{difference.caution or 'there is no interval'}; {shown}")
    sure = p < alpha if p is not None else difference.excludes(0.0)
    if not sure or difference.value == 0:
        return _finding(Told.NOISE, shown)
    better = (difference.value > 0) == (direction == "higher")
    return _finding(Told.BETTER if better else Told.WORSE, shown)


def _finding(told: Told, why: str) -> Finding:
    return Finding(told, f"{told.value.capitalize()}: {why}.")


def _shown(difference: Estimate, p: float | None, points: bool) -> str:
    scale, unit, digits = (100, " pp", 1) if points else (1, "", 3)

    def number(value: float | None) -> str:
        return "not known" if value is None else f"{scale * value:+.{digits}f}"

    text = f"{number(difference.value)}{unit}"
    if difference.interval is not None:
        low, high = difference.interval
        share = f"{100 * difference.confidence:g} %"
        text += f" ({share} interval {number(low)} to {number(high)}{unit}, n = {difference.n})"
    if p is not None:
        text += f", {p_text(p)}"
    return text


def p_text(p: float) -> str:
    """A p as it is written everywhere: "p = 0.66", "p < 0.0001"."""
    return f"p = {p:.2g}" if p >= 0.0001 else "p < 0.0001"
