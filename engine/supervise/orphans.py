"""Children whose supervisor died: found by the identity in the run's status, and stopped."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil

from engine.processes import is_alive
from engine.records.status import ProcessId
from engine.supervise.process import Patience

POLL_S = 0.05


def find_orphans(run: Path, child: ProcessId | None) -> list[psutil.Process]:
    """What still runs of a child that a status names: itself, and members of its session.

    A member other than the child itself counts only when its environment names this run, since
    after the child's end its number (and so its session's) may belong to someone else.
    """
    if child is None:
        return []
    leader_lives = is_alive(child)
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) != child.pid and process.pid != child.pid:
                continue
            ours = leader_lives or process.environ().get("FACTORY_RUN") == str(run)
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def stop_orphans(run: Path, child: ProcessId | None, patience: Patience) -> int:
    """SIGINT, SIGTERM, SIGKILL to what find_orphans finds; returns how many there were. Blocks."""
    first = find_orphans(run, child)
    steps = (
        (signal.SIGINT, patience.interrupt_s),
        (signal.SIGTERM, patience.terminate_s),
        (signal.SIGKILL, patience.kill_s),
    )
    for number, seconds in steps:
        left = find_orphans(run, child)
        for process in left:
            try:
                process.send_signal(number)
            except psutil.Error:
                continue
        until = time.monotonic() + seconds
        while any(_lives(process) for process in left) and time.monotonic() < until:
            time.sleep(POLL_S)
        if not find_orphans(run, child):
            break
    return len(first)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
