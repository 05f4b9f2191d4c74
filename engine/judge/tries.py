"""Many tries at one gold set: counted, and their p values corrected for it.

Who judges twenty runs on one gold set finds one that beats the baseline by luck.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.judge.noise import p_text


@dataclass(frozen=True, slots=True)
class Try:
    """A run that was judged on a gold set: ``gold`` is the suite's hash, ``p`` that of "better
    than the baseline", in [0, 1]; None where it was not tested."""

    run: str
    gold: str
    p: float | None = None


def holm(ps: Sequence[float]) -> list[float]:
    """The p values corrected for their number, in the order given, each in [0, 1].

    S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70: from the smallest on, p times how
    many are left, never below the one before. Holds whatever the tests have in common, and is never
    worse than Bonferroni. ValueError for a p outside [0, 1].
    """
    for p in ps:
        if not (math.isfinite(p) and 0 <= p <= 1):
            raise ValueError(f"a p lies between 0 and 1, not at {p}")
    corrected = [0.0] * len(ps)
    floor = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        floor = max(floor, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = floor
    return corrected


@dataclass(frozen=True, slots=True)
class Tries:
    """``count`` runs were judged on the gold set ``gold``; ``corrected`` has the p of each run that
    was tested, after Holm."""

    gold: str
    count: int
    corrected: dict[str, float]

    def sentence(self, run: str) -> str:
        """How often the gold set was used, and what is left of this run's p."""
        if self.count == 0:
            return "No run was judged on this gold set."
        runs = "1 run was" if self.count == 1 else f"{self.count} runs were"
        text = f"{runs} judged on this gold set"
        p = self.corrected.get(run)
        if p is None or self.count == 1:
            return f"{text}."
        untested = self.count - len(self.corrected)
        how = "Holm" if not untested else "Holm; a p that is not known counts as 1"
        return f"{text}; corrected for that ({how}), {p_text(p)}."


def tries_at(gold: str, tries: Sequence[Try]) -> Tries:
    """The tries at one gold set; a run that stands there twice counts once, with its smaller p.

    A run that was looked at without a test counts as well: it takes a place with a p of 1.
    """
    best: dict[str, float | None] = {}
    for one in tries:
        if one.gold != gold:
            continue
        known = best.get(one.run)
        if known is None or (one.p is not None and one.p < known):
            best[one.run] = one.p
    adjusted = holm([1.0 if p is None else p for p in best.values()])
    corrected = {
        run: value for (run, p), value in zip(best.items(), adjusted, strict=True) if p is not None
    }
    return Tries(gold, len(best), corrected)
