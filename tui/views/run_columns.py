"""The columns of the list of runs: which there are, which are chosen, how wide each is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from rich.cells import cell_len

from tui.views.plain import fit, plain

SETTING = "set."
"""How the key of a column that shows a setting begins."""

GAP = 2
"""Cells between two columns."""

MARGIN = 4
"""Cells before the first column: the mark of a chosen run and the sign of its state."""

MORE = 4
"""Cells behind the last column that say how many are out of sight."""

NARROWEST_NAME = 12
_WIDEST_TITLE = 14


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. ``width`` 0 takes what is left; ``from_width`` is the narrowest table
    that shows it while nobody chose columns; ``sort`` is the order that its title asks for."""

    key: str
    title: str
    width: int
    align: str = "left"
    from_width: int = 0
    sort: str = ""
    help: str = ""


COLUMNS: dict[str, Column] = {
    column.key: column
    for column in (
        Column("date", "day", 6, "left", 64, "newest", "the day on which it was made"),
        Column("run", "run", 0, "left", 0, "run", "its name; always shown"),
        Column("model", "model", 20, "left", 150, "model", "the base model"),
        Column("primary", "primary", 13, "left", 0, "primary", "score before → after"),
        Column("delta", "Δ", 8, "right", 0, "delta", "after less before, and its gate"),
        Column("breadth", "breadth", 8, "right", 72, "breadth", "change of the regression suites"),
        Column("tok_s", "tok/s", 7, "right", 96, "tok/s", "tokens a second"),
        Column("peak", "peak", 6, "right", 96, "peak", "peak memory of the process tree"),
        Column("decision", "decision", 11, "left", 0, "decision", "what was decided"),
        Column("target", "target", 16, "left", 0, "target", "what is being built"),
        Column("tags", "tags", 16, "left", 0, "tags", "words that you gave it (t)"),
        Column("phase", "phase", 10, "left", 0, "phase", "how far it came"),
        Column("seed", "seed", 6, "right", 0, "seed", "the run's seed"),
        Column("n", "n", 6, "right", 0, "n", "examples that were scored"),
        Column("duration", "duration", 9, "right", 0, "duration", "first start to last end"),
        Column("parent", "parent", 20, "left", 0, "parent", "the run that it follows"),
    )
}
"""Every column but those of settings."""

DEFAULT = (*("date", "run", "model", "primary", "delta", "breadth", "tok_s", "peak", "decision"),)
"""What is shown while nobody chose, each from its ``from_width`` on."""

ACTIVITY = ("primary", "delta", "breadth")
"""The columns that a run in progress fills with what it does."""

_WIDER_WITH_ROOM = {"decision": 3}


def column_of(key: str) -> Column | None:
    """The column of that key, or None; ``set.NAME`` is one for every setting."""
    if not key.startswith(SETTING) or len(key) == len(SETTING):
        return COLUMNS.get(key)
    name = plain(key.removeprefix(SETTING), clip=60)
    title = name if cell_len(name) <= _WIDEST_TITLE else fit(name, _WIDEST_TITLE, align="path")
    width = max(9, cell_len(title) + 2)
    return Column(key, title, width, "right", 0, key, f"the setting {name}")


def chosen_columns(keys: Iterable[object]) -> tuple[str, ...]:
    """The known ones of remembered keys, each once, and always the run's name; () for none."""
    found = [key for key in dict.fromkeys(keys) if isinstance(key, str) and column_of(key)]
    if not found:
        return ()
    return tuple(found) if "run" in found else ("run", *found)


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns with their widths in cells, and how many are out of sight on either side."""

    shown: list[tuple[Column, int]] = field(default_factory=list)
    before: int = 0
    after: int = 0


@lru_cache(maxsize=64)
def layout(width: int, chosen: tuple[str, ...] = (), first: int = 0) -> Layout:
    """The columns for a table of this width.

    While none are chosen, those that there is room for. Chosen ones are all there: where they do
    not fit, the name stays and the others move past it, beginning with number ``first``.
    """
    keys = chosen or [key for key in DEFAULT if width >= COLUMNS[key].from_width]
    columns = [found for key in keys if (found := column_of(key)) is not None]
    fixed = sum(column.width for column in columns) + GAP * (len(columns) - 1) + MARGIN
    rest = width - fixed
    if rest >= NARROWEST_NAME or not chosen:
        rest = max(NARROWEST_NAME, rest)
        # A decision with its routing, and no more of the name than can be read.
        extra = _WIDER_WITH_ROOM if rest > 30 and not chosen else {}
        rest -= sum(extra.values())
        return Layout(
            [(column, column.width + extra.get(column.key, 0) or rest) for column in columns]
        )
    return _window(columns, width, first)


def _window(columns: list[Column], width: int, first: int) -> Layout:
    """The name and as many of the others as there is room for."""
    name = next(column for column in columns if column.key == "run")
    others = [column for column in columns if column is not name]
    width -= MORE
    room = width - MARGIN - max(NARROWEST_NAME, min(28, width // 3))
    first = max(0, min(first, len(others) - 1))
    while first and sum(column.width + GAP for column in others[first - 1 :]) <= room:
        first -= 1  # no emptiness on the right while something is hidden on the left
    shown = []
    for column in others[first:]:
        if column.width + GAP > room:
            break
        room -= column.width + GAP
        shown.append((column, column.width))
    name_width = width - MARGIN - sum(size + GAP for _, size in shown)
    return Layout(
        [(name, max(NARROWEST_NAME, name_width)), *shown],
        first,
        len(others) - first - len(shown),
    )


def furthest(width: int, chosen: tuple[str, ...]) -> int:
    """The highest ``first`` at which the last column is in sight, 0 where all fit."""
    first = 0
    while layout(width, chosen, first).after:
        first += 1
    return first
