"""Fixes as they are offered: a line each, why, and the difference with its signs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from engine.checks.fixes import Fix
from engine.differences import DiffLine
from engine.fixing import Applied
from tui.views.cells import Cell
from tui.views.plain import plain

Row = tuple[str, str]
"""A text and its role, see tui/widgets/ink.py."""

_ROLES = {"+": "good", "-": "bad", "@": "accent", "…": "muted", " ": "muted"}
_CLIP = 4_000


def fix_cells(fix: Fix, chosen: bool) -> list[Cell]:
    """A fix in one line: whether it is to be made, which file, what happens to it."""
    what = "removed" if fix.after is None else "written anew" if fix.before is None else "changed"
    box = Cell("[x] ", "accent") if chosen else Cell("[ ] ", "muted")
    return [box, Cell(plain(fix.file, clip=200), "strong"), Cell(f"  {what}", "muted")]


def why_lines(fix: Fix) -> list[list[Cell]]:
    """Why it is right, and what it has for a consequence."""
    lines = [[Cell(plain(why, clip=1000))] for why in fix.why]
    if not fix.by_default:
        lines.insert(0, [Cell("Not chosen by itself: ", "warn"), *lines.pop(0)])
    return lines


def diff_rows(lines: Iterable[DiffLine], width: int) -> list[Row]:
    """A difference as rows of at most ``width`` cells; a longer line goes on beneath itself."""
    rows: list[Row] = []
    for line in lines:
        role = _ROLES[line.sign]
        rows += [(part, role) for part in _wrap(plain(line.text, clip=_CLIP), max(8, width))]
    return rows


def _wrap(text: str, width: int) -> list[str]:
    if cell_len(text) <= width:
        return [text]
    parts, part, used, room = [], "", 0, width
    for char in text:
        size = cell_len(char)
        if used + size > room:
            parts.append(part)
            # What goes on is indented by the sign's own cell, so that a sign is always a sign.
            part, used, room = "  ", 2, width
        part += char
        used += size
    return [*parts, part]


def outcome(applied: Sequence[Applied]) -> tuple[str, bool]:
    """What became of the fixes in a sentence, and whether all went well."""
    done = sum(one.problem is None for one in applied)
    problems = " ".join(one.problem for one in applied if one.problem is not None)
    text = f"{done} fix{'' if done == 1 else 'es'} made."
    return (f"{text} {problems}" if problems else text), not problems
