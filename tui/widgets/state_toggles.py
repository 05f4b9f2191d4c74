"""The states of public artifacts in one line: which are shown, how many of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.widgets.tones import STYLES

Make = Callable[[int], Sequence[tuple[str, str]]]
"""A piece for each state, for a width in cells."""


class StateToggles(Widget):
    """A click on a state does what its key does."""

    ALLOW_SELECT = False

    @dataclass
    class Clicked(Message):
        """The number of the state, from 1."""

        number: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._make: Make = lambda width: ()

    def put(self, make: Make) -> None:
        self._make = make
        self.refresh()

    def render(self) -> Content:
        styles: dict[str, str] = dict(STYLES.items())
        pieces = self._make(self.content_size.width)
        return Content.assemble(*((text, styles.get(role, "")) for text, role in pieces))

    def on_click(self, event: events.Click) -> None:
        spot = event.get_content_offset(self)
        end = 0
        for number, (text, _) in enumerate(self._make(self.content_size.width), start=1):
            end += cell_len(text)
            if spot is not None and spot.x < end:
                self.post_message(self.Clicked(number))
                return
