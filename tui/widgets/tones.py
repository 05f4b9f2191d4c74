"""What a text means, as a colour: the one place where tones of the views meet the theme."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from tui.views.cells import Cell, Tone

STYLES: dict[Tone, str] = {
    "plain": "",
    "muted": "$muted",
    "faint": "$faint",
    "good": "$success",
    "bad": "$error",
    "warn": "$warning",
    "accent": "$accent",
    "strong": "bold $strong",
}


def paint(*parts: Cell | str) -> Content:
    """Cells and bare texts side by side, never read as markup."""
    return Content.assemble(
        *(part if isinstance(part, str) else (part.text, STYLES[part.tone]) for part in parts)
    )


def lines(rows: Iterable[Content]) -> Content:
    """Contents below each other."""
    return Content("\n").join(list(rows))
