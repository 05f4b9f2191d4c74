"""``train.log``: what the children printed, byte for byte, and which byte came from where.

stdout and stderr are two pipes, so their order is the order in which the supervisor read them;
within each stream it is exact. ``train.log.index`` holds a line of JSON whenever stage or stream
changes: ``{"offset": 0, "stage": "train", "stream": "stderr"}`` says that the bytes from
``offset`` up to the next entry are of that stage and stream. The log is complete without it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.plain_file import open_to_append

LOG = "train.log"
INDEX = "train.log.index"

LogStream = Literal["stdout", "stderr"]


@dataclass(frozen=True)
class Span:
    """Bytes ``start`` to ``end`` (excluded) of ``train.log``; ``end`` is None for the last span."""

    start: int
    end: int | None
    stage: str
    stream: LogStream


class TrainLog:
    """The one writer of the log. OSError (a full disk) is for the caller."""

    def __init__(self, run: Path) -> None:
        self._log = open_to_append(run / LOG)
        self._index = open_to_append(run / INDEX)
        self._offset = os.fstat(self._log).st_size
        self._last: tuple[str, LogStream] | None = None

    def write(self, stage: str, stream: LogStream, data: bytes) -> None:
        """Append what a stage printed."""
        if self._last != (stage, stream):
            entry = {"offset": self._offset, "stage": stage, "stream": stream}
            _write_all(self._index, json.dumps(entry).encode() + b"\n")
            self._last = (stage, stream)
        _write_all(self._log, data)
        self._offset += len(data)

    def sync(self) -> None:
        os.fsync(self._log)

    def close(self) -> None:
        os.close(self._log)
        os.close(self._index)


def read_spans(run: Path) -> list[Span]:
    """The spans of a run's log, in order; [] without an index. Lines that are cut are left out."""
    entries: list[tuple[int, str, LogStream]] = []
    try:
        lines = (run / INDEX).read_bytes().splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            entry = json.loads(line)
            entries.append((int(entry["offset"]), str(entry["stage"]), entry["stream"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
    ends: list[int | None] = [entry[0] for entry in entries[1:]]
    return [
        Span(start, end, stage, stream)
        for (start, stage, stream), end in zip(entries, [*ends, None], strict=False)
    ]


def _write_all(fd: int, data: bytes) -> None:
    """write(2) may take less than it is given, for example just before the disk is full."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
