"""A file as numbered lines, with one line marked. Draws only what is seen."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.views.plain import plain

MAX_COLUMNS = 2000


class FileView(ScrollView, can_focus=True):
    """Numbered lines of plain text."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "file-view--number",
        "file-view--marked",
        "file-view--sign",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[str, int | None, int] | None = None
        self._lines: list[str] = []
        self._marked: int | None = None
        self._first = 1

    def put(self, text: str, marked: int | None, first: int = 1) -> None:
        """Show lines with one of them marked and in the middle of what is seen.

        ``marked`` and ``first``, the number of the first line shown, count from 1 in the file. The
        same lines again leave the view where it was scrolled to.
        """
        if self._shown == (text, marked, first):
            return
        self._shown = (text, marked, first)
        self._lines = text.split("\n")
        if self._lines and not self._lines[-1]:
            self._lines.pop()
        self._marked, self._first = marked, first
        longest = max((min(len(line), MAX_COLUMNS) for line in self._lines), default=0)
        # Signs of two cells: as wide as the line could be; scrolling on into nothing harms nobody.
        longest *= 1 if text.isascii() else 2
        self.virtual_size = Size(longest + self._gutter, len(self._lines))
        self.call_after_refresh(self._show_marked)
        self.refresh()

    def _show_marked(self) -> None:
        if self._marked is not None:
            y = max(0, self._marked - self._first - self.size.height // 2)
            self.scroll_to(x=0, y=y, animate=False)

    @property
    def _gutter(self) -> int:
        return len(str(max(1, self._first + len(self._lines) - 1))) + 4

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        marked = index + self._first == self._marked
        number = self.get_component_rich_style("file-view--number")
        style = self.rich_style
        if marked:
            style = self.get_component_rich_style("file-view--marked")
        room = max(0, width - self._gutter)
        start = self.scroll_offset.x
        text = plain(self._lines[index], clip=MAX_COLUMNS)
        line = Strip([Segment(text, style)]).crop(start, start + room)
        head = Strip(
            [
                Segment("▸ " if marked else "  ", self.get_component_rich_style("file-view--sign")),
                Segment(f"{index + self._first:>{self._gutter - 4}}  ", number),
            ]
        )
        return Strip.join([head, line.adjust_cell_length(room, style)])
