"""Who a process is: its number and its start time, since numbers are used again. Plain values.

psutil's start time on Linux is "boot time + ticks", and the boot time moves when the clock is set.
So an identity made here also holds the ticks and the boot they belong to; where both sides have
them they alone decide. Elsewhere start times may differ by ``TOLERANCE_S``.

Imports no pydantic, and psutil only when asked: lists of runs are on the way to the first paint.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

TOLERANCE_S = 2.0
"""Two start times of one process may differ by this much where there are no ticks."""


def describe(pid: int) -> dict[str, Any] | None:
    """What identifies a living process; None when there is none of that number (or a zombie)."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        started = process.create_time()
    except (psutil.Error, ValueError, OverflowError):
        return None
    found: dict[str, Any] = {"pid": pid, "started": started, "host": socket.gethostname()}
    if (ticks := _ticks(pid)) is not None:
        found |= {"ticks": ticks, "boot": _boot()}
    return found


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two descriptions name one process. The host's name is not looked at: it changes on a
    laptop, and number and start time suffice."""
    if one.get("pid") != other.get("pid"):
        return False
    if one.get("ticks") is not None and other.get("ticks") is not None:
        return (one["ticks"], one.get("boot")) == (other["ticks"], other.get("boot"))
    first, second = one.get("started"), other.get("started")
    if not isinstance(first, int | float) or not isinstance(second, int | float):
        return False
    return abs(first - second) < TOLERANCE_S


def is_alive(known: Mapping[str, Any]) -> bool:
    """Whether the very process that ``known`` describes still runs on this machine."""
    pid = known.get("pid")
    if type(pid) is not int or pid <= 0:
        return False
    now = describe(pid)
    return now is not None and same(known, now)


_told: Callable[[], Iterable[Mapping[str, Any]]] | None = None


def believe(told: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
    """From now on ``lives`` also believes another machine, whose workspace is copied here: ``told``
    gives the processes that were alive there when it last said so."""
    global _told
    _told = told


def lives(known: Mapping[str, Any]) -> bool:
    """As ``is_alive``, also of processes at another machine. For telling alone: who wants to send
    a signal asks ``is_alive``."""
    return is_alive(known) or (_told is not None and any(same(known, one) for one in _told()))


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
