"""A table laid out for a width: columns as wide as their words need, else one block a row. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len

from tui.views.cells import Cell
from tui.views.plain import fit

Align = Literal["left", "right"]
Line = list[Cell]

GAP = 2
"""Cells between two columns."""

WORD = 16
"""A column is at least as wide as its longest word, but no wider than this for one that is long."""

LABEL = 24
"""The widest label of a block."""

_PIECES = re.compile(r"\s+|[^\s-]+-*|-+")


@dataclass(frozen=True, slots=True)
class Table:
    """Titles, rows of the same length, and for each column its alignment."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    aligns: tuple[Align, ...]


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells: broken at spaces and hyphens, inside words that are longer.

    A sign that is wider than ``width`` stands on a line of its own.
    """
    lines, line, used = [], "", 0
    for piece in _PIECES.findall(text.strip()):
        if piece.isspace():
            piece = " " if line else ""
        size = cell_len(piece)
        if used + size > width and line:
            lines.append(line.rstrip())
            line, used = "", 0
            if piece == " ":
                continue
        while size > width:
            head = _head(piece, width)
            lines.append(head)
            piece = piece[len(head) :]
            size = cell_len(piece)
        line, used = line + piece, used + size
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _head(text: str, width: int) -> str:
    used = 0
    for index, char in enumerate(text):
        used += cell_len(char)
        if used > width and index:
            return text[:index]
    return text


def widths(table: Table, width: int) -> list[int] | None:
    """The columns' widths in ``width`` cells; None where the words of the table do not fit."""
    columns = list(zip(table.titles, *table.rows, strict=True))
    whole = [max(1, *map(cell_len, column)) for column in columns]
    least = [
        max(
            cell_len(title),
            min(WORD, max((cell_len(w) for c in cells for w in c.split()), default=1)),
        )
        for title, *cells in columns
    ]
    least = [min(pair) for pair in zip(whole, least, strict=True)]
    room = width - GAP * (len(columns) - 1)
    if sum(whole) <= room:
        return whole
    if sum(least) > room:
        return None
    # Each cell that is left goes to the column whose text would take the most lines.
    found = list(least)
    for _ in range(room - sum(least)):
        wants = [
            text / size if size < text else 0.0 for text, size in zip(whole, found, strict=True)
        ]
        found[wants.index(max(wants))] += 1
    return found


def laid_out(table: Table, width: int) -> list[Line]:
    """The table's lines for a width: columns below their titles, or one block a row."""
    if not table.titles:
        return []
    columns = widths(table, width)
    return _blocks(table, width) if columns is None else _columns(table, columns)


def _columns(table: Table, columns: list[int]) -> list[Line]:
    aligns = table.aligns
    head = [
        (" " * GAP).join(
            fit(title, size, align=align)
            for title, size, align in zip(table.titles, columns, aligns, strict=True)
        )
    ]
    lines: list[Line] = [[Cell(text, "accent")] for text in head]
    lines.append([Cell("─" * (sum(columns) + GAP * (len(columns) - 1)), "muted")])
    tall = [
        [wrapped(cell, size) for cell, size in zip(row, columns, strict=True)] for row in table.rows
    ]
    airy = any(len(cell) > 1 for row in tall for cell in row)
    for number, row in enumerate(tall):
        if airy and number:
            lines.append([Cell("")])
        for index in range(max(map(len, row))):
            parts = (
                fit(cell[index] if index < len(cell) else "", size, align=align)
                for cell, size, align in zip(row, columns, aligns, strict=True)
            )
            lines.append([Cell((" " * GAP).join(parts))])
    return lines


def _blocks(table: Table, width: int) -> list[Line]:
    """Each row as a block: its first cell as title, then a line for each other column."""
    label = min(LABEL, max(map(cell_len, table.titles[1:]), default=0))
    lines: list[Line] = []
    for number, row in enumerate(table.rows):
        if number:
            lines.append([Cell("")])
        first = f"{table.titles[0]} {row[0]}" if row[0].isdigit() else row[0]
        lines += [[Cell(text, "strong")] for text in wrapped(first, width)]
        for title, cell in zip(table.titles[1:], row[1:], strict=True):
            for index, text in enumerate(wrapped(cell, max(8, width - label - 4))):
                name = fit(title, label) if not index else " " * label
                lines.append([Cell(f"  {name}  ", "muted"), Cell(text)])
    return lines
