"""A list of lines with a cursor on those that can be chosen. Draws only what is in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message

from tui.views.entries import Entry
from tui.widgets.rows_view import RowsView

Make = Callable[[int], Sequence[Entry]]
"""The lines for a width in cells."""


class EntryList(RowsView):
    """Lines of ``tui.views.entries``. The cursor stays on its line's key when the lines change.

    What opens the line at the cursor is the screen's key, which calls ``action_choose``.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "jump(0)", "First", show=False),
        Binding("end", "jump(-1)", "Last", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor stands on another line."""

        list: EntryList
        key: str

        @property
        def control(self) -> EntryList:
            return self.list

    @dataclass
    class Chosen(Message):
        """The line at the cursor was asked for, by enter or a double click."""

        list: EntryList
        key: str

        @property
        def control(self) -> EntryList:
            return self.list

    def __init__(self, *, id: str | None = None, title: str = "") -> None:
        super().__init__(id=id)
        if title:
            self.border_title = f" {title} "
        self._make: Make | None = None
        self._entries: Sequence[Entry] = ()
        self._made_for = -1
        self._key: str | None = None
        self._at = 0

    def put(self, make: Make) -> None:
        """Show other lines, made for whatever width there is."""
        self._make = make
        self._made_for = -1
        before = len(self._entries)
        self._lay_out()
        height = self.styles.height
        if height is not None and height.is_auto and len(self._entries) != before:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as it holds, for a height of ``auto``."""
        if self._make is not None and width > 0 and width != self._made_for:
            return len(self._make(width))
        return len(self._entries)

    @property
    def current(self) -> str | None:
        """The key at the cursor; None where no line can be chosen."""
        return self._key

    def select(self, key: str) -> None:
        """Put the cursor on a line, where there is one of that key."""
        for index, one in enumerate(self._entries):
            if one.key == key:
                self._move_to(index, tell=False)
                return

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if self._make is None or width < 1 or width == self._made_for:
            return
        self._made_for = width
        self._entries = self._make(width)
        keys = [one.key for one in self._entries]
        if self._key is not None and self._key in keys:
            if self._at >= len(keys) or keys[self._at] != self._key:
                self._at = keys.index(self._key)
        else:
            choices = [index for index, key in enumerate(keys) if key is not None]
            self._at = (
                next((index for index in choices if index >= self._at), choices[0])
                if (choices)
                else 0
            )
            self._key = keys[self._at] if choices else None
        self.rows_changed()

    def on_resize(self) -> None:
        self._made_for = -1
        self._lay_out()

    # --- the cursor -----------------------------------------------------------------

    def _move_to(self, index: int, *, tell: bool = True) -> None:
        self._at, self._key = index, self._entries[index].key
        # Lines around it that cannot be chosen, such as a heading, are seen with it.
        self.scroll_to_region(Region(0, max(0, index - 1), 1, 3), animate=False, force=True)
        self.refresh()
        if tell and self._key is not None:
            self.post_message(self.Moved(self, self._key))

    def action_move(self, by: int) -> None:
        """To the next line that can be chosen; without one, the view moves."""
        sign = 1 if by > 0 else -1
        index, left = self._at, abs(by)
        last = None
        while 0 <= index + sign < len(self._entries) and left:
            index += sign
            if self._entries[index].key is not None:
                last, left = index, left - 1
        if last is None:
            self.scroll_relative(y=by, animate=False)
        else:
            self._move_to(last)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.size.height - 2))

    def action_jump(self, to: int) -> None:
        choices = [index for index, one in enumerate(self._entries) if one.key is not None]
        if choices:
            self._move_to(choices[to])
        self.scroll_to(y=0 if to == 0 else self.max_scroll_y, animate=False)

    def action_choose(self) -> None:
        if self._key is not None:
            self.post_message(self.Chosen(self, self._key))

    def on_click(self, event: events.Click) -> None:
        spot = event.get_content_offset(self)
        index = -1 if spot is None else spot.y + self.scroll_offset.y
        if 0 <= index < len(self._entries) and self._entries[index].key is not None:
            self._move_to(index)
            if event.chain == 2:
                self.action_choose()

    # --- drawing --------------------------------------------------------------------

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def row_count(self) -> int:
        return len(self._entries)

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        row = self._entries[index].row
        if self.row_role(index) and row and row[0][0].startswith(" "):
            # The cursor is seen without colours too.
            (text, _), *rest = row
            return [("›", "accent"), (text[1:], row[0][1]), *rest]
        return row

    def row_role(self, index: int) -> str | None:
        at_cursor = index == self._at and self._key is not None and self.has_focus
        return "cursor" if at_cursor else None
