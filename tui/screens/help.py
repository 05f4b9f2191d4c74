"""What the keys of a screen do, from the one table of bindings."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.bindings import EVERYWHERE, Key, keys_of

_TITLES = {"new_run": "New run"}


class HelpScreen(ModalScreen[None]):
    """All keys of one screen, those that work everywhere last."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,f1", "dismiss", "close")
    ]

    def __init__(self, room: str) -> None:
        super().__init__()
        self._room = room

    def compose(self) -> ComposeResult:
        title = _TITLES.get(self._room, self._room.capitalize())
        own = [key for key in keys_of(self._room) if key.screen != EVERYWHERE]
        every = [key for key in keys_of(self._room) if key.screen == EVERYWHERE]
        with VerticalScroll(classes="dialog help") as scroll:
            scroll.border_title = f"Keys ─ {title}"
            scroll.border_subtitle = "esc closes"
            yield Static(_table(own))
            yield Static("Everywhere", classes="title")
            yield Static(_table(every))


def _table(keys: list[Key]) -> Content:
    return Content("\n").join(
        Content.assemble((f"{key.caption:>8}  ", "bold $accent"), (key.help, "$foreground"))
        for key in keys
    )
