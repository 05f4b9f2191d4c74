"""Is the ruler good: does a stronger model do well on the suite that others are measured by?

Where even the ceiling is low, wrong answers say more about the suite (a wrong gold answer, a scorer
too strict, a prompt that leaves something out) than about the model: it is broken, not hard.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.judge.stats import wilson
from engine.records.ceiling import Ceiling

FLOOR = 0.7
"""A ceiling below this share is low. A convention; whoever judges may set another."""


class Ruler(StrEnum):
    """What the ceiling says of the suite."""

    GOOD = "good"
    BROKEN = "broken, not hard"
    DOUBTFUL = "doubtful"
    UNKNOWN = "not recorded"


@dataclass(frozen=True, slots=True)
class RulerFinding:
    """``ruler`` and a sentence; ``interval`` is that of the ceiling, None where there is none."""

    ruler: Ruler
    sentence: str
    interval: tuple[float, float] | None = None


def judge_ruler(
    ceiling: Ceiling | None,
    suite_sha256: str | None,
    *,
    floor: float = FLOOR,
    bound: float | None = None,
    confidence: float = 0.95,
) -> RulerFinding:
    """Judge the suite with the hash ``suite_sha256`` by its ceiling.

    Low means that the ceiling's whole Wilson interval lies below ``floor``; where only the score
    does, the suite is doubtful, and so it is where the score misses ``bound``, the
    threshold that a run shall reach. Only scores that are shares, higher being better, can be
    judged; one of another file or of no rows is as good as none.
    """
    if ceiling is None:
        return RulerFinding(Ruler.UNKNOWN, "No ceiling was measured for this suite.")
    if suite_sha256 is None or ceiling.suite_sha256 != suite_sha256:
        return RulerFinding(
            Ruler.UNKNOWN, "The ceiling was measured on another version of this suite."
        )
    if ceiling.n == 0:
        return RulerFinding(Ruler.UNKNOWN, "The ceiling was measured on no rows.")
    if ceiling.direction != "higher" or not 0 <= ceiling.score <= 1:
        return RulerFinding(
            Ruler.UNKNOWN, "A ceiling can be judged only where the score is a share to be raised."
        )
    low, high = wilson(ceiling.score * ceiling.n, ceiling.n, confidence)
    said = (
        f"{ceiling.model} scores {ceiling.score:.3f} on it "
        f"({100 * confidence:g} % interval {low:.3f} to {high:.3f}, n = {ceiling.n})"
    )
    if high < floor:
        why = f"{said}, below {floor:g}: look at the gold answers and the scorer first."
        return RulerFinding(Ruler.BROKEN, f"The suite is {Ruler.BROKEN}: {why}", (low, high))
    if ceiling.score < floor:
        why = f"{said}; more rows would say whether it is broken."
        return RulerFinding(Ruler.DOUBTFUL, f"The suite is doubtful: {why}", (low, high))
    if bound is not None and ceiling.score < bound:
        why = f"{said}, less than the bound of {bound:.3f} asks of a smaller one."
        return RulerFinding(
            Ruler.DOUBTFUL, f"The suite or its bound is doubtful: {why}", (low, high)
        )
    return RulerFinding(Ruler.GOOD, f"The suite can be solved: {said}.", (low, high))
