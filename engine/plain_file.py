"""Opens ordinary files only: a pipe in a run folder would wait for ever for somebody to write."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_plain(path: Path) -> BinaryIO:
    """``path`` opened for reading bytes, without ever waiting.

    FileNotFoundError where there is none; OSError for a directory, a device, a pipe, and a file
    that may not be read.
    """
    handle, _ = _open(path)
    try:
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path | str, limit: int) -> bytes:
    """The bytes of a small file, at most ``limit``; errors as in ``open_plain``.

    A list of a thousand runs reads thousands of files: this asks the system as little as it can.
    """
    handle, size = _open(path)
    try:
        return os.read(handle, min(size, limit))
    finally:
        os.close(handle)


def _open(path: Path | str) -> tuple[int, int]:
    """A descriptor of an ordinary file, and its size."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no ordinary file", str(path))
    return handle, found.st_size
