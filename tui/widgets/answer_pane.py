"""One side's answer: what was measured in a line, and below it the text, followed as it grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.views.wrapping import Line
from tui.widgets.rows_view import RowsView

Make = Callable[[int], Sequence[Line]]
"""The lines for a width in cells."""

_ROLES = {"good": "$success", "bad": "$error", "warn": "$warning", "muted": "$muted"}


class AnswerText(RowsView):
    """The text. It stays at its end while it grows, unless somebody scrolled up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._make: Make = lambda _width: ()
        self._lines: Sequence[Line] = ()

    def put(self, make: Make, *, follow: bool) -> None:
        """Show other lines; with ``follow`` their end, where the end was in sight before."""
        at_end = self.scroll_offset.y >= self.max_scroll_y - 1
        self._make = make
        self._lay_out()
        if follow and at_end:
            self.scroll_end(animate=False, immediate=True)

    def _lay_out(self) -> None:
        self._lines = self._make(max(1, self.scrollable_content_region.width - 1))
        self.rows_changed()

    def on_resize(self) -> None:
        self._lay_out()

    def row_count(self) -> int:
        return len(self._lines)

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        return self._lines[index]


class AnswerPane(Vertical):
    """``side`` is "base" or "candidate"; a click anywhere in it chooses the side."""

    DEFAULT_CSS = """
    AnswerPane > .answer-head { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    AnswerPane > AnswerText {
        height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
        background: $background;
    }
    """

    @dataclass
    class Chosen(Message):
        """The pane was clicked."""

        side: str

    def __init__(self, side: str) -> None:
        super().__init__(id=side)
        self.side = side

    def compose(self) -> ComposeResult:
        yield Static(classes="answer-head")
        yield AnswerText()

    @property
    def lines(self) -> AnswerText:
        return self.query_one(AnswerText)

    def head(self, title: str, spans: Sequence[tuple[str, str]]) -> None:
        """Name it, and say what was measured."""
        self.border_title = Content(f" {title} ")
        words = Content.assemble(*((text, _ROLES.get(role, "$accent")) for text, role in spans))
        self.query_one(".answer-head", Static).update(words, layout=False)

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Chosen(self.side))
