"""Is this iteration better than the best before it? The rule by which an adapter is promoted.

Promoted is a run that is better on the same dev rows by more than noise (p < 0.05 of the exact
paired test), with no more safety violations than are allowed and breadth within its bound. A tie
keeps the older one: it has been looked at longer. The first is held against the model before
training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.checks.contents import load
from engine.comparing.difference import difference
from engine.comparing.evidence import RunEvidence, read_evidence
from engine.judge.gate import BREADTH_DROP, SAFETY_MAX, Gate, Verdict
from engine.records.loop import IterationVerdict

_MUST_HOLD = (BREADTH_DROP, SAFETY_MAX)


def judge_run(run: Path, best: Path | None) -> IterationVerdict:
    """The verdict on a run that has done its plan; ``best`` is the run that was promoted last."""
    evidence = read_evidence(run).with_rows()
    held = read_evidence(best).with_rows() if best is not None else None
    score = evidence.primary
    against = held.primary if held is not None else evidence.primary_base
    name = best.name if best is not None else "the model before training"
    contents = load(run)
    found = difference(against, score)
    told = IterationVerdict(
        outcome="dropped",
        reason=f"{found.reason} Held against {name}.",
        score=score.score if score else None,
        best_before=against.score if against else None,
        difference=None
        if found.delta is None or found.interval is None
        else (found.delta, *found.interval),
        p=found.p,
        fixed=found.fixed,
        broken=found.broken,
        breadth_drop_pp=_value(contents.gates, BREADTH_DROP),
        safety_violations=_whole(_value(contents.gates, SAFETY_MAX)),
        failures=_failures(evidence),
    )
    if told.score is None:
        why = "The run has no score on the dev suite."
        return told.model_copy(update={"outcome": "crashed", "reason": why})
    if found.word != "better":
        return told
    for gate in contents.gates:
        if gate.name in _MUST_HOLD and gate.verdict is not Verdict.PASS:
            why = f"Better, but not kept: {gate.title}: {gate.reason}"
            return told.model_copy(update={"reason": why})
    return told.model_copy(update={"outcome": "kept"})


def _value(gates: Sequence[Gate], name: str) -> float | None:
    return next((gate.value for gate in gates if gate.name == name), None)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _failures(evidence: RunEvidence) -> int | None:
    score = evidence.primary
    if score is None or score.answers is None or not score.answers.scores:
        return None
    return sum(value < 1 for value in score.answers.scores.values())
