"""Reasons why something is refused, each with its way out."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from tui.views.cells import Cell
from tui.views.plain import plain
from tui.widgets.tones import lines, paint


def refusal_block(
    title: str, reasons: Sequence[str], ways_out: Sequence[str], advice: str
) -> Static:
    """Reasons one below the other, each with its way out where there is one."""
    text = [Content.styled(title, "bold $error")]
    for index, reason in enumerate(reasons):
        text.append(paint(Cell("✘ ", "bad"), plain(reason)))
        if index < len(ways_out) and ways_out[index]:
            text.append(paint(Cell("  → ", "accent"), plain(ways_out[index])))
    if advice:
        text.append(Content.styled(advice, "$muted"))
    return Static(lines(text), classes="refusal")
