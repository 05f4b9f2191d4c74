"""Follows growing files: complete lines since the last look, at most a bounded piece at a time."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from engine.plain_file import open_plain

CHUNK = 1 << 20
"""How much of a file one look reads at most, in bytes."""

MAX_LINE = 16 * CHUNK
"""A line without an end is given up on after this many bytes, and counted as broken."""


class LineTail:
    """Reads what was appended to a file, by complete lines. A file that shrank is read anew."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self._rest = bytearray()

    def read(self, limit: int = CHUNK) -> list[bytes]:
        """The next complete lines without their ends, up to about ``limit`` bytes; [] for none."""
        block = self.read_block(limit)
        return block[:-1].split(b"\n") if block else []

    def read_block(self, limit: int = CHUNK) -> bytes:
        """The next complete lines with their ends, up to about ``limit`` bytes; b"" for none.

        A file that is not there yet or cannot be read has no lines: why is for the checks to say.
        """
        try:
            with open_plain(self.path) as file:
                size = os.fstat(file.fileno()).st_size
                if size < self.offset:
                    self.offset, self._rest = 0, bytearray()
                file.seek(self.offset)
                data = file.read(limit)
        except OSError:
            return b""
        self.offset += len(data)
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest += data
            if len(self._rest) > MAX_LINE:
                self._rest = bytearray()
            return b""
        block = bytes(self._rest) + data[:end] if self._rest else data[:end]
        self._rest = bytearray(data[end:])
        return block

    def blocks(self) -> Iterator[bytes]:
        """Complete lines with their ends, a block at a time, until all that is there was read."""
        while self.behind:
            before = self.offset
            if block := self.read_block():
                yield block
            if self.offset == before:
                return  # it is there and cannot be read

    @property
    def behind(self) -> int:
        """Bytes that are there and were not read yet."""
        try:
            found = self.path.stat()
        except OSError:
            return 0
        return max(0, found.st_size - self.offset) if stat.S_ISREG(found.st_mode) else 0


def events_of(block: bytes, kinds: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
    """The events in a block of lines; of some kinds only, where few others are decoded."""
    wanted = [b""] if kinds is None else [f'"{kind}"'.encode() for kind in kinds]
    if not any(one in block for one in wanted):
        return
    for line in block.split(b"\n"):
        if any(one in line for one in wanted):
            event = _event(line)
            if event is not None and (kinds is None or event["kind"] in kinds):
                yield event


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("kind"), str) else None


class EventTail:
    """Follows an ``events.jsonl``. ``broken`` counts lines that were no JSON object."""

    def __init__(self, path: Path) -> None:
        self._lines = LineTail(path)
        self.broken = 0

    @property
    def behind(self) -> int:
        return self._lines.behind

    def read(self, limit: int = CHUNK) -> list[dict[str, Any]]:
        """The events since the last look, as plain dicts, oldest first."""
        events = []
        for line in self._lines.read(limit):
            if not line.strip():
                continue
            event = _event(line)
            if event is None:
                self.broken += 1
            else:
                events.append(event)
        return events

    def read_all(self) -> Iterator[dict[str, Any]]:
        """Everything that is there now."""
        while self.behind:
            before = self._lines.offset
            yield from self.read()
            if self._lines.offset == before:
                return  # it is there and cannot be read
