"""One writer a run (or a loop): flock(2) on its ``events.jsonl``, freed when the writer dies.

Not on the directory: that lock is short, and belongs to whoever moves the status (``folder``).
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from engine.plain_file import open_to_append
from engine.remote import mirrors

GRACE_S = 1.0
"""A killed process may be gone from the table while its last threads still hold its files."""

_POLL_S = 0.02


class RunIsHeld(OSError):
    """Another process writes this run."""


class RunLock:
    """Held within ``with``; RunIsHeld when another process has and keeps it. Leaves no file.

    ``status`` is the file without which the folder was not made to be run.
    """

    def __init__(self, run: Path, status: str = "run-status.json") -> None:
        self._run = run
        self._status = status
        self._handle: int | None = None

    def __enter__(self) -> RunLock:
        mirrors.refuse(self._run)
        if not (self._run / self._status).is_file():
            raise FileNotFoundError(
                f"{self._run.name} has no {self._status}: it was not made to be run"
            )
        handle = open_to_append(self._run / "events.jsonl", read=True)
        until = time.monotonic() + GRACE_S
        while not _try_lock(handle):
            if time.monotonic() >= until:
                os.close(handle)
                raise RunIsHeld(
                    f"{self._run.name} has a supervisor already. To stop that one: cancel."
                )
            time.sleep(_POLL_S)
        self._handle = handle
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
