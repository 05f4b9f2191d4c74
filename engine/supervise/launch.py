"""Start, find and cancel the supervisor of a run, from a screen or a command line.

Nothing here is needed once the supervisor runs: it is in a session of its own, and whoever
launched it may die. All functions may block for a moment; a screen calls them in a thread.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

import engine
from engine.catalogue.summary import Liveness
from engine.folder import FolderError, RunFolder, StaleRevision
from engine.plain_file import open_to_append
from engine.processes import identify, is_alive
from engine.records.base import utc_now
from engine.records.plan import Plan
from engine.records.status import Phase, ProcessId, RunStatus, StageState
from engine.remote import mirrors
from engine.settings_file import SettingsError
from engine.supervise import ready
from engine.supervise.orphans import stop_orphans
from engine.supervise.reserve import give_up_reserve
from engine.supervise.run_lock import RunLock
from engine.supervise.settings import Settings, load_settings
from engine.workspace import Workspace

LOG = "supervisor.log"
START_S = 30.0
"""A supervisor that has not said anything after so long is reported as stuck."""

_POLL_S = 0.05
_started: list[subprocess.Popen[bytes]] = []
"""Supervisors that this process launched: looked at now and then, so that none stays a zombie."""


class LaunchError(Exception):
    """The run was not started, cancelled or resumed; the text says why and what to do."""


def launch(run: Path) -> ProcessId:
    """Start a run's supervisor, detached; returns when it has begun. LaunchError with its words."""
    return start_detached("engine.supervise.supervisor", run.resolve(), LOG)


def start_detached(module: str, folder: Path, log_name: str) -> ProcessId:
    """Start ``python -m module folder`` in a session of its own; returns when it says it has begun.

    What it prints goes to the file ``log_name`` of the folder. LaunchError with its own words.
    """
    _collect()
    read_end, write_end = os.pipe()
    home = str(Path(engine.__file__).resolve().parent.parent)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")])),
        ready.VARIABLE: str(write_end),
    }
    try:
        with os.fdopen(open_to_append(folder / log_name), "ab") as log:
            popen = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(folder)],
                cwd=folder.anchor,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(write_end,),
                start_new_session=True,
            )
    except OSError as error:
        os.close(read_end)
        raise LaunchError(f"{folder.name} could not be started: {error.strerror}.") from error
    finally:
        os.close(write_end)
    _started.append(popen)
    process = identify(popen.pid) or ProcessId(pid=popen.pid, started=time.time())
    try:
        answer = _read_answer(read_end)
    finally:
        os.close(read_end)
    if answer == "":
        return process
    raise LaunchError(
        answer or f"{folder.name} could not be started. {_last_words(folder, log_name)}"
    )


def liveness(status: RunStatus) -> Liveness:
    """The truth about a run whose status says that it is in progress.

    running, waiting: its supervisor is alive; dead: the status names one that is not; idle:
    nothing is expected to run, since it never started, waits for a decision, or is final.
    """
    if status.phase.final or status.supervisor is None:
        return "idle"
    if not is_alive(status.supervisor):
        return "dead"
    return "waiting" if status.waiting_for else "running"


def cancel(run: Path, *, wait_s: float | None = None) -> RunStatus:
    """Cancel a run; returns its status (after up to ``wait_s`` seconds, if given, when it ended).

    With a supervisor: SIGTERM to it, and it stops its child. Without one, whether it died or never
    began: what it left computing is stopped and the run is cancelled here. LaunchError for a run
    that is final or has done all its stages.
    """
    if (root := mirrors.root_of(run)) is not None:
        from engine.remote.asked import cancelled

        return cancelled(root, run.name, wait_s)
    folder = RunFolder(run.resolve())
    status = _status(folder)
    if liveness(status) in ("dead", "idle"):
        return _cancel_here(folder, status)
    assert status.supervisor is not None
    try:
        os.kill(status.supervisor.pid, signal.SIGTERM)
    except ProcessLookupError:
        return cancel(run, wait_s=wait_s)
    except PermissionError as error:
        pid = status.supervisor.pid
        raise LaunchError(
            f"{folder.run_id}: its supervisor (process {pid}) belongs to another user."
        ) from error
    until = time.monotonic() + (wait_s or 0.0)
    while time.monotonic() < until:
        _collect()
        status = _status(folder)
        if status.phase.final or liveness(status) in ("dead", "idle"):
            break
        time.sleep(_POLL_S)
    return status


def _cancel_here(folder: RunFolder, status: RunStatus) -> RunStatus:
    from engine.supervise.journal import Journal  # only here: a list of runs needs none of it

    try:
        settings = load_settings(Workspace.of_run(folder.path).path)
    except SettingsError:
        settings = Settings()  # cancelling must work with a broken factory.toml as well
    if status.phase.final:
        # Decided after its supervisor died: what that one left still computes, and only we stop it.
        if status.child is not None and stop_orphans(folder.path, status.child, settings.patience):
            return status
        raise LaunchError(f"{folder.run_id} is {status.phase} already.")
    if _has_nothing_left(folder, status):
        raise LaunchError(
            f"{folder.run_id} has done all its stages: there is nothing to cancel. Decide it."
        )
    try:
        with RunLock(folder.path):
            give_up_reserve(folder.path)
            journal = Journal(folder)
            try:
                if journal.status.revision != status.revision:
                    raise StaleRevision(folder.file("run-status.json"), "was changed meanwhile")
                stop_orphans(folder.path, journal.status.child, settings.patience)
                journal.move_to(Phase.CANCELLED, _note_cancelled)
            finally:
                journal.close()
            return journal.status
    except StaleRevision as error:
        raise LaunchError(
            f"{folder.run_id} changed while it was being cancelled: it is "
            f"{_status(folder).phase} now. Look again, then cancel."
        ) from error
    except (OSError, FolderError) as error:
        raise LaunchError(f"{folder.run_id} cannot be cancelled: {error}") from error


def _note_cancelled(status: RunStatus) -> None:
    for stage in status.stages.values():
        if stage.state is StageState.RUNNING:
            stage.state, stage.ended, stage.reason = StageState.CANCELLED, utc_now(), "cancelled"
    status.ended = utc_now()
    status.supervisor = status.child = status.stage = status.waiting_for = None


def _has_nothing_left(folder: RunFolder, status: RunStatus) -> bool:
    """Whether it is known that all is done: cancelling must work without a plan as well."""
    try:
        return is_done(folder, status)
    except FolderError:
        return False


def is_done(folder: RunFolder, status: RunStatus) -> bool:
    """Whether every stage of the plan is done or taken over."""
    plan = folder.read("plan.json", Plan)
    taken = (StageState.DONE, StageState.REUSED)
    return all(
        (one := status.stages.get(stage.name)) is not None and one.state in taken
        for stage in plan.stages
    )


def _status(folder: RunFolder) -> RunStatus:
    try:
        status = folder.status()
    except FolderError as error:
        raise LaunchError(f"{folder.run_id}: {error}.") from error
    if status is None:
        raise LaunchError(
            f"{folder.run_id} has no run-status.json: it was made by another tool, and nothing of "
            "it can be started or stopped here."
        )
    return status


def _read_answer(pipe: int) -> str | None:
    """What the supervisor told; None when it ended, or said nothing in time."""
    data = b""
    until = time.monotonic() + START_S
    while b"\n" not in data and (left := until - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0]:
            break
        piece = os.read(pipe, 65536)
        if not piece:
            break
        data += piece
    return ready.read(data)


def _last_words(folder: Path, log_name: str) -> str:
    """The end of the log of what was started, one line."""
    try:
        with (folder / log_name).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    if not lines:
        return f"It said nothing; see {log_name} in its folder."
    return f"Its last words: {lines[-1]} ({log_name} has more.)"


def _collect() -> None:
    """Reap supervisors of ours that have ended."""
    for popen in list(_started):
        if popen.poll() is not None:
            with contextlib.suppress(ValueError):  # another thread was quicker
                _started.remove(popen)


def wait_ended(process: ProcessId, timeout_s: float) -> bool:
    """Wait until a process has ended; False when it still runs after ``timeout_s`` seconds."""
    until = time.monotonic() + timeout_s
    while is_alive(process):
        if time.monotonic() >= until:
            return False
        _collect()
        try:
            psutil.Process(process.pid).wait(timeout=_POLL_S)
        except (psutil.Error, OSError):
            time.sleep(_POLL_S)
    return True
