"""The difference of two scores of one suite, and whether it is more than noise. Pure.

Where both runs answered the same examples the rows are paired, by the very statistics of a gate:
`engine.judge.paired`. Where they did not, nothing is paired and the words say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.comparing.scored import SuiteScore
from engine.judge import stats
from engine.judge.noise import p_text
from engine.judge.paired import compare_paired

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
    f"better and worse: p < {P_BOUND:g} of the paired test on the same rows (McNemar for right and "
    "wrong, a permutation for graded ones), each pair of runs by itself"
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
    p, interval = _tested(before, after, score.answers.sources, (fixed, broken))
    counts = f"{fixed} fixed, {broken} broken of {len(gains)} rows, {p_text(p)}"
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


def _word(fixed: int, broken: int, gain: float, p: float) -> Word:
    if not fixed and not broken:
        return "equal"
    if p < P_BOUND and gain != 0:
        return "better" if gain > 0 else "worse"
    return "within the noise"


def _tested(
    before: Mapping[str, float],
    after: Mapping[str, float],
    sources: Mapping[str, str] | None,
    flips: tuple[int, int],
) -> tuple[float, tuple[float, float] | None]:
    """The p and the 95 % interval of score minus reference, as a gate has them of the same rows.

    Scores that are no shares have the p of their flips, and no interval.
    """
    if not all(0 <= one <= 1 for scores in (before, after) for one in scores.values()):
        return stats.mcnemar(*flips), None
    groups = None if sources is None else [sources[key] for key in after]
    paired = compare_paired([before[key] for key in after], [*after.values()], groups)
    return paired.p, paired.difference.interval


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
