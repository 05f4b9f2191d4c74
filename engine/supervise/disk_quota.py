"""How much a stage adds to the disk: what some folders hold now, less what they held before.

One look walks the folders, so looks become rarer the longer they take. The length of a single file
is limited by the system (``ulimit -f``), which needs no look.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

_BLOCK = 512
"""Unit of ``st_blocks`` and of POSIX ``ulimit -f``, in bytes."""
_PAUSE = 10
"""A look is followed by a pause of so many times its length."""


class DiskQuota:
    """``limit`` in bytes over all ``folders`` together; growth counts from here on."""

    def __init__(self, folders: Sequence[Path], limit: int) -> None:
        self.limit = limit
        self._folders = [str(one) for one in folders]
        self._before = self._held()
        self._next = 0.0

    def look(self) -> int | None:
        """By how many bytes the folders have grown, where that is too much. May block on disk."""
        if time.monotonic() < self._next:
            return None
        began = time.monotonic()
        grown = self._held() - self._before
        now = time.monotonic()
        self._next = now + _PAUSE * (now - began)
        return grown if grown > self.limit else None

    def _held(self) -> int:
        return sum(_held(folder) for folder in self._folders)


def _held(folder: str) -> int:
    """Bytes allocated below a folder. Files that vanish meanwhile are left out; links are not
    followed."""
    total, waiting = 0, [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        else:
                            total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                    except OSError:
                        continue
        except OSError:
            continue
    return total


def limited(argv: Sequence[str], file_bytes: int) -> list[str]:
    """``argv`` with no file longer than ``file_bytes``; the process keeps its number."""
    blocks = str(math.ceil(file_bytes / _BLOCK))
    return ["/bin/sh", "-c", 'ulimit -f "$1" && shift && exec "$@"', "sh", blocks, *argv]
