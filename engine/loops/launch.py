"""Start, find and cancel the runner of a loop, from a screen or a command line.

As for a run: once the runner lives, in a session of its own, whoever launched it may die. A loop
that was killed, failed or was cancelled goes on when it is launched again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from engine.folder import FolderError
from engine.loops.folder import LoopFolder, Request, find_loops
from engine.processes import is_alive
from engine.records.loop import LoopKind, LoopPhase, LoopStatus
from engine.records.status import ProcessId
from engine.supervise.launch import LaunchError, start_detached
from engine.workspace import Workspace

RUNNER = "engine.loops.run"

Alive = Literal["running", "dead", "idle"]
"""dead: the status names a runner that is not there any more."""

_POLL_S = 0.05


def launch_loop(folder: LoopFolder) -> ProcessId:
    """Start the loop's runner, detached; returns when it has begun. LaunchError with its words."""
    if folder.path.is_symlink():
        # What was agreed to would be looked up where it leads.
        raise LaunchError(f"{folder.loop_id} is a link: nothing is started by it.")
    if alive(_status(folder)) == "running":
        raise LaunchError(f"{folder.loop_id} is running already.")
    for request in (Request.PAUSE, Request.STOP):
        folder.withdraw(request)  # who starts a loop does not mean the request of last time
    return start_detached(RUNNER, folder.path.resolve(), "runner.log")


def alive(status: LoopStatus) -> Alive:
    """The truth about a loop, whatever its status says."""
    if status.runner is None:
        return "idle"
    return "running" if is_alive(status.runner) else "dead"


def open_flywheel(workspace: Workspace, target: Path) -> LoopFolder | None:
    """The newest flywheel of a target where it has not completed; None where there is none."""
    for folder in find_loops(workspace):
        try:
            loop, status = folder.loop(), folder.status()
        except FolderError:
            continue
        same = (workspace.path / loop.target_dir).resolve() == target.resolve()
        if same and loop.kind is LoopKind.FLYWHEEL:
            return folder if status.phase is not LoopPhase.COMPLETED else None
    return None


def cancel_loop(
    folder: LoopFolder, *, wait_s: float = 0.0, goes_on: Callable[[], bool] = lambda: True
) -> LoopStatus:
    """Stop a loop now: its run saves a checkpoint and is cancelled. Waits up to ``wait_s`` seconds,
    as long as ``goes_on`` says so; the loop ends by itself, whoever waits.

    A loop without a runner that had not ended becomes cancelled here. LaunchError for one that has
    ended.
    """
    status = _status(folder)
    if alive(status) != "running":
        if status.phase.ended:
            raise LaunchError(f"{folder.loop_id} is {status.phase} already.")
        return _cancel_here(folder, status)
    assert status.runner is not None
    try:
        os.kill(status.runner.pid, signal.SIGTERM)
    except ProcessLookupError:
        return cancel_loop(folder, wait_s=wait_s, goes_on=goes_on)
    except PermissionError as error:
        raise LaunchError(
            f"{folder.loop_id}: its runner (process {status.runner.pid}) belongs to another user."
        ) from error
    until = time.monotonic() + wait_s
    while time.monotonic() < until and goes_on():
        status = _status(folder)
        if alive(status) != "running":
            break
        time.sleep(_POLL_S)
    return status


def _cancel_here(folder: LoopFolder, status: LoopStatus) -> LoopStatus:
    def change(moved: LoopStatus) -> None:
        moved.phase, moved.runner, moved.step = LoopPhase.CANCELLED, None, None
        moved.reason = "Cancelled while nothing ran."

    try:
        return folder.move(status.revision, change)
    except (OSError, FolderError) as error:
        raise LaunchError(f"{folder.loop_id} cannot be cancelled: {error}") from error


def _status(folder: LoopFolder) -> LoopStatus:
    try:
        return folder.status()
    except FolderError as error:
        raise LaunchError(f"{folder.loop_id}: {error}.") from error
