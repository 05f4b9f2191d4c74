"""A run's p of "better than the baseline", corrected for the runs that were judged before it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.judge.measured import CANDIDATE, Measured
from engine.judge.score_gates import primary_test
from engine.judge.tries import Tries, Try, tries_at


def tries_until(run: str, judged: Sequence[str], measured: Measured) -> Tries | None:
    """The tries at the gold set of ``run``: ``judged`` are the runs up to it, itself among them.

    The p of the others is not looked at: each counts as one of 1, which corrects rather too much.
    None where the candidate's record does not say which file it was judged on.
    """
    candidate = measured.evals.get(CANDIDATE)
    if not judged or candidate is None or candidate.suite_sha256 is None:
        return None
    paired, gold = primary_test(measured), candidate.suite_sha256
    others = [Try(one, gold) for one in judged if one != run]
    return tries_at(gold, [*others, Try(run, gold, paired.p if paired else None)])
