"""The end of a growing log as lines of harmless text."""

from __future__ import annotations

import os
import re
from collections import deque
from itertools import islice
from pathlib import Path

from tui.views.plain import plain

KEPT_LINES = 5_000
FIRST_LOOK = 256 * 1024
"""How many bytes from the end the first look reads."""
CHUNK = 128 * 1024
MAX_LINE = 4_000

_CODES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    rb"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, links
    rb"|[PX^_][^\x1b]*(?:\x1b\\)?"  # strings of other kinds
    rb"|[@-Z\\^_ -/0-~])"
)


def clean(line: bytes) -> str:
    """A log line as it would stand on a terminal, without its codes.

    A carriage return begins the line anew, as progress bars do: what is last written counts.
    """
    if len(line) > 4 * MAX_LINE:
        line = line[-4 * MAX_LINE :] if b"\r" in line else line[: 4 * MAX_LINE]
    text = _CODES.sub(b"", line)
    parts = [part for part in text.split(b"\r") if part.strip()]
    last = parts[-1] if parts else b""
    return plain(last.decode("utf-8", "replace").expandtabs(4), clip=MAX_LINE).rstrip()


class LogTail:
    """Follows a log from near its end. Holds the newest KEPT_LINES lines and the unfinished one.

    ``total`` counts the lines seen; ``skipped`` tells whether earlier ones were never read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.total = 0
        self.unfinished = ""
        self.skipped = False
        self._offset: int | None = None
        self._rest = b""

    def read(self) -> bool:
        """Take in what was appended, a bounded piece at a time; whether anything was."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                start = self._offset
                if start is None or size < start:
                    start = max(0, size - FIRST_LOOK)
                    self.skipped = start > 0
                    self._rest = b""
                    file.seek(start)
                    if start and (cut := file.readline()).endswith(b"\n"):
                        start += len(cut)
                elif size == start:
                    return False
                file.seek(start)
                data = file.read(CHUNK)
        except OSError:
            # Not there yet, or not readable: then there is nothing to show.
            return False
        self._offset = start + len(data)
        *whole, rest = (self._rest + data).split(b"\n")
        for line in whole:
            self.lines.append(clean(line))
        self.total += len(whole)
        self._rest = rest[-16 * MAX_LINE :]
        self.unfinished = clean(self._rest)
        return bool(data)

    def since(self, seen: int) -> list[str]:
        """The whole lines after the first ``seen`` of all, as far as they are still held."""
        fresh = min(self.total - seen, len(self.lines))
        return list(islice(self.lines, len(self.lines) - fresh, None)) if fresh > 0 else []
