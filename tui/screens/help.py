"""What the keys of a screen do, from the one table of bindings."""

from __future__ import annotations

import textwrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.bindings import EVERYWHERE, KEYS, PANES, Key, keys_of
from tui.widgets.dialog import Dialog

CAPTION, WORDS = 8, 58
"""Cells of a key, and of what it does: together what the dialog holds in 80 columns."""

_TITLES = {"new_run": "New run"}


def title_of(room: str) -> str:
    """A screen's name as people write it."""
    return _TITLES.get(room, room.capitalize())


class HelpScreen(Dialog[None]):
    """All keys of one screen, those that work everywhere last."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,f1", "dismiss", "close")
    ]

    def __init__(self, room: str) -> None:
        super().__init__()
        self._room = room

    def compose(self) -> ComposeResult:
        table = getattr(self.app, "key_table", KEYS)
        keys = list(keys_of(self._room, table))
        panes = [pane for pane, places in PANES.items() if self._room in places]
        with VerticalScroll(classes="dialog help") as scroll:
            scroll.border_title = f"Keys ─ {title_of(self._room)}"
            scroll.border_subtitle = "esc closes"
            yield Static(_table([key for key in keys if key.screen == self._room]))
            for pane in panes:
                yield Static(f"In the {pane} pane", classes="title")
                yield Static(_table([key for key in keys if key.screen == pane]))
            yield Static("Everywhere", classes="title")
            yield Static(_table([key for key in keys if key.screen == EVERYWHERE]))


def _table(keys: list[Key]) -> Content:
    """A key a line; what is too long goes on below its own first word."""
    rows = []
    for key in keys:
        first, *more = textwrap.wrap(key.help, WORDS)
        rows.append(
            Content.assemble(
                (f"{key.caption:>{CAPTION}}  ", "bold $accent"), (first, "$foreground")
            )
        )
        rows += [Content(" " * (CAPTION + 2) + text) for text in more]
    return Content("\n").join(rows)
