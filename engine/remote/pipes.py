"""The pipes of a child, with a limit to their silence: each piece that passes begins the wait anew.

So a long message over a slow line is no silence, and an end that takes or says nothing is one.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
from typing import TYPE_CHECKING

from engine.remote.wire import LineError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PIECE = 64 * 1024
"""So much is read at once, in bytes."""


class Silent(LineError):
    """Nothing passed for as long as it was waited for; the text says how long."""


class Inlet(io.RawIOBase):
    """What comes out of a pipe. ``silent_s`` may be changed between two reads."""

    def __init__(self, handle: int, silent_s: float) -> None:
        super().__init__()
        self._handle = handle
        self.silent_s = silent_s

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """What is there, 0 at the end. Silent after ``silent_s`` seconds without a byte."""
        _wait(self._handle, select.POLLIN, self.silent_s)
        return os.readv(self._handle, [buffer])


class Outlet(io.RawIOBase):
    """What goes into a pipe, which is made one that does not block."""

    def __init__(self, handle: int, silent_s: float) -> None:
        super().__init__()
        self._handle = handle
        self._silent_s = silent_s
        os.set_blocking(handle, False)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """All of ``data``. Silent where no byte is taken, OSError where nobody reads."""
        left = memoryview(data)
        size = len(left)
        while left:
            _wait(self._handle, select.POLLOUT, self._silent_s)
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._handle, left) :]
        return size


def _wait(handle: int, for_what: int, silent_s: float) -> None:
    poll = select.poll()
    poll.register(handle, for_what)
    if not poll.poll(silent_s * 1000):
        raise Silent(f"it did not answer within {silent_s:g} s")
