"""The jump overlay: a letter on everything that can have the focus; the letter goes there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Label

from tui.widgets.dialog import Dialog

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""The middle row first: it is under the fingers."""


def places(screen: Screen[Any]) -> list[tuple[str, Widget]]:
    """A letter for each widget of a screen that is seen and can have the focus.

    They are in reading order. What lies behind the letters' end has none; `tab` reaches it.
    """
    seen = [
        widget
        for widget in screen.focus_chain
        if widget.region.area and screen.region.overlaps(widget.region) and widget.id != "_"
    ]
    seen.sort(key=lambda widget: (widget.region.y, widget.region.x))
    return list(zip(LETTERS, seen, strict=False))


class JumpScreen(Dialog[Widget | None]):
    """Answers with the widget whose letter was pressed, None when none was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+o", "dismiss(None)", "close")]

    def __init__(self, found: Iterable[tuple[str, Widget]]) -> None:
        super().__init__()
        self._found = dict(found)
        # Where they are is read now: the screen below may be laid out anew while this is open.
        self._regions = {letter: widget.region for letter, widget in self._found.items()}

    def compose(self) -> ComposeResult:
        for letter in self._found:
            region = self._regions[letter]
            label = Label(f" {letter} ", classes="jump")
            label.absolute_offset = Offset(region.x, region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        if event.key in self._found:
            event.stop()
            self.dismiss(self._found[event.key])

    def on_click(self) -> None:
        self.dismiss(None)
