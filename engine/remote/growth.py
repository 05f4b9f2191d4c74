"""What grows in a workspace, told piece by piece from where the other end has it.

The newest file goes first and a bounded piece of all in each round, so that a run that goes on is
never behind a long history. A file that is behind stays in mind until it is told, whether it is
looked at again or not: else its bytes would be missing from a copy that is called whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from engine.plain_file import open_plain
from engine.remote import travelling as travel

ROUND_BYTES = 4 * 2**20
"""So much of growing files is told in one round at most."""


class Growth:
    """How far each growing file below ``top`` was told, and what is missing. ``held`` is what the
    other end holds (``telling``): what is found there is taken out of it."""

    def __init__(
        self,
        top: str,
        held: dict[str, object],
        send: Callable[[dict[str, Any], bytes], None],
    ) -> None:
        self._top = top
        self._held = held
        self._send = send
        self._ends: dict[str, tuple[int, int]] = {}
        """Which file it is, and how much of it was told."""
        self._missing: dict[str, tuple[float, int]] = {}
        """Files of which something is to be told: when they changed, and their size."""

    def seen(self, path: str, found: os.stat_result) -> None:
        """A file looks like this now."""
        known = self._ends.get(path)
        if known is None:
            known = (found.st_ino, self._agreed(path, found.st_size))
        elif known[0] != found.st_ino or found.st_size < known[1]:
            known = (found.st_ino, 0)  # another file, or a shorter one, is told from its beginning
        self._ends[path] = known
        if known[1] < found.st_size:
            self._missing[path] = (found.st_mtime, found.st_size)
        else:
            self._missing.pop(path, None)

    def forget(self, place: str) -> None:
        """A file is not there any more, or a folder."""
        for path in [path for path in self._ends if _is_in(path, place)]:
            del self._ends[path]
            self._missing.pop(path, None)

    def is_behind(self, folder: str) -> bool:
        """Whether something is missing of a folder."""
        return any(_is_in(path, folder) for path in self._missing)

    def behind(self) -> int:
        """The bytes that are still to be told."""
        return sum(size - self._ends[path][1] for path, (_, size) in self._missing.items())

    def tell(self) -> int:
        """Tell a round's worth of what is missing; how many bytes that was."""
        left = ROUND_BYTES
        for path in sorted(self._missing, key=self._missing.__getitem__, reverse=True):
            if left <= 0:
                break
            left -= self._tell(path, self._missing[path][1], left)
        return ROUND_BYTES - left

    def _tell(self, path: str, size: int, most: int) -> int:
        """Tell the next bytes of a file, up to ``most``; how many were told. What cannot be read,
        or is shorter now, is not missing until it is seen again."""
        inode, at = self._ends[path]
        wanted, told = min(most, size - at), 0
        for body in self._pieces(path, at, wanted):
            anew = {"anew": True} if at + told == 0 else {}
            self._send({"grow": path, "at": at + told, **anew}, body)
            told += len(body)
            self._ends[path] = (inode, at + told)
        if told < wanted or at + told == size:
            del self._missing[path]
        return told

    def _pieces(self, path: str, at: int, most: int) -> Iterator[bytes]:
        with (
            contextlib.suppress(OSError),
            open_plain(f"{self._top}/{path}") as file,  # type: ignore[arg-type]
        ):
            file.seek(at)
            while body := file.read(min(travel.PIECE, most)):
                most -= len(body)
                yield body

    def _agreed(self, path: str, size: int) -> int:
        """Up to where the other end holds the very bytes that are here."""
        held = self._held.pop(path, None)
        if not isinstance(held, list) or len(held) != 2 or type(held[0]) is not int:
            return 0
        if not 0 < held[0] <= size:
            return 0
        return held[0] if end_hash(f"{self._top}/{path}", held[0]) == held[1] else 0


def _is_in(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def end_hash(path: str, size: int) -> str | None:
    """The hash of the last bytes before ``size``; None where the file is shorter or not there."""
    try:
        with open_plain(path) as file:  # type: ignore[arg-type]  # a string opens as well
            start = max(0, size - travel.TAIL_LOOKED_AT)
            file.seek(start)
            data = file.read(size - start)
    except OSError:
        return None
    return hashlib.sha256(data).hexdigest()[:16] if len(data) == size - start else None
