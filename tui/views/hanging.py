"""Lines of painted words broken at a width, later ones under what the label says. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len

from tui.views.cells import Cell
from tui.views.plain import fit

_WORDS = re.compile(r"\s*\S+|\s+$")


def hang(line: Sequence[Cell], width: int, indent: int) -> list[list[Cell]]:
    """A line as lines of at most ``width`` cells, broken between words, the later ones indented.

    A word that is wider than a line is cut with an ellipsis.
    """
    width = max(indent + 4, width)
    lines: list[list[Cell]] = [[]]
    used = 0
    for cell in line:
        for word in _WORDS.findall(cell.text):
            size = cell_len(word)
            if used + size > width and used > indent:
                lines.append([Cell(" " * indent)])
                used, word = indent, word.lstrip()
                size = cell_len(word)
            if used + size > width and used == indent:
                word = word.lstrip()
                size = cell_len(word)
            if used + size > width:
                word = fit(word, width - used)
                size = cell_len(word)
            lines[-1].append(Cell(word, cell.tone))
            used += size
    return lines
