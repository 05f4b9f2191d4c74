"""Opens ordinary files only: a pipe in a run folder would wait for ever for somebody to write, and
what is written through a link would change a file elsewhere."""

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
    return read_plain_stat(path, limit)[0]


def read_plain_stat(path: Path | str, limit: int) -> tuple[bytes, os.stat_result]:
    """As ``read_plain``, with what the system says of the very file that was read."""
    handle, found = _open(path)
    try:
        return os.read(handle, min(found.st_size, limit)), found
    finally:
        os.close(handle)


def open_to_append(path: Path, *, read: bool = False) -> int:
    """A descriptor of a file of our own, made where there is none (0600), at its end.

    OSError for a link, also one that leads nowhere, and for all that is no ordinary file.
    """
    flags = (os.O_RDWR if read else os.O_WRONLY) | os.O_APPEND | os.O_CREAT
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "is a link, and is not followed", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no ordinary file", str(path))
    return handle


def _open(path: Path | str) -> tuple[int, os.stat_result]:
    """A descriptor of an ordinary file, and what the system says of it."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no ordinary file", str(path))
    return handle, found
