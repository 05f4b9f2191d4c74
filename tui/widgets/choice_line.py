"""Choices side by side, over as many lines as they need; a click chooses one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tui.views.choice_item import Item
from tui.widgets.tones import STYLES

GAP = 2


class ChoiceLine(Widget):
    """The items, and beneath them a line of explanation where there is one."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "ChoiceLine { height: auto; }"

    @dataclass
    class Chosen(Message):
        """An item was clicked."""

        line: ChoiceLine
        name: str

        @property
        def control(self) -> ChoiceLine:
            return self.line

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._items: Sequence[Item] = ()
        self._note = Content("")

    def put(self, items: Sequence[Item], note: Content | None = None) -> None:
        """Show these items."""
        resized = [one.size for one in items] != [one.size for one in self._items]
        note = note or Content("")
        resized = resized or bool(note.plain) != bool(self._note.plain)
        self._items, self._note = items, note
        self.refresh(layout=resized)

    def _lines(self, width: int) -> list[list[Item]]:
        lines: list[list[Item]] = [[]]
        used = 0
        for item in self._items:
            if lines[-1] and used + item.size > width:
                lines.append([])
                used = 0
            lines[-1].append(item)
            used += item.size + GAP
        return lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width)) + bool(self._note.plain)

    def render(self) -> Content:
        width = self.content_size.width
        rows = []
        for line in self._lines(width):
            pieces: list[tuple[str, str]] = []
            for item in line:
                pieces += [(text, STYLES[tone]) for text, tone in item.parts]
                pieces.append((" " * GAP, ""))
            rows.append(Content.assemble(*pieces))
        if self._note.plain:
            rows.append(self._note.truncate(max(1, width), ellipsis=True))
        return Content("\n").join(rows)

    def on_click(self, event: events.Click) -> None:
        lines = self._lines(self.content_size.width)
        if not 0 <= event.y < len(lines):
            return
        left = self.gutter.left
        for item in lines[event.y]:
            if left <= event.x < left + item.size:
                self.post_message(self.Chosen(self, item.name))
                return
            left += item.size + GAP
