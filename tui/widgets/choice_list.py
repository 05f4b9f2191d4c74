"""A list with a cursor for a dialog: lines of painted words, moved through by keys and mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive

from tui.widgets.rows_view import RowsView

Words = Sequence[tuple[str, str]]
"""A line as texts with their roles, see `tui.widgets.ink`."""


class ChoiceList(RowsView, inherit_bindings=False):
    """Lines and a cursor. Enter or a double click asks for the line at the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("home,g", "move(-100000)", "First", show=False),
        Binding("end,G", "move(100000)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]

    cursor: reactive[int] = reactive(0)

    @dataclass
    class Chosen(Message):
        """The line at the cursor was asked for."""

        index: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Words] = ()

    def put(self, lines: Sequence[Words], cursor: int | None = None) -> None:
        """Show these lines, the cursor where it is or at ``cursor``."""
        self._lines = lines
        self.rows_changed()
        self.cursor = self.cursor if cursor is None else cursor

    def row_count(self) -> int:
        return len(self._lines)

    def row(self, index: int, width: int) -> Words:
        return [("› " if index == self.cursor else "  ", "accent"), *self._lines[index]]

    def row_role(self, index: int) -> str | None:
        return "cursor" if index == self.cursor else None

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._lines) - 1))

    def watch_cursor(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_choose(self) -> None:
        if self._lines:
            self.post_message(self.Chosen(self.cursor))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self._lines):
            self.cursor = index
            if event.chain == 2:
                self.action_choose()
