"""Candidate against baseline over the same rows: the difference, how sure, and a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.judge.bootstrap import bootstrap_mean
from engine.judge.clusters import shares_sources
from engine.judge.estimate import Estimate, check_finite, check_groups
from engine.judge.permutation import sign_flips
from engine.judge.scored import right_or_wrong
from engine.judge.stats import mcnemar, newcombe_paired, paired_difference

POSSIBLE = (-1.0, 1.0)
"""What a difference of two scores in [0, 1] can be."""


@dataclass(frozen=True, slots=True)
class Paired:
    """``difference`` is candidate minus baseline, ``p`` two-sided by ``test`` (words for a record).

    ``rose`` and ``fell`` count rows whose score did; for right and wrong these are the flips.
    """

    difference: Estimate
    p: float
    test: str
    rose: int
    fell: int


def compare_paired(
    baseline: Sequence[float],
    candidate: Sequence[float],
    sources: Sequence[str] | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> Paired:
    """The scores (each in [0, 1]) of the same rows, in the same order, before and after.

    Right and wrong: Newcombe's paired interval and McNemar's exact test. Graded: BCa
    bootstrap of the differences and the paired permutation test. Rows that share a source: whole
    sources are drawn and flipped, whatever the scores. Without rows the value is None and p is 1.
    ValueError for lists of different lengths or a score outside [0, 1].
    """
    if len(baseline) != len(candidate):
        raise ValueError(f"{len(baseline)} rows before and {len(candidate)} after cannot be paired")
    for scores in (baseline, candidate):
        check_finite(scores)
        if any(not 0 <= score <= 1 for score in scores):
            raise ValueError("only scores between 0 and 1 can be paired")
    check_groups(len(baseline), sources)
    groups = sources if shares_sources(sources) else None
    differences = [after - before for before, after in zip(baseline, candidate, strict=True)]
    rose, fell = sum(one > 0 for one in differences), sum(one < 0 for one in differences)
    if groups is None and right_or_wrong(baseline) and right_or_wrong(candidate):
        both = sum(1 for one in zip(baseline, candidate, strict=True) if one == (1, 1))
        estimate = _of_flips(both, rose, fell, len(baseline), confidence)
        return Paired(estimate, mcnemar(rose, fell), "McNemar, exact", rose, fell)
    estimate = bootstrap_mean(
        differences, groups, seed=seed, limits=POSSIBLE, confidence=confidence
    )
    if groups is None and not rose and not fell:
        # Nothing moved: what could still have moved is bounded as it is for right and wrong.
        value, low, high = paired_difference(0, 0, len(differences), confidence)
        estimate = Estimate(value, low, high, len(differences), "adjusted Wald", confidence)
    tested = sign_flips(differences, groups, seed=seed)
    return Paired(estimate, tested.p, tested.method, rose, fell)


def _of_flips(both: int, fixed: int, broken: int, n: int, confidence: float) -> Estimate:
    value, low, high = newcombe_paired(both, fixed, broken, n - both - fixed - broken, confidence)
    if n == 0:
        return Estimate(None, low, high, 0, "none", confidence, "there are no rows")
    return Estimate(value, low, high, n, "Newcombe, paired", confidence)
