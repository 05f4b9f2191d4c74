"""Who a process is: its number and its start time, since numbers are used again.

psutil's start time on Linux is "boot time + ticks", and the boot time moves when the clock is set.
So an identity made here also holds the ticks and the boot they belong to (unknown keys of the
record, kept by every reader); where both sides have them they alone decide. Elsewhere start
times may differ by ``TOLERANCE_S``.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil

from engine.records.status import ProcessId

TOLERANCE_S = 2.0
"""Two start times of one process may differ by this much where there are no ticks."""


def identify(pid: int) -> ProcessId | None:
    """The identity of a living process, None when there is none of that number (or a zombie)."""
    process = _living(pid)
    if process is None:
        return None
    try:
        started = process.create_time()
    except psutil.Error:
        return None
    extra = {} if (ticks := _ticks(pid)) is None else {"ticks": ticks, "boot": _boot()}
    return ProcessId.model_validate(
        {"pid": pid, "started": started, "host": socket.gethostname(), **extra}
    )


def myself() -> ProcessId:
    """The identity of this process."""
    me = identify(os.getpid())
    if me is None:
        raise RuntimeError("this process does not find itself in the table of processes")
    return me


def is_alive(process: ProcessId | None) -> bool:
    """Whether that very process still runs on this machine; a zombie does not.

    The host's name is not looked at: it changes on a laptop, and number and start time suffice.
    """
    if process is None:
        return False
    now = identify(process.pid)
    if now is None:
        return False
    known, found = process.model_extra or {}, now.model_extra or {}
    if "ticks" in known and "ticks" in found:
        return (known["ticks"], known.get("boot")) == (found["ticks"], found["boot"])
    return abs(now.started - process.started) < TOLERANCE_S


def same(one: ProcessId | None, other: ProcessId | None) -> bool:
    """Whether two identities name one process."""
    if one is None or other is None or one.pid != other.pid:
        return False
    first, second = one.model_extra or {}, other.model_extra or {}
    if "ticks" in first and "ticks" in second:
        return (first["ticks"], first.get("boot")) == (second["ticks"], second.get("boot"))
    return abs(one.started - other.started) < TOLERANCE_S


def _living(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        dead = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return None if dead else process
    except (psutil.Error, ValueError, OverflowError):
        return None


def _ticks(pid: int) -> int | None:
    """Clock ticks between boot and the start of a process, as Linux gives them (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _boot() -> str | None:
    """Names this boot of the machine, where the system does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return None
