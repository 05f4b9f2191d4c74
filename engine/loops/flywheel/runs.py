"""The run of an iteration: an ordinary run that says which loop and iteration it belongs to.

The loop never trains by itself. It creates a run, launches its supervisor and waits; a run whose
supervisor died goes on, a run that was cancelled is followed by one that takes over from it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.folder import FolderError, RunFolder
from engine.loops.runner import LoopFailed, Runner
from engine.loops.runs import (
    DEATHS,
    config_of,
    launch_run,
    wait_while_running,
)
from engine.plans.named_files import CannotAgree
from engine.plans.planning import Draft, create, draft
from engine.plans.unsealing import take_candidate
from engine.records.loop import Loop
from engine.records.status import Phase, RunStatus
from engine.supervise.gate import NOT_AGREED, to_agree
from engine.supervise.launch import LaunchError, is_done, liveness
from engine.supervise.resume import prepare_resume
from engine.workspace import Workspace


def find_run(workspace: Workspace, loop_id: str, iteration: int) -> Path | None:
    """The newest run of an iteration: what a runner before this one had created."""
    parents: set[str] = set()
    found: list[Path] = []
    for path in workspace.run_paths():
        config = config_of(path)
        mine = config.get("loop")
        if isinstance(mine, dict) and (mine.get("id"), mine.get("iteration")) == (
            loop_id,
            iteration,
        ):
            found.append(path)
            parents.add(str(config.get("parent_run_id")))
    last = [path for path in found if path.name not in parents]
    return last[0] if last else None


def draft_run(
    workspace: Workspace,
    loop: Loop,
    iteration: int,
    target: Path,
    overrides: Iterable[str],
    parent: str | None,
    hypothesis: str,
) -> Draft:
    """What the iteration's run would be; TargetError with everything that is wrong."""
    drafted = draft(workspace, target, overrides, loop.seed, parent, hypothesis)
    mark = {"id": loop.loop_id, "iteration": iteration}
    return replace(drafted, config=drafted.config.model_copy(update={"loop": mark}))


def start_run(runner: Runner, drafted: Draft, candidate_of: Path | None = None) -> Path:
    """Create the run and launch it; with ``candidate_of`` it has that run's weights."""
    workspace = runner.folder.workspace
    folder = create(workspace, drafted)
    if candidate_of is not None:
        try:
            take_candidate(candidate_of, folder, drafted.target)
        except OSError:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
    runner.say("run-created", run=folder.run_id)
    launch_run(folder.path)
    return folder.path


def wait_for(runner: Runner, run: Path) -> Path:
    """Wait until a run has done its plan or failed; returns where it did, which is another folder
    when it had to be taken over. LoopCancelled cancels the run first, with its checkpoint."""
    deaths = 0
    while True:
        status = wait_while_running(runner, run)
        if is_done(RunFolder(run), status):
            return run
        if status.phase is Phase.FAILED and not _may_go_on(run, status):
            return run
        if liveness(status) == "dead":
            deaths += 1
            if deaths > DEATHS:
                raise LoopFailed(
                    f"The supervisor of {run.name} died {deaths} times without a word.",
                    "See supervisor.log and train.log in the run's folder, then: resume.",
                )
        try:
            taken = prepare_resume(run)
        except LaunchError as error:
            raise LoopFailed(str(error)) from error
        if taken != run:
            runner.say("run-taken-over", run=taken.name, before=run.name)
        run = taken
        launch_run(run)


def _may_go_on(run: Path, status: RunStatus) -> bool:
    """Whether a run that failed was only refused, and what it executes is agreed to by now.
    LoopFailed where it is not: a loop goes on with what somebody agreed to."""
    error = status.last_error
    if error is None or error.code != NOT_AGREED:
        return False
    try:
        if not to_agree(run):
            return True
    except (FolderError, CannotAgree, OSError) as trouble:
        raise LoopFailed(f"{run.name}: {trouble}") from trouble
    mark = config_of(run).get("loop")
    name = mark.get("id") if isinstance(mark, dict) else run.name
    raise LoopFailed(
        error.message,
        f"Look at it, then: factory-tui loop resume {name} shows it and asks (--yes agrees).",
    )


def follows_same_iteration(run: Path) -> bool:
    """Whether a run follows another of its own iteration: it is the smaller one, or took over."""
    config = config_of(run)
    parent = config.get("parent_run_id")
    if not isinstance(parent, str) or Path(parent).name != parent:
        return False
    mark = config_of(run.parent / parent).get("loop")
    return mark is not None and mark == config.get("loop")


def target_of(run: Path) -> str | None:
    """The target that a run's config names."""
    name = config_of(run).get("target")
    return name if isinstance(name, str) else None


def word(value: Any) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, list | dict):
        return json.dumps(value)  # which is YAML in one line
    return repr(value) if isinstance(value, float) else str(value)
