"""What every kind of loop does with its runs: find them, launch them, wait for them.

The loop never trains by itself: whatever it does is an ordinary run with a supervisor of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.folder import FolderError, RunFolder
from engine.loops.runner import LoopCancelled, LoopFailed, Runner
from engine.plain_file import read_plain
from engine.records.status import Phase, RunStatus
from engine.supervise.launch import LaunchError, cancel, launch, liveness

POLL_S = 0.3
CANCEL_S = 60.0
"""How long a worker may take to save its checkpoint when a loop is cancelled."""

DEATHS = 3
"""So often a supervisor may die in one iteration before the loop takes it for more than an
accident."""

_MAX_CONFIG = 4 * 2**20
_TAIL_BYTES = 256 * 2**10


def config_of(path: Path) -> Mapping[str, Any]:
    """A run's config.json as plain JSON; {} where it cannot be read."""
    try:
        value = json.loads(read_plain(path / "config.json", _MAX_CONFIG))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def wait_while_running(
    runner: Runner, run: Path, look: Callable[[RunStatus], None] | None = None
) -> RunStatus:
    """Wait as long as a supervisor drives the run; ``look`` sees its status at each look.
    LoopCancelled cancels the run first."""
    while True:
        status = status_of(run)
        if liveness(status) not in ("running", "waiting"):
            return status
        if look is not None:
            look(status)
        _sleep(runner, run)


def out_of_memory(run: Path) -> bool:
    """Whether a failed run ended because memory ran out, as its supervisor or its worker said."""
    if status_of(run).phase is not Phase.FAILED:
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
    except (ValueError, RecursionError):
        return None
    return event.get("code") if isinstance(event, dict) else None


def why_failed(run: Path) -> str:
    """The run's last error as a sentence."""
    status = status_of(run)
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


def launch_run(run: Path) -> None:
    """Launch a run's supervisor; LoopFailed with the reason."""
    try:
        launch(run)
    except LaunchError as error:
        raise LoopFailed(str(error)) from error


def status_of(run: Path) -> RunStatus:
    """A run's status; LoopFailed where it cannot be read."""
    try:
        status = RunFolder(run).status()
    except FolderError as error:
        raise LoopFailed(f"{run.name}: {error}.", "factory-tui validate says more.") from error
    if status is None:
        raise LoopFailed(f"{run.name} has lost its run-status.json.")
    return status
