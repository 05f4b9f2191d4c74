"""The table of runs: draws only the lines that are seen, so that 10,000 runs cost what 20 do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.views.cells import Cell, Tone
from tui.views.plain import fit, middle
from tui.views.runs_view import ACTIVITY, GAP, Column, Order, RunRow, columns_for

_TONES: tuple[Tone, ...] = ("plain", "muted", "good", "bad", "warn", "accent", "strong")


class RunTable(ScrollView, can_focus=True):
    """Rows of `runs_view`, a cursor, and marked runs.

    Keeps the cursor on the same run when the rows change.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "run-table--header",
        "run-table--cursor",
        *(f"run-table--{tone}" for tone in _TONES),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "jump(0)", "First", show=False),
        Binding("end,G", "jump(-1)", "Last", show=False),
    ]

    cursor: reactive[int] = reactive(0)

    @dataclass
    class Highlighted(Message):
        """The cursor stands on another run, or the run has new facts; None when none is listed."""

        row: RunRow | None

    @dataclass
    class Opened(Message):
        """The run at the cursor was asked for by enter or a double click."""

        row: RunRow

    @dataclass
    class SortAsked(Message):
        """A column's title was clicked."""

        name: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: list[RunRow] = []
        self.marked: set[str] = set()
        self.order = Order()

    # --- what it shows ------------------------------------------------------------

    def show(self, rows: list[RunRow], order: Order) -> None:
        """Draw these rows; the cursor stays on its run where that is still listed."""
        current = self.current
        self.rows, self.order = rows, order
        index = self.cursor
        if current is not None and not (index < len(rows) and rows[index].run_id == current.run_id):
            index = next((i for i, row in enumerate(rows) if row.run_id == current.run_id), index)
        self._resize()
        self.cursor = max(0, min(index, len(rows) - 1))
        self.post_message(self.Highlighted(self.current))
        self.refresh()

    @property
    def current(self) -> RunRow | None:
        """The run at the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    @property
    def seen(self) -> list[RunRow]:
        """The rows that are on the screen now."""
        first = self.scroll_offset.y
        return self.rows[first : first + max(1, self.size.height - 1)]

    def select(self, run_id: str) -> None:
        """Put the cursor on a run, where it is listed."""
        for index, row in enumerate(self.rows):
            if row.run_id == run_id:
                self.cursor = index

    def _resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)

    def on_resize(self, _event: events.Resize) -> None:
        self._resize()
        self._scroll_to_cursor()

    # --- keys and mouse -----------------------------------------------------------

    def watch_cursor(self, old: int, new: int) -> None:
        if old != new:
            self.post_message(self.Highlighted(self.current))
            self._scroll_to_cursor()
            self.refresh()

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.rows) - 1))

    def _scroll_to_cursor(self) -> None:
        # The title takes the first line of what is seen, so a row needs the line above it too.
        self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False, force=True)

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, by: int) -> None:
        self.cursor += by * max(1, self.size.height - 2)

    def action_jump(self, to: int) -> None:
        self.cursor = to if to >= 0 else len(self.rows) - 1

    def action_open(self) -> None:
        if self.current is not None:
            self.post_message(self.Opened(self.current))

    def action_mark(self) -> None:
        """Mark the run at the cursor, or take its mark away, and go on to the next."""
        if self.current is not None:
            self.marked ^= {self.current.run_id}
            self.refresh()
            self.cursor += 1

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            name = self._sort_at(event.x)
            if name is not None:
                self.post_message(self.SortAsked(name))
            return
        index = event.y - 1 + self.scroll_offset.y
        if index < len(self.rows):
            self.cursor = index
            if event.chain == 2:
                self.action_open()

    def _sort_at(self, x: int) -> str | None:
        left = 4
        for column, width in columns_for(self.scrollable_content_region.width):
            if left <= x < left + width + GAP:
                return column.sort
            left += width + GAP
        return None

    # --- drawing ------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        columns = columns_for(self.scrollable_content_region.width)
        if y == 0:
            return self._header(columns, width)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        return self._row(index, columns, width)

    def _header(self, columns: list[tuple[Column, int]], width: int) -> Strip:
        style = self.get_component_rich_style("run-table--header")
        text = "    "
        for index, (column, size) in enumerate(columns):
            title = column.title
            if column.sort == self.order.name:
                title += " ▾" if self.order.descending else " ▴"
            align = "left" if column.align == "center" else column.align
            text += (" " * GAP if index else "") + fit(title, size, align=align)
        return Strip([Segment(fit(text, width), style)], width)

    def _row(self, index: int, columns: list[tuple[Column, int]], width: int) -> Strip:
        row = self.rows[index]
        at_cursor = index == self.cursor
        base = self.rich_style
        if at_cursor:
            base += self.get_component_rich_style("run-table--cursor", partial=True)
        styles = {
            tone: base + self.get_component_rich_style(f"run-table--{tone}", partial=True)
            for tone in _TONES
        }
        segments = [
            Segment("›" if at_cursor else " ", styles["accent"]),
            Segment("●" if row.run_id in self.marked else " ", styles["accent"]),
            Segment(row.sign.text, styles[row.sign.tone]),
            Segment(" ", base),
        ]
        span = _activity_width(columns) if row.in_progress else 0
        for column, size in columns:
            if span and column.key in ACTIVITY:
                if column.key == ACTIVITY[0]:
                    segments += _activity(row.activity(span), span, styles, base)
                    segments.append(Segment(" " * GAP, base))
                continue
            cell = row.cells[column.key]
            segments.append(Segment(_cell_text(cell, column, size), styles[cell.tone]))
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).adjust_cell_length(width, base)


def _cell_text(cell: Cell, column: Column, width: int) -> str:
    if column.key in ("run", "model"):
        return fit(middle(cell.text, width), width)
    if column.align == "center":
        return fit(cell.text.center(width) if len(cell.text) < 3 else cell.text, width)
    return fit(cell.text, width, align=column.align)


def _activity_width(columns: list[tuple[Column, int]]) -> int:
    sizes = [size for column, size in columns if column.key in ACTIVITY]
    return sum(sizes) + GAP * (len(sizes) - 1)


def _activity(
    parts: list[Cell], width: int, styles: dict[Tone, Style], base: Style
) -> list[Segment]:
    segments: list[Segment] = []
    used = 0
    for part in parts:
        if segments:
            segments.append(Segment(" ", base))
            used += 1
        text = fit(part.text, min(cell_len(part.text), width - used))
        segments.append(Segment(text, styles[part.tone]))
        used += cell_len(text)
    segments.append(Segment(" " * max(0, width - used), base))
    return segments
