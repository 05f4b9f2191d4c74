"""The examples of a run as a list: draws, and reads, only the lines that are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from engine.answers.rows_files import Side
from engine.answers.scored_examples import Row
from engine.answers.scored_rows import RowIndex
from engine.answers.trace_review import RowKey
from engine.records.trace_review import TITLES, Review
from tui.views.alike import alike
from tui.views.examples_list import shown_row
from tui.views.plain import fit, plain
from tui.views.wrapping import Line, wrap
from tui.widgets.rows_view import RowsView

MAX_READ = 64 << 10
"""Bytes of a row that is read while it is drawn; of longer ones the page has the text."""

_KEPT = 600
_CLIP = 240
_DIGITS = {name: str(number) for number, name in enumerate(TITLES, start=1)}


class ExampleRows(RowsView):
    """One line an example: mark, verdict, flip, class, id, prompt, and where it is wide what came.

    ``marked`` holds positions in the index.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "jump(0)", "First", show=False),
        Binding("end,G", "jump(-1)", "Last", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor stands on another example; None where none is listed."""

        position: int | None

    class Opened(Message):
        """The example at the cursor was clicked twice."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = " examples "
        self.marked: set[int] = set()
        self._index = RowIndex()
        self._shown: Sequence[int] = ()
        self._side: Side = "candidate"
        self._reviews: Mapping[RowKey, Review] = {}
        self._cursor = 0
        self._empty = "reading …"
        self._texts: dict[int, tuple[str, str, str]] = {}
        self._names = 4

    # --- what it shows ------------------------------------------------------------

    def put(
        self,
        index: RowIndex,
        shown: Sequence[int],
        side: Side,
        reviews: Mapping[RowKey, Review],
        empty: str,
    ) -> None:
        """List these examples of the index, or say ``empty``; the cursor stays on its example
        where that is still listed."""
        held = self.position
        if index is not self._index or side != self._side:
            self._texts.clear()
        self._index, self._shown, self._side = index, shown, side
        # Ids of one suite are about as long as each other: the first ones say how long.
        ids = (cell_len(plain(index.examples[at].id, clip=40)) for at in shown[:200])
        self._names = min(max(ids, default=4), 14)
        self._reviews, self._empty = reviews, empty
        if held is None or not (self._cursor < len(shown) and shown[self._cursor] == held):
            try:
                self._cursor = shown.index(held) if held is not None else 0
            except ValueError:
                self._cursor = max(0, min(self._cursor, len(shown) - 1))
        self.border_title = Content(f" {len(shown):,} listed ") if shown else " examples "
        self.refresh_marks()
        self.rows_changed()
        self._follow()
        self.post_message(self.Moved(self.position))

    def refresh_marks(self) -> None:
        """Draw the marks as they are now."""
        count = len(self.marked)
        self.border_subtitle = Content(f" ● {count:,} marked ") if count else ""
        self.refresh()

    @property
    def position(self) -> int | None:
        """The example at the cursor, as its position in the index."""
        return self._shown[self._cursor] if 0 <= self._cursor < len(self._shown) else None

    def select(self, position: int) -> None:
        """Put the cursor on an example, where it is listed."""
        if position in self._shown:
            self._go(self._shown.index(position))

    # --- keys and mouse -----------------------------------------------------------

    def _go(self, to: int) -> None:
        to = max(0, min(to, len(self._shown) - 1))
        if to != self._cursor:
            self._cursor = to
            self._follow()
            self.refresh()
            self.post_message(self.Moved(self.position))

    def _follow(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.scrollable_content_region.height)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False)

    def on_resize(self) -> None:
        super().on_resize()
        self._follow()

    def action_move(self, by: int) -> None:
        self._go(self._cursor + by)

    def action_page(self, by: int) -> None:
        self._go(self._cursor + by * max(1, self.scrollable_content_region.height - 1))

    def action_jump(self, to: int) -> None:
        self._go(to if to >= 0 else len(self._shown) - 1)

    def on_click(self, event: events.Click) -> None:
        line = event.y - self.gutter.top + self.scroll_offset.y
        if 0 <= line < len(self._shown):
            self._go(line)
            if event.chain == 2:
                self.post_message(self.Opened())

    # --- drawing ------------------------------------------------------------------

    def ink(self, role: str) -> Style:
        """As everywhere, but the cursor's line keeps the colours of its signs."""
        if role == "cursor":
            return self.get_component_rich_style("ink--cursor", partial=True)
        return super().ink(role)

    def row_count(self) -> int:
        return len(self._shown) or len(self._nothing())

    def _nothing(self) -> list[Line]:
        """What stands in an empty list, broken at its width."""
        width = max(12, self.scrollable_content_region.width)
        return list(wrap([(self._empty, "muted")], width))

    def row_role(self, index: int) -> str | None:
        return "cursor" if self._shown and index == self._cursor else None

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        if not self._shown:
            lines = self._nothing()
            return lines[index] if index < len(lines) else []
        position = self._shown[index]
        example = self._index.examples[position]
        row = shown_row(example, self._side)
        flip = {"fixed": ("▲", "good"), "broken": ("▼", "bad"), None: (" ", "plain")}[example.flip]
        prompt, expected, got = self._text(position, row)
        names = self._names
        start = [
            ("›" if index == self._cursor and self.has_focus else " ", "accent"),
            ("● " if position in self.marked else "  ", "accent"),
            ("✔", "good") if row.correct else ("✘", "bad"),
            flip,
            (" " + self._class(row) + " ", "accent"),
            (fit(plain(example.id), names, align="path") + "  ", "muted"),
        ]
        room = width - 10 - names
        if room < 50 or not (got or expected):
            return [*start, (fit(prompt, room), "plain")]
        half = room * 45 // 100
        start.append((fit(prompt, half) + "  ", "plain"))
        room -= half + 2
        if row.correct:
            return [*start, (fit(got, room), "muted")]
        got_room = (room - 3) // 2
        skip = alike(expected, got)
        return [
            *start,
            (fit(got if not skip else "…" + got[skip:], got_room), "bad"),
            (" ≠ ", "muted"),
            (fit(expected if not skip else "…" + expected[skip:], room - got_room - 3), "plain"),
        ]

    def _class(self, row: Row) -> str:
        """The key of the class that was given, + for another one, a sign for a note alone."""
        review = self._reviews.get(RowKey(self._index.file(row).record, row.id))
        if review is None:
            return " "
        if review.failure_class is None:
            return "✎"
        return _DIGITS.get(review.failure_class, "+")

    def _text(self, position: int, row: Row) -> tuple[str, str, str]:
        """Prompt, expected and got of a row, each in one line."""
        found = self._texts.get(position)
        if found is None:
            if row.length > MAX_READ:
                found = (f"({row.length / 1024:,.0f} KB of text)", "", "")
            else:
                text = self._index.fetch(row)
                got = text.got or text.error or "(nothing)"
                found = (
                    plain(text.prompt, clip=_CLIP),
                    plain(text.expected, clip=_CLIP),
                    plain(got, clip=_CLIP),
                )
            if len(self._texts) >= _KEPT:
                self._texts.clear()
            self._texts[position] = found
        return found
