"""The difference of two scores of one suite, and whether it is more than noise. Pure.

Where both runs answered the same examples the rows are paired: the p is that of the exact McNemar
test on the examples that one of the two answers better, the interval the paired one. Where they
did not, nothing is paired and the words say so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.comparing.scored import SuiteScore
from engine.judge import stats

P_BOUND = 0.05
"""A difference counts as more than noise below this p, as it does for a gate."""

Word = Literal[
    "better",
    "worse",
    "equal",
    "within the noise",
    "not the same rows",
    "not comparable",
    "not recorded",
]

RULE = (
    f"better and worse: p < {P_BOUND:g} of the exact paired test (McNemar) on the same rows, "
    "each pair of runs by itself"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A score against a reference. ``delta`` is score minus reference, in the score's own unit.

    ``fixed`` and ``broken`` count the rows that are better and worse than the reference's;
    ``delta``, ``interval`` and ``p`` are None where they cannot be had. ``reason`` is a sentence.
    """

    word: Word
    reason: str
    delta: float | None = None
    interval: tuple[float, float] | None = None
    fixed: int | None = None
    broken: int | None = None
    p: float | None = None
    n: int = 0

    @property
    def paired(self) -> bool:
        """Whether it comes from the same rows."""
        return self.p is not None


def difference(reference: SuiteScore | None, score: SuiteScore | None) -> Difference:
    """``score`` against ``reference``; both with their rows read where there are any."""
    if reference is None or score is None or reference.score is None or score.score is None:
        who = "the reference" if reference is None or reference.score is None else "the run"
        return Difference("not recorded", f"The score of {who} on this suite is not recorded.")
    clash = mismatch(reference, score)
    if clash is not None:
        return Difference("not comparable", clash)
    delta = score.score - reference.score
    why_not = rows_problem(reference, score)
    if why_not is not None:
        return _unpaired(reference, score, delta, why_not)
    assert reference.answers is not None and score.answers is not None
    before, after = reference.answers.scores, score.answers.scores
    sign = 1 if score.direction == "higher" else -1
    gains = [sign * (after[key] - before[key]) for key in after]
    fixed, broken = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    p = stats.mcnemar(fixed, broken)
    interval = _paired_interval(gains, reference, score, fixed, broken)
    if interval is not None and sign < 0:
        interval = (-interval[1], -interval[0])
    counts = f"{fixed} fixed, {broken} broken of {len(gains)} rows, p {p_text(p)}"
    word = _word(fixed, broken, math.fsum(gains), p)
    says = {
        "better": f"Better: {counts}.",
        "worse": f"Worse: {counts}.",
        "equal": f"No row differs, of {len(gains)}.",
    }.get(word, f"Within the noise: {counts}.")
    return Difference(word, says, delta, interval, fixed, broken, p, len(gains))


def mismatch(one: SuiteScore, other: SuiteScore) -> str | None:
    """Why two scores cannot be compared at all, as a sentence; None where they can."""
    if one.suite != other.suite:
        return f"The suites differ: {one.suite} and {other.suite}."
    if one.sha256 and other.sha256 and one.sha256 != other.sha256:
        return f"The suite {one.suite} changed between the two: its examples are others."
    if one.scorer and other.scorer and one.scorer != other.scorer:
        return f"The scorers differ on {one.suite}: {one.scorer} and {other.scorer}."
    if one.direction != other.direction:
        return f"Higher is better in one and lower in the other, on {one.suite}."
    return None


def rows_problem(one: SuiteScore, other: SuiteScore) -> str | None:
    """Why the rows cannot be paired, as part of a sentence; None where they can."""
    for score in (one, other):
        if score.answers is None:
            return "the rows were not read"
        if score.answers.problem is not None:
            return score.answers.problem
    assert one.answers is not None and other.answers is not None
    if one.answers.scores.keys() != other.answers.scores.keys():
        return "the rows are not of the same examples"
    hashed = one.sha256 is not None and one.sha256 == other.sha256
    if not hashed and one.answers.content != other.answers.content:
        return "the rows have the same ids and are not of the same examples"
    return None


def p_text(p: float) -> str:
    """A p as it stands in a sentence: "= 0.031", "< 0.0001"."""
    return f"= {p:.2g}" if p >= 0.0001 else "< 0.0001"


def _word(fixed: int, broken: int, gain: float, p: float) -> Word:
    if not fixed and not broken:
        return "equal"
    if p < P_BOUND and fixed > broken and gain > 0:
        return "better"
    if p < P_BOUND and broken > fixed and gain < 0:
        return "worse"
    return "within the noise"


def _paired_interval(
    gains: Sequence[float], one: SuiteScore, other: SuiteScore, fixed: int, broken: int
) -> tuple[float, float] | None:
    """The 95 % interval of the gain; None for a single graded row, which has no spread."""
    assert one.answers is not None and other.answers is not None
    if one.answers.right_or_wrong and other.answers.right_or_wrong:
        _, low, high = stats.paired_difference(fixed, broken, len(gains))
        return low, high
    # Graded scores: the mean of the pairs' differences, give or take 1.96 standard errors.
    n = len(gains)
    mean = math.fsum(gains) / n
    if n < 2:
        return None
    spread = math.sqrt(math.fsum((gain - mean) ** 2 for gain in gains) / (n - 1) / n)
    return mean - 1.96 * spread, mean + 1.96 * spread


def _unpaired(one: SuiteScore, other: SuiteScore, delta: float, why: str) -> Difference:
    """What can be said without pairs: the difference, and an interval from the counts."""
    interval = None
    if one.share and other.share and one.n and other.n and one.score is not None:
        assert other.score is not None
        _, low, high = stats.unpaired_difference(
            (one.score * one.n, one.n), (other.score * other.n, other.n)
        )
        interval = (low, high)
    return Difference("not the same rows", f"The rows cannot be paired: {why}.", delta, interval)
