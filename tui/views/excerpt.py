"""The part of a file that holds a finding, with its line, however long the file is.

Reads the file, so it belongs into a worker thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.checks.finding import Finding
from engine.plain_file import open_plain
from tui.views.findings_view import line_in

MAX_BYTES = 4 * 2**20
"""How much of a file is shown."""

_SEARCHED_BYTES = 16 * 2**20
"""How much of a JSON record is looked through for the place of a finding."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file. ``first`` is the number of the first one, ``line`` that of the finding,
    both from 1; ``note`` says what is left out."""

    text: str
    first: int = 1
    line: int | None = None
    note: str = ""


def excerpt(path: Path, finding: Finding | None) -> Excerpt:
    """The file, or 4 MB of it around the finding's line. OSError as it comes."""
    with open_plain(path) as file:
        head = file.read(_SEARCHED_BYTES + 1)
        text = head[:_SEARCHED_BYTES].decode("utf-8", "replace")
        line = (finding.line or line_in(finding, text)) if finding is not None else None
        if len(head) <= MAX_BYTES:
            lines = text.count("\n") + (not text.endswith("\n"))
            return Excerpt(text, 1, min(line, max(1, lines)) if line else None)
        start, first = _start_of(file, line - 1) if line else (0, 1)
        # A little before the line, so that it is seen among what is around it.
        start, first = _some_lines_before(file, start, first)
        file.seek(start)
        shown = file.read(MAX_BYTES + 1)
        more = len(shown) > MAX_BYTES
    text = shown[:MAX_BYTES].decode("utf-8", "replace")
    where = f"from line {first:,} on" if first > 1 else "the beginning"
    note = f"Only 4 MB are shown, {where}: the file is longer." if more or first > 1 else ""
    return Excerpt(text, first, line, note)


def _start_of(file: BinaryIO, lines: int) -> tuple[int, int]:
    """The offset after so many lines, and the number of the line that begins there."""
    file.seek(0)
    offset, left = 0, lines
    while left and (data := file.read(_CHUNK)):
        count = data.count(b"\n")
        if count < left:
            left -= count
            offset += len(data)
            continue
        at = -1
        for _ in range(left):
            at = data.index(b"\n", at + 1)
        return offset + at + 1, lines + 1
    return (offset, lines - left + 1) if left else (0, 1)


def _some_lines_before(file: BinaryIO, start: int, first: int) -> tuple[int, int]:
    back = max(0, start - MAX_BYTES // 4)
    file.seek(back)
    before = file.read(start - back)
    if back:
        cut = before.find(b"\n")
        if cut < 0:
            return start, first
        before, back = before[cut + 1 :], back + cut + 1
    return back, first - before.count(b"\n")
