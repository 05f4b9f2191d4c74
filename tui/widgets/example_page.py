"""One example, whole: scrolls, and breaks its lines anew for each width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from tui.views.examples_page import Page, page_lines
from tui.views.plain import plain
from tui.views.wrapping import Line, wrap
from tui.widgets.rows_view import RowsView

AIRY_FROM = 16
"""From so many lines on the parts of a page have an empty line between them."""


class ExamplePage(RowsView):
    """Shows a page, or a few words while there is none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._page: Page | None = None
        self._words = ""
        self._as_text = False
        self._lines: list[Line] = []
        self._laid_out_for = (-1, False)

    def put(self, page: Page, as_text: bool) -> None:
        """Show a page from its beginning; the same example stays where it was scrolled to."""
        before = self._page
        same = before is not None and (before.suite, before.id) == (page.suite, page.id)
        self._page, self._as_text = page, as_text
        place = f"{page.suite} ─ {page.slice} ─ {page.id}" if page.slice else None
        self.border_title = Content(f" {plain(place or f'{page.suite} ─ {page.id}', clip=200)} ")
        self._lay_out()
        if not same:
            self.scroll_to(y=0, animate=False, immediate=True)

    def say(self, words: str) -> None:
        """Show a few words in place of a page."""
        self._page, self._words = None, words
        self.border_title = ""
        self._lay_out()

    @property
    def _place(self) -> tuple[int, bool]:
        """The width, and whether there is too little height for empty lines."""
        region = self.scrollable_content_region
        return region.width, region.height < AIRY_FROM

    def _lay_out(self) -> None:
        self._laid_out_for = width, dense = self._place
        if self._page is not None:
            found = page_lines(self._page, width - 1, self._as_text)
            self._lines = [line for line in found if line] if dense else found
        else:
            self._lines = list(wrap([(self._words, "muted")], max(1, width - 1)))
        self.rows_changed()

    def on_resize(self) -> None:
        if self._place != self._laid_out_for:
            self._lay_out()
        else:
            self.rows_changed()

    def row_count(self) -> int:
        return max(1, len(self._lines))

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        return self._lines[index] if index < len(self._lines) else []
