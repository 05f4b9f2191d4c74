"""The run of an iteration: an ordinary run that says which loop and iteration it belongs to.

The loop never trains by itself. It creates a run, launches its supervisor and waits; a run whose
supervisor died goes on, a run that was cancelled is followed by one that takes over from it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.folder import FolderError, RunFolder
from engine.loops.runner import LoopCancelled, LoopFailed, Runner
from engine.plain_file import read_plain
from engine.plans.planning import Draft, create, draft
from engine.plans.unsealing import take_candidate
from engine.records.loop import Loop
from engine.records.status import Phase, RunStatus
from engine.supervise.launch import LaunchError, cancel, is_done, launch, liveness
from engine.supervise.resume import prepare_resume
from engine.workspace import Workspace

POLL_S = 0.3
CANCEL_S = 60.0
"""How long a worker may take to save its checkpoint when a loop is cancelled."""

DEATHS = 3
"""So often a supervisor may die in one iteration before the loop takes it for more than an
accident."""

_MAX_CONFIG = 4 * 2**20
_TAIL_BYTES = 256 * 2**10


def find_run(workspace: Workspace, loop_id: str, iteration: int) -> Path | None:
    """The newest run of an iteration: what a runner before this one had created."""
    parents: set[str] = set()
    found: list[Path] = []
    for path in workspace.run_paths():
        config = _config(path)
        mine = config.get("loop")
        if isinstance(mine, dict) and (mine.get("id"), mine.get("iteration")) == (
            loop_id,
            iteration,
        ):
            found.append(path)
            parents.add(str(config.get("parent_run_id")))
    last = [path for path in found if path.name not in parents]
    return last[0] if last else None


def _config(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(read_plain(path / "config.json", _MAX_CONFIG))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


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
    _launch(folder.path)
    return folder.path


def wait_for(runner: Runner, run: Path) -> Path:
    """Wait until a run has done its plan or failed; returns where it did, which is another folder
    when it had to be taken over. LoopCancelled cancels the run first, with its checkpoint."""
    deaths = 0
    while True:
        status = _status(run)
        state = liveness(status)
        if state in ("running", "waiting"):
            _sleep(runner, run)
            continue
        if is_done(RunFolder(run), status) or status.phase is Phase.FAILED:
            return run
        if state == "dead":
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
        _launch(run)


def out_of_memory(run: Path) -> bool:
    """Whether a failed run ended because memory ran out, as its supervisor or its worker said."""
    if _status(run).phase is not Phase.FAILED:
        return False
    try:
        with (run / "events.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except OSError:
        return False
    return any(b'"oom"' in line and _code(line) == "oom" for line in lines)


def _code(line: bytes) -> object:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event.get("code") if isinstance(event, dict) else None


def why_failed(run: Path) -> str:
    """The run's last error as a sentence."""
    status = _status(run)
    if status.last_error is not None:
        return status.last_error.message
    return f"{run.name} ended as {status.phase}."


def _sleep(runner: Runner, run: Path) -> None:
    try:
        runner.wait(POLL_S)
    except LoopCancelled:
        try:
            cancel(run, wait_s=CANCEL_S)
        except LaunchError as error:
            runner.message("cancel", str(error), level="warning")
        raise


def _launch(run: Path) -> None:
    try:
        launch(run)
    except LaunchError as error:
        raise LoopFailed(str(error)) from error


def _status(run: Path) -> RunStatus:
    try:
        status = RunFolder(run).status()
    except FolderError as error:
        raise LoopFailed(f"{run.name}: {error}.", "factory-tui validate says more.") from error
    if status is None:
        raise LoopFailed(f"{run.name} has lost its run-status.json.")
    return status


def follows_same_iteration(run: Path) -> bool:
    """Whether a run follows another of its own iteration: it is the smaller one, or took over."""
    config = _config(run)
    parent = config.get("parent_run_id")
    if not isinstance(parent, str) or Path(parent).name != parent:
        return False
    mark = _config(run.parent / parent).get("loop")
    return mark is not None and mark == config.get("loop")


def target_of(run: Path) -> str | None:
    """The target that a run's config names."""
    name = _config(run).get("target")
    return name if isinstance(name, str) else None


def word(value: Any) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, list | dict):
        return json.dumps(value)  # which is YAML in one line
    return repr(value) if isinstance(value, float) else str(value)
