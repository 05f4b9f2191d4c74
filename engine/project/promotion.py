"""A person promotes an adapter: by the rule of the loop, or against it with a reason that stays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.catalogue.summary import summarise
from engine.checks.contents import load
from engine.judge.gates import CANDIDATE
from engine.loops.flywheel.judging import judge_run
from engine.loops.flywheel.project_files import BestScore, best_score
from engine.loops.flywheel.promoting import ADAPTER_WEIGHTS, keep_adapter
from engine.project.failed import config_of, runs_of
from engine.project.output import OUTPUT, Best, best_in, evaluated_in
from engine.target import Target
from engine.workspace import Workspace, WorkspaceError

ADAPTER = "adapter"
"""Below ``output/``: where other tools leave what they trained last."""


class PromotionError(Exception):
    """Nothing is promoted; the text says why. ``ruled`` is whether the rule says no, so that a
    person may go against it."""

    def __init__(self, text: str, *, ruled: bool = False) -> None:
        super().__init__(text)
        self.ruled = ruled


@dataclass(frozen=True, slots=True)
class Candidate:
    """An adapter and what is known of it. ``run`` None: it belongs to no run of ours. ``against``
    says why it should not be promoted; None where the rule is for it, for the ``reason``."""

    adapter: Path
    run: Path | None
    accuracy: float | None
    correct: int | None
    total: int | None
    safety_violations: int | None
    judged_on: str | None
    reason: str
    against: str | None = None
    best_before: float | None = None


@dataclass(frozen=True, slots=True)
class Promoted:
    """``adapter`` is the copy, relative to the target."""

    adapter: str
    candidate: Candidate
    forced: str | None


def candidate_of(target: Target, workspace: Workspace | None, named: str | None) -> Candidate:
    """The adapter that was named, else that of the newest undecided run, else ``output/adapter``.

    PromotionError where there is none.
    """
    run = _named(target, workspace, named) if named else _newest(target, workspace)
    if run is not None:
        return _of_run(target, workspace, run)
    adapter = target.path / OUTPUT / ADAPTER
    if not any((adapter / name).is_file() for name in ADAPTER_WEIGHTS):
        raise PromotionError(
            f"{target.name} has no run that could be promoted, and no adapter in "
            f"{OUTPUT}/{ADAPTER}. Train one: factory-tui run {target.path.name}"
        )
    return _of_folder(target, adapter)


def promote(target: Target, candidate: Candidate, force: str | None = None) -> Promoted:
    """Copy the adapter into ``output/`` and write ``best_score.json``. PromotionError where the
    rule is against it and no reason to go against the rule was given; OSError."""
    if candidate.against is not None and not force:
        raise PromotionError(candidate.against, ruled=True)
    forced = force if candidate.against is not None else None
    mark: dict[str, Any] = config_of(candidate.run)["loop"] if candidate.run else {}
    run = candidate.run.name if candidate.run else None
    known: dict[str, Any] = {
        "loop": mark.get("id"),
        "iteration": mark.get("iteration"),
        "judged_on": candidate.judged_on,
        "forced": forced,
    }
    metadata = {
        **known,
        "run": run,
        "accuracy": candidate.accuracy,
        "base_model": target.forge.model.base,
        "reason": candidate.reason,
    }
    place = keep_adapter(target, candidate.adapter, metadata)
    delta = None
    if candidate.accuracy is not None and candidate.best_before is not None:
        delta = candidate.accuracy - candidate.best_before
    best = BestScore(
        adapter=place,
        run=run,
        accuracy=candidate.accuracy,
        correct=candidate.correct,
        total=candidate.total,
        safety_violations=candidate.safety_violations,
        delta=delta,
        **known,
    )
    best_score(target.path / OUTPUT, best)
    return Promoted(place, candidate, forced)


# --- a run -------------------------------------------------------------------------------


def _named(target: Target, workspace: Workspace | None, named: str) -> Path:
    if workspace is None:
        raise PromotionError(f"{target.path} lies in no workspace, so {named} is no run of it.")
    try:
        run = workspace.run_path(Path(named).name if Path(named).is_dir() else named)
    except WorkspaceError as error:
        raise PromotionError(str(error)) from error
    if run not in set(runs_of(workspace, target.path)):
        raise PromotionError(f"{run.name} is no run of {target.name}.")
    return run


def _newest(target: Target, workspace: Workspace | None) -> Path | None:
    """The newest undecided run with a candidate; not one that only opened a sealed suite."""
    for run in runs_of(workspace, target.path):
        whole = (run / CANDIDATE).is_file() and not (run / "decision.json").exists()
        if whole and _weights(run) and not config_of(run)["eval"].get("opens"):
            return run
    return None


def _weights(run: Path) -> bool:
    return any((run / "adapters" / name).is_file() for name in ADAPTER_WEIGHTS)


def _of_run(target: Target, workspace: Workspace | None, run: Path) -> Candidate:
    if not _weights(run):
        raise PromotionError(f"{run.name} has no adapter (adapters/{ADAPTER_WEIGHTS[0]}).")
    if summarise(run).liveness in ("running", "waiting"):
        raise PromotionError(f"{run.name} is still under way. Wait for its end.")
    best = best_in(target.path)
    if best is not None and best.run == run.name:
        raise PromotionError(f"{run.name} is the best already ({best.adapter}).")
    before = _run_of(best, workspace)
    verdict = judge_run(run, before)
    contents = load(run)
    rows, record = contents.rows.get(CANDIDATE, []), contents.evals.get(CANDIDATE)
    against = None if verdict.outcome == "kept" else verdict.reason
    if best is not None and before is None:
        against = (
            f"The best so far ({_score(best.accuracy)}) belongs to no run here, so its answers "
            f"cannot be held against those of {run.name} ({_score(verdict.score)})."
        )
    return Candidate(
        adapter=run / "adapters",
        run=run,
        accuracy=verdict.score,
        correct=sum(row.correct for row in rows) if rows else None,
        total=len(rows) or None,
        safety_violations=verdict.safety_violations,
        judged_on=record.suite if record else None,
        reason=verdict.reason,
        against=against,
        best_before=verdict.best_before if before and verdict.difference else None,
    )


def _run_of(best: Best | None, workspace: Workspace | None) -> Path | None:
    if best is None or best.run is None or workspace is None:
        return None
    path = workspace.runs_dir / Path(best.run).name
    return path if (path / CANDIDATE).is_file() else None


# --- what another tool trained -----------------------------------------------------------


def _of_folder(target: Target, adapter: Path) -> Candidate:
    """An adapter without rows: what an evaluation beside it says, where it is younger."""
    best, found = best_in(target.path), evaluated_in(target.path, after=adapter)
    against = None
    reason = "There was no best adapter to hold it against."
    if found is None:
        against = f"{OUTPUT}/{ADAPTER} was not evaluated since it was trained: nobody knows."
    elif best is not None:
        against = (
            f"{OUTPUT}/{ADAPTER} has {_score(found.accuracy)}, the best so far "
            f"{_score(best.accuracy)}. Their answers are not kept, so nobody can say whether that "
            "is more than noise."
        )
    return Candidate(
        adapter=adapter,
        run=None,
        accuracy=found.accuracy if found else None,
        correct=found.correct if found else None,
        total=found.total if found else None,
        safety_violations=found.safety_violations if found else None,
        judged_on=found.judged_on if found else None,
        reason=against or reason,
        against=against,
        best_before=best.accuracy if best and found and found.judged_on == best.judged_on else None,
    )


def _score(value: float | None) -> str:
    return "no score" if value is None else f"{value:.3f}"
