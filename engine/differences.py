"""The difference that a fix makes, line by line with signs, as ``diff -u`` shows it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from engine.checks.fixes import Fix

Sign = Literal[" ", "+", "-", "@", "…"]

CONTEXT = 3
MAX_LINES = 2_000
"""Lines of one difference that are shown."""

_MAX_COMPARED = 1_500
"""Where both sides have more changed lines than this the one is shown after the other: looking for
what they share takes time that grows with the square."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line. ``text`` begins with the sign: a space, +, -, @ for a place, … for what is left
    out."""

    sign: Sign
    text: str


def difference(fix: Fix) -> list[DiffLine]:
    """What a fix takes away and adds; at most ``MAX_LINES`` lines, then how many more there are."""
    before, after = _lines(fix.before), _lines(fix.after)
    found = list(_compare(before, after, whole=fix.start == 0))
    if fix.side is not None:
        found.append(DiffLine("@", f"@ the bytes taken away are kept in {fix.side}"))
    if len(found) > MAX_LINES:
        rest = len(found) - MAX_LINES
        found[MAX_LINES:] = [DiffLine("…", f"… {rest:,} more lines")]
    return found


def _lines(data: bytes | None) -> list[str]:
    if not data:
        return []
    lines = data.decode("utf-8", "replace").split("\n")
    if lines[-1]:
        lines[-1] += "  (no line end)"
    else:
        lines.pop()
    return lines


def _compare(before: list[str], after: list[str], *, whole: bool) -> Iterator[DiffLine]:
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if len(old) > _MAX_COMPARED and len(new) > _MAX_COMPARED:
        yield DiffLine("@", f"@ line {head + 1}")
        yield from (DiffLine("-", f"-{line}") for line in old)
        yield from (DiffLine("+", f"+{line}") for line in new)
        return
    # With the context around what differs, and without the rest of a long file.
    first, last = max(0, head - CONTEXT), max(0, tail - CONTEXT)
    lines = difflib.unified_diff(
        before[first : len(before) - last], after[first : len(after) - last], n=CONTEXT, lineterm=""
    )
    for line in islice(lines, 2, None):  # the first two name the files
        if line.startswith("@@"):
            yield DiffLine("@", f"@ {_place(line, first)}" if whole else "@ the last line")
        else:
            yield DiffLine(_sign(line), line)


def _sign(line: str) -> Sign:
    return "+" if line[:1] == "+" else "-" if line[:1] == "-" else " "


def _place(header: str, offset: int) -> str:
    """``@@ -3,7 +3,8 @@`` of a part of a file as the line at which it begins."""
    try:
        return f"line {int(header.split()[1].lstrip('-').split(',')[0]) + offset or 1}"
    except (ValueError, IndexError):
        return header
