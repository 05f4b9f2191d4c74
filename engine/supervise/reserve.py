"""A little space that a run keeps for its last words.

When the disk is full, the reason could not be written down either: the run would be told as one
whose supervisor died. So a hidden file is kept while a supervisor lives, and given up then.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

NAME = ".reserve"
SIZE = 64 * 1024
"""Bytes: a status, its temporary file and some events."""


def keep_reserve(run: Path) -> None:
    """Have the reserve in the run folder. OSError where even that finds no place."""
    path = run / NAME
    with contextlib.suppress(FileNotFoundError):
        if path.lstat().st_size == SIZE:
            return
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(b"\x01" * SIZE)  # zeros might be stored as a hole


def give_up_reserve(run: Path) -> None:
    """Free its space; harmless where there is none."""
    with contextlib.suppress(OSError):
        (run / NAME).unlink(missing_ok=True)
