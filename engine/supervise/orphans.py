"""Children whose supervisor died: found by the identity in the run's status and by the run that
their environment names, and stopped."""

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
    """What still computes of a run whose supervisor died: every process whose environment names
    this run, whatever its session, and while the child that the status names lives (None where it
    names none: it died before it could) all of its session. Without its environment nobody is taken
    for one: after the child's end its number may belong to someone else.
    """
    session = child.pid if child is not None and is_alive(child) else None
    us = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid in us:
                continue
            ours = session is not None and session in (process.pid, os.getsid(process.pid))
            ours = ours or process.environ().get("FACTORY_RUN") == str(run)
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
