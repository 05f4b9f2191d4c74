"""Identities of processes as records hold them; what they mean is in ``engine.identity``."""

from __future__ import annotations

import os
from typing import Any

from engine import identity
from engine.identity import TOLERANCE_S
from engine.records.status import ProcessId

__all__ = ["TOLERANCE_S", "identify", "is_alive", "lives", "myself", "same"]


def identify(pid: int) -> ProcessId | None:
    """The identity of a living process, None when there is none of that number (or a zombie)."""
    found = identity.describe(pid)
    return None if found is None else ProcessId.model_validate(found)


def myself() -> ProcessId:
    """The identity of this process."""
    me = identify(os.getpid())
    if me is None:
        raise RuntimeError("this process does not find itself in the table of processes")
    return me


def is_alive(process: ProcessId | None) -> bool:
    """Whether that very process still runs on this machine; a zombie does not."""
    return process is not None and identity.is_alive(_plain(process))


def lives(process: ProcessId | None) -> bool:
    """As ``is_alive``, also of a process at another machine whose workspace is copied here."""
    return process is not None and identity.lives(_plain(process))


def same(one: ProcessId | None, other: ProcessId | None) -> bool:
    """Whether two identities name one process."""
    return one is not None and other is not None and identity.same(_plain(one), _plain(other))


def _plain(process: ProcessId) -> dict[str, Any]:
    return {"pid": process.pid, "started": process.started, **(process.model_extra or {})}
