"""The records of a campaign's runs: what they are before they start, and what they gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from typing import Protocol as Shape

from engine.folder import EventLog, RunFolder
from engine.loops.runner import Runner
from engine.records.base import utc_now
from engine.records.evaluation import EvalResult
from engine.records.plan import Plan, Stage, StageKind
from engine.records.protocol import Protocol
from engine.records.research import Campaign, Measurement
from engine.records.run import (
    BaseModelRef,
    Candidate,
    Dataset,
    EvalConfig,
    RunConfig,
    Source,
    Threshold,
)
from engine.records.status import LastError, Phase, RunStatus
from engine.supervise.run_lock import RunLock
from engine.workspace import Workspace

SETUP = "setup"
"""The key in the mark of a campaign's setup run."""


def setup_mark(loop_id: str) -> dict[str, object]:
    """The mark of a campaign's setup run, which comes before its first iteration."""
    return {"id": loop_id, "iteration": 0, SETUP: True}


_BASELINE, _CANDIDATE = "eval-baseline.json", "eval-candidate.json"


class Best(Shape):
    """What is said of the best in the records of a try."""

    @property
    def run_id(self) -> str: ...

    @property
    def commit(self) -> str: ...


def in_order(workspace: Workspace) -> list[Path]:
    """The runs of a workspace, oldest first by when they were made."""

    def key(path: Path) -> tuple[str, int]:
        day, rest = path.name[:10], path.name[11:]
        number = rest.rpartition("-")[2]
        return day, int(number) if number.isdecimal() else 1

    return sorted(workspace.run_paths(), key=key)


def stage(
    runner: Runner, campaign: Campaign, name: str, argv: Sequence[str], cwd: Path, worktree: Path
) -> Stage:
    """A command of the protocol in the worktree: no secrets, and a limit of the disk."""
    workspace = runner.folder.workspace
    return Stage(
        name=name,
        kind=StageKind.COMMAND,
        argv=list(argv),
        cwd=_placed(workspace, cwd),
        withholds_secrets=True,
        disk_bytes=campaign.disk_bytes,
        disk_dirs=[_placed(workspace, worktree), "{run}"],
        silence_s=None,
    )


def _placed(workspace: Workspace, path: Path) -> str:
    relative = workspace.relative(path)
    return relative if Path(relative).is_absolute() else "{workspace}/" + relative


def create(
    runner: Runner,
    campaign: Campaign,
    protocol: Protocol,
    worktree: Path,
    stages: list[Stage],
    *,
    mark: Mapping[str, object],
    seed: int,
    hypothesis: str,
    bound: float | None,
    parent: str | None,
    commit: str,
    slug: str | None = None,
) -> RunFolder:
    """A run of these stages, not yet launched. ``bound`` is the value that it has to better."""
    from engine.plans.planning import create_run

    workspace = runner.folder.workspace
    metric, repo = protocol.measurement.primary_metric, protocol.meta.repo
    lower = protocol.lower_is_better
    now = utc_now()
    config = RunConfig.model_validate(
        {
            "run_id": "draft",
            "target": repo.name,
            "owner_goal": protocol.meta.purpose_statement,
            "base_model": BaseModelRef(id=f"{repo.owner}/{repo.name}", revision=commit),
            "candidate": Candidate(method="recipe", training_command=protocol.execution.command),
            "eval": EvalConfig(
                primary=metric.name,
                threshold=Threshold(
                    primary_min=bound,
                    beat_baseline=bound is not None,
                    confidence=campaign.confidence,
                ),
                direction="lower" if lower else "higher",
            ),
            "seed": seed,
            "parent_run_id": parent,
            "hypothesis": hypothesis or None,
            "created": now,
            "loop": dict(mark),
        }
    )
    dataset = Dataset(
        dataset_id=f"{repo.name}-data",
        sources=[Source(kind="repository", path=workspace.relative(worktree))],
    )
    plan = Plan(run_id="draft", target_dir=workspace.relative(worktree), created=now, stages=stages)
    return create_run(workspace, config, dataset, plan, slug=slug)


def conclude(folder: RunFolder, found: Measurement, bound: float | None, best: Best | None) -> None:
    """Write the score of a run that has ended, and move it on: to evaluated, or to failed where it
    has no number. Nothing for a run that was concluded before."""
    status = folder.status()
    if status is None or status.phase is not Phase.TRAINED:
        return
    with RunLock(folder.path):
        if found.value is None:
            text = _why(found)
            error = LastError(stage=status.stage, message=text, fix="See train.log.")
            _move(folder, status, Phase.FAILED, error)
            return
        config = folder.read("config.json", RunConfig)
        base: dict[str, Any] = {
            "model_id": config.base_model.id,
            "command": config.candidate.training_command or "",
            "suite": config.eval.primary,
            "date": utc_now(),
            "metric": config.eval.primary,
            "direction": config.eval.direction,
        }
        own = base | {"score": found.value, "seed": found.seed, "duration_s": found.seconds}
        if found.memory_gb is not None:
            own["peak_rss_mb"] = found.memory_gb * 1024
        before = own | {"notes": "The baseline itself: there is nothing before it."}
        if best is not None and bound is not None:
            note = f"The mean of the best so far, at {best.commit[:12]}."
            before = base | {"score": bound, "notes": note, "historical": best.run_id}
        folder.write(_BASELINE, EvalResult.model_validate(before))
        folder.write(_CANDIDATE, EvalResult.model_validate(own))
        _move(folder, status, Phase.EVALUATED, None)


def _why(found: Measurement) -> str:
    said = {
        "no-metric": "It ended well, but no line matches the pattern of the metric.",
        "metric-twice": "It printed the metric more than once, with different values.",
        "nan": "The metric is not a finite number.",
        "rule": "It broke a rule of the protocol.",
    }
    if found.violations:
        return found.violations[0].text
    return said.get(found.cause or "", f"It has no number that counts: {found.cause}.")


def _move(folder: RunFolder, status: RunStatus, phase: Phase, error: LastError | None) -> None:
    def change(changed: RunStatus) -> None:
        changed.phase = phase
        changed.last_error = error

    folder.move(status.revision, change)
    log = EventLog(folder.file("events.jsonl"))
    try:
        log.append({"kind": "phase", "from_phase": str(status.phase), "to_phase": str(phase)})
    finally:
        log.close()
