"""One writer a run: flock(2) on the run's directory, freed by the kernel when it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


class RunIsHeld(OSError):
    """Another process writes this run."""


class RunLock:
    """Held within ``with``; RunIsHeld at once when another process has it. Leaves no file."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._handle: int | None = None

    def __enter__(self) -> RunLock:
        handle = os.open(self._run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise RunIsHeld(
                f"{self._run.name} has a supervisor already. To stop that one: cancel."
            ) from error
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
