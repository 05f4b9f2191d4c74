"""Scores recorded answers again: the same scorer, options and answers give the same scores.

Pure scorers only. One that needs a database, a child or a judge is not asked here, and neither is
``regex``, whose time limit is the machine's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.judge import scorers
from engine.judge.scorers import ScorerError
from engine.records.evaluation import EvalResult, RowResult

_SLACK = 1e-6

_TIMED = frozenset({"regex"})


@dataclass(frozen=True, slots=True)
class Rescored:
    """``why_not`` is why nothing was scored again, as half a sentence; else ``wrong`` has each row
    whose recorded score is another, with the score that the scorer gives."""

    wrong: tuple[tuple[RowResult, float], ...] = ()
    why_not: str | None = None


def score_again(record: EvalResult, rows: Sequence[RowResult]) -> Rescored:
    """Score the answers in ``rows`` again with the record's scorer and options."""
    if why := _why_not(record):
        return Rescored(why_not=why)
    name = str(record.scorer)
    wrong = []
    try:
        for row in rows:
            again = scorers.score(name, row.expected, row.got, **record.scorer_options)
            # With several passes the row's answer is the first pass's.
            said = row.passes[0] if row.passes else row.score
            right = again.correct if row.passes else row.correct
            if not math.isclose(again.score, said, abs_tol=_SLACK) or again.correct != right:
                wrong.append((row, again.score))
    except (ScorerError, TypeError, ValueError) as error:
        return Rescored(why_not=f"the scorer {name} cannot be asked again ({error})")
    return Rescored(tuple(wrong))


def _why_not(record: EvalResult) -> str | None:
    if record.scorer is None:
        return "no scorer is recorded"
    if record.scorer not in scorers.names():
        return f"{record.scorer} is no scorer of this program"
    needed = scorers.needs(record.scorer)
    if needed or record.judge is not None:
        what = ", ".join(sorted(needed)).replace("_", " ") or "judge"
        return f"the scorer {record.scorer} needs a {what}"
    if record.scorer in _TIMED:
        return f"the scorer {record.scorer} has a time limit of its own"
    return None
