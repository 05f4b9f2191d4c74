"""Which bytes of a log came from which stage and stream: ``train.log.index``, as it grows.

Kept as two arrays, since a program that prints to both in turn makes hundreds of thousands of
entries. See ``engine.supervise.train_log``, which writes them.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, bisect_right

from tui.log.file import LogFile

_PIECE = 256 * 1024
_MAX_LINE = 4_096
_MAX_KINDS = 1_024

Kind = tuple[str, str]
"""A stage and "stdout", "stderr" or "": what an entry says of the bytes from its offset on."""


class Spans:
    """The entries of an index file. Without one the log is of one unknown stage and stream."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self.kinds: list[Kind] = []
        """The kinds in the order in which they first came."""
        self._offsets: array[int] = array("Q")
        self._kind: array[int] = array("H")
        self._read = 0
        self._rest = b""

    def step(self) -> bool:
        """Take in what was appended, a bounded piece; whether there was any."""
        data = self._file.read(self._read, _PIECE)
        if not data:
            return False
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            self._rest = b""
        for line in lines:
            self._take(line)
        return True

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            offset, stage, stream = entry["offset"], entry["stage"], entry["stream"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if type(offset) is not int or not isinstance(stage, str) or not 0 <= offset < 2**60:
            return
        if self._offsets and offset < self._offsets[-1]:
            return  # out of order: the bytes before it are another's already
        kind = (stage, stream if stream in ("stdout", "stderr") else "")
        if kind not in self.kinds:
            if len(self.kinds) >= _MAX_KINDS:
                return
            self.kinds.append(kind)
        self._offsets.append(offset)
        self._kind.append(self.kinds.index(kind))

    @property
    def streams(self) -> set[str]:
        """The streams that the log has, of "stdout" and "stderr"."""
        return {stream for _, stream in self.kinds} - {""}

    @property
    def stages(self) -> list[str]:
        """The stages that printed anything, in order."""
        return list(dict.fromkeys(stage for stage, _ in self.kinds))

    def kind_at(self, offset: int) -> Kind:
        """The stage and stream of the byte at ``offset``; ("", "") where that is not known."""
        at = bisect_right(self._offsets, offset) - 1
        return self.kinds[self._kind[at]] if at >= 0 else ("", "")

    def within(self, start: int, end: int) -> array[int]:
        """Where in [start, end) other stages or streams begin; the file's beginning is none."""
        low = bisect_left(self._offsets, max(1, start))
        return self._offsets[low : bisect_left(self._offsets, end)]
