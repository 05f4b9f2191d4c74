"""Go on with a run that did not end well.

A run whose supervisor died goes on in its own folder. A run that is failed or cancelled is final:
a new run is made that names it as its parent, takes over what its finished stages concluded
(REUSED), and goes on from the checkpoints of the stage that was interrupted.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.folder import EventLog, FolderError, RunFolder, write_json_atomic
from engine.plans.named_files import CannotAgree
from engine.plans.programs import Program
from engine.plans.stage_programs import in_short
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage, StageKind
from engine.records.run import RunConfig
from engine.records.status import Phase, RunStatus, StageState, StageStatus
from engine.remote import mirrors
from engine.supervise.checkpoints import checkpoints_dir, newest_step
from engine.supervise.gate import target_of, to_agree
from engine.supervise.launch import LaunchError, is_done, launch, liveness
from engine.supervise.run_lock import RunLock
from engine.workspace import Workspace

_TAKEN = (StageState.DONE, StageState.REUSED)

NEVER_COPIED = frozenset(
    {
        "run-status.json",
        "events.jsonl",
        "train.log",
        "train.log.index",
        "supervisor.log",
        "decision.json",
        "artifact.json",
        "hosts.json",
        "ranks.json",
        "report.md",
        "report-card.json",
        "report-card.html",
        "adapters",
    }
)
"""What belongs to one run alone; adapters are taken over stage by stage."""


class AgreeFirst(LaunchError):
    """The run would execute ``programs`` of ``target`` that nobody agreed to here: show them, ask,
    resume again."""

    def __init__(self, run: Path, target: Path, programs: list[Program]) -> None:
        super().__init__(
            f"{run.name} executes what nobody agreed to here: {in_short(programs)}. "
            f"Where its workspace is, factory-tui resume {run.name} shows it and asks."
        )
        self.target = target
        self.programs = programs


def resume(run: Path) -> Path:
    """Go on with a run and start its supervisor; returns the folder in which it goes on.

    AgreeFirst, with nothing written, where what it executes has to be agreed to; LaunchError.
    """
    if (root := mirrors.root_of(run)) is not None:
        from engine.remote.asked import resumed

        return resumed(root, run)
    if run.is_symlink():
        # What was agreed to would be looked up where it leads.
        raise LaunchError(f"{run.name} is a link out of {run.parent}: nothing is started by it.")
    _check_agreed(run.resolve())
    path = prepare_resume(run)
    launch(path)
    return path


def _check_agreed(run: Path) -> None:
    try:
        if RunFolder(run).status() is None:
            return  # it is said below that it cannot be resumed
        programs = to_agree(run)
        if programs:
            raise AgreeFirst(run, target_of(run, RunFolder(run).read("plan.json", Plan)), programs)
    except (FolderError, CannotAgree, OSError) as error:
        raise LaunchError(f"{run.name} cannot be resumed: {error}") from error


def prepare_resume(run: Path) -> Path:
    """The folder in which the run can be launched: itself, or a new run made from it.

    LaunchError for a run that goes on already, is decided, or has nothing left to do.
    """
    folder = RunFolder(run.resolve())
    try:
        status = folder.status()
        if status is None:
            raise LaunchError(
                f"{folder.run_id} has no run-status.json: it was made by another tool and cannot "
                "be resumed here."
            )
        plan = folder.read("plan.json", Plan)
        _check(folder, status)
        return _once_more(folder, plan, status) if status.phase.final else folder.path
    except (FolderError, OSError) as error:
        raise LaunchError(f"{folder.run_id} cannot be resumed: {error}.") from error


def _once_more(parent: RunFolder, plan: Plan, status: RunStatus) -> Path:
    """A new run, unless somebody who resumed at the same time has made one."""
    with RunLock(parent.path):
        for run in Workspace.of_run(parent.path).run_paths():
            if (other := _of_this_parent(run, parent.run_id)) is not None:
                raise LaunchError(
                    f"{parent.run_id} goes on already, as {run.name}, which is {other}. To go on "
                    f"with that one: factory-tui resume {run.name}"
                )
        return _new_run(parent, plan, status)


def _of_this_parent(run: Path, parent: str) -> str | None:
    """How a run stands that goes on with ``parent``; None for one that does not, or has ended."""
    folder = RunFolder(run)
    try:
        if folder.read("config.json", RunConfig).parent_run_id != parent:
            return None
        status = folder.status()
    except FolderError:
        return None
    if status is None or status.phase.final or is_done(folder, status):
        return None
    return "not started" if status.supervisor is None else liveness(status)


def _check(folder: RunFolder, status: RunStatus) -> None:
    if status.phase is Phase.DECIDED:
        raise LaunchError(
            f"{folder.run_id} is decided, and a decision stands. To try again, make a new run."
        )
    if liveness(status) in ("running", "waiting"):
        raise LaunchError(f"{folder.run_id} is {liveness(status)}: there is nothing to resume.")
    if not status.phase.final and is_done(folder, status):
        raise LaunchError(f"{folder.run_id} has done all its stages. What it lacks is a decision.")


def _new_run(parent: RunFolder, plan: Plan, status: RunStatus) -> Path:
    from engine.plans.opened import opened_event
    from engine.plans.planning import frozen_event

    config = parent.read("config.json", RunConfig)
    try:
        with Workspace.of_run(parent.path).new_run(config.target) as made:
            folder, now = RunFolder(made.path), utc_now()
            changes = {"run_id": made.name, "created": now}
            config = config.model_copy(update={**changes, "parent_run_id": parent.run_id})
            new_plan = plan.model_copy(update=changes)
            stages = _take_over(parent.path, made.path, plan, status)
            write_json_atomic(folder.file("config.json"), config)
            write_json_atomic(folder.file("plan.json"), new_plan)
            log = EventLog(folder.file("events.jsonl"))
            try:
                log.append(frozen_event(folder, config))
                if config.eval.opens is not None:
                    why = f"It goes on where {parent.run_id} ended."
                    log.append(opened_event(config, 1, why))
                for text in _what_is_restored(parent, plan, stages):
                    message = {"kind": "message", "level": "info", "code": "resumed", "text": text}
                    log.append(message)
            finally:
                log.close()
            folder.write(
                "run-status.json",
                RunStatus(run_id=made.name, created=now, updated=now, stages=stages),
            )
    except (OSError, FolderError) as error:
        raise LaunchError(f"{parent.run_id} could not be copied into a new run: {error}") from error
    return made.place


def _take_over(parent: Path, child: Path, plan: Plan, status: RunStatus) -> dict[str, StageStatus]:
    """Copy what finished stages left, and the checkpoints of an interrupted training."""
    stages: dict[str, StageStatus] = {}
    unfinished: list[Stage] = []
    taken: set[str] = set()
    for stage in plan.stages:
        one = status.stages.get(stage.name, StageStatus())
        if one.state in _TAKEN and not unfinished:
            stages[stage.name] = one.model_copy(update={"state": StageState.REUSED})
            if stage.kind is StageKind.TRAIN:
                adapters = checkpoints_dir(parent, stage).parent
                _copy(adapters, child / adapters.relative_to(parent))
                taken.add(str(adapters.relative_to(parent)))
        else:
            # The number of attempts tells the supervisor that this is not the first one.
            stages[stage.name] = StageStatus(attempts=one.attempts)
            unfinished.append(stage)
    makers = (StageKind.TRAIN, StageKind.COMMAND)
    if "adapters" not in taken and not any(stage.kind in makers for stage in unfinished):
        # Weights that a command made, or that came with a run which only evaluates.
        _copy(parent / "adapters", child / "adapters")
    left_out = NEVER_COPIED | taken | {name for stage in unfinished for name in _writes(stage)}
    for entry in parent.iterdir():
        if entry.name not in left_out and not entry.name.startswith((".", "train-rank-")):
            _copy(entry, child / entry.name)
    for stage in unfinished:
        if stage.kind is StageKind.TRAIN and newest_step(parent, stage) is not None:
            checkpoints = checkpoints_dir(parent, stage)
            _copy(checkpoints, child / checkpoints.relative_to(parent))
    return stages


def _writes(stage: Stage) -> set[str]:
    """First parts of the paths, below the run folder, that a stage writes as far as it says."""
    names = list(stage.outputs)
    for suite in stage.spec.get("suites") or []:
        names += [str(suite[key]) for key in ("record", "rows") if suite.get(key)]
    if stage.kind is StageKind.FUSE and isinstance(out := stage.spec.get("out"), str):
        names.append(out.removeprefix("{run}/"))
    if stage.kind is StageKind.TRAIN:
        names.append(str(stage.spec.get("adapter_dir", "adapters")))
    return {name.split("/", 1)[0] for name in names}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        return  # a link may lead out of the folder: what it names is not ours to take over
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copy2(source, target)


def _what_is_restored(parent: RunFolder, plan: Plan, stages: dict[str, StageStatus]) -> list[str]:
    """What the new run has from its parent and what not, in sentences."""
    reused = [name for name, one in stages.items() if one.state is StageState.REUSED]
    text = f"This run goes on where {parent.run_id} ended. "
    if reused:
        text += f"Taken over with their records: {', '.join(reused)}."
    else:
        text += "None of its stages was finished: all start from the beginning."
    texts = [text]
    for stage in plan.stages:
        if stages[stage.name].attempts == 0 or stage.name in reused:
            continue
        step = newest_step(parent.path, stage)
        if step is not None:
            texts.append(
                f"{stage.name} goes on from step {step}: adapter, optimizer state, random state "
                "and the order of the data are restored."
            )
        elif stage.kind is StageKind.COMMAND:
            texts.append(
                f"{stage.name} is a command of your own: nothing of it is restored, it starts "
                "from the beginning."
            )
        else:
            texts.append(f"{stage.name} has no checkpoint: it starts from the beginning.")
    return texts
