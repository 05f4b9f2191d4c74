"""A log file that may grow, be cut off, be replaced or vanish while it is open."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

Change = Literal["same", "grown", "new", "gone"]

_MARK = 64
"""Bytes before the known end that must stay as they were: else the file was written anew."""


class LogFile:
    """Reads from any place of a file. ``size`` is what ``look`` last found."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.trouble = ""
        """Why it cannot be read, as a sentence; empty where it can or is not there yet."""
        self._fd: int | None = None
        self._identity: tuple[int, int] | None = None
        self._time = 0
        self._mark = b""

    def look(self) -> Change:
        """What became of the file since the last look."""
        try:
            found = self.path.stat()
            if not stat.S_ISREG(found.st_mode):
                return self._lost(f"{self.path.name} is no ordinary file, so it is not read.")
            identity = (found.st_dev, found.st_ino)
            if identity != self._identity or self._fd is None:
                self._open()
                return "new"
            if found.st_size == self.size and found.st_mtime_ns == self._time:
                return "same"
            changed = self._mark != self.read(self.size - len(self._mark), len(self._mark))
            if found.st_size < self.size or changed:
                self._open()
                return "new"
            return self._grow(found)
        except FileNotFoundError:
            return self._lost("")
        except OSError as error:
            return self._lost(f"{self.path.name} cannot be read: {error.strerror}.")

    def read(self, offset: int, length: int) -> bytes:
        """Bytes at a place; fewer at the end of the file, none where it cannot be read."""
        if self._fd is None or length <= 0 or offset < 0:
            return b""
        try:
            return os.pread(self._fd, length, offset)
        except OSError:
            return b""

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> None:
        self.close()
        # A pipe put in its place meanwhile must not hold us up.
        self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        found = os.fstat(self._fd)
        self._identity = (found.st_dev, found.st_ino)
        self.trouble = ""
        self._grow(found)

    def _grow(self, found: os.stat_result) -> Change:
        grown = found.st_size != self.size
        self.size, self._time = found.st_size, found.st_mtime_ns
        self._mark = self.read(max(0, self.size - _MARK), min(_MARK, self.size))
        return "grown" if grown else "same"

    def _lost(self, trouble: str) -> Change:
        had = self._fd is not None or trouble != self.trouble
        self.close()
        self._identity, self.size, self.trouble = None, 0, trouble
        return "gone" if had else "same"
