"""The table of runs: draws only the lines that are seen, so that 10,000 runs cost what 20 do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
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
from tui.views.run_columns import ACTIVITY, GAP, MARGIN, MORE, Column, Layout, furthest, layout
from tui.views.run_index import Entry, GroupHead, RunList
from tui.views.run_order import Order
from tui.views.runs_view import RunRow

_Tones = dict[Tone, Style]
_Styles = tuple[_Tones, _Tones]
_TONES: tuple[Tone, ...] = ("plain", "muted", "good", "bad", "warn", "accent", "strong")


class RunTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows of `runs_view`, heads of groups between them, a cursor, and marked runs.

    Keeps the cursor on the same run when the rows change. Its bindings are only those that move
    the cursor: left and right belong to the screen's table of keys.
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

    @dataclass
    class Folded(Message):
        """A group is to be closed or opened."""

        target: str
        closed: bool

    @dataclass
    class Marked(Message):
        """Other runs are marked now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: list[RunRow] = []
        self.lines: list[Entry] = []
        self.marked: set[str] = set()
        self.order = Order()
        self.columns: tuple[str, ...] = ()
        self.first_column = 0
        self._styles: tuple[object, _Styles] | None = None

    # --- what it shows ------------------------------------------------------------

    def show(self, listed: RunList, order: Order, columns: tuple[str, ...] = ()) -> None:
        """Draw these lines; the cursor stays on its run where that is still listed.

        ``columns`` are the chosen ones; none are the usual ones.
        """
        at = self._at_cursor
        self.rows, self.lines, self.order = listed.rows, listed.lines, order
        if columns != self.columns:
            self.columns, self.first_column = columns, 0
        self._resize()
        self.cursor = self._find(at)
        self.post_message(self.Highlighted(self.current))
        self.refresh()

    def _find(self, wanted: Entry | None) -> int:
        """Where a line is now; a run whose group was closed is at the group's head."""
        here = self.cursor
        if wanted is None:
            return here
        if here < len(self.lines) and _same(self.lines[here], wanted):
            return here
        if isinstance(wanted, RunRow):
            for index, line in enumerate(self.lines):
                if isinstance(line, RunRow) and line.run_id == wanted.run_id:
                    return index
        target = wanted.target if isinstance(wanted, GroupHead) else wanted.summary.target
        for index, line in enumerate(self.lines):
            if isinstance(line, GroupHead) and line.target == target:
                return index
        return here

    @property
    def _at_cursor(self) -> Entry | None:
        return self.lines[self.cursor] if 0 <= self.cursor < len(self.lines) else None

    @property
    def current(self) -> RunRow | None:
        """The run at the cursor; None at the head of a group."""
        line = self._at_cursor
        return line if isinstance(line, RunRow) else None

    @property
    def head(self) -> GroupHead | None:
        """The group whose head the cursor is at."""
        line = self._at_cursor
        return line if isinstance(line, GroupHead) else None

    @property
    def seen(self) -> list[RunRow]:
        """The rows that are on the screen now."""
        first = self.scroll_offset.y
        lines = self.lines[first : first + max(1, self.size.height - 1)]
        return [line for line in lines if isinstance(line, RunRow)]

    def select(self, run_id: str) -> None:
        """Put the cursor on a run, where it is listed."""
        for index, line in enumerate(self.lines):
            if isinstance(line, RunRow) and line.run_id == run_id:
                self.cursor = index

    def _resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.lines) + 1)

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
        return max(0, min(cursor, len(self.lines) - 1))

    def _scroll_to_cursor(self) -> None:
        # The title takes the first line of what is seen, so a row needs the line above it too.
        self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False, force=True)

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, by: int) -> None:
        self.cursor += by * max(1, self.size.height - 2)

    def action_jump(self, to: int) -> None:
        self.cursor = to if to >= 0 else len(self.lines) - 1

    def action_open(self) -> None:
        if self.current is not None:
            self.post_message(self.Opened(self.current))
        elif self.head is not None:
            self.post_message(self.Folded(self.head.target, not self.head.collapsed))

    def side(self, by: int) -> None:
        """One step left (-1) or right (1): closes and opens groups, else moves the columns."""
        head = self.head
        if head is not None:
            self.post_message(self.Folded(head.target, by < 0))
        elif by < 0 and (index := self._head_above()) is not None:
            self.cursor = index
        else:
            self.shift_columns(by)

    def shift_columns(self, by: int) -> None:
        """Show other columns, where not all chosen ones fit."""
        most = furthest(self.scrollable_content_region.width, self.columns)
        self.first_column = max(0, min(self.first_column + by, most))
        self.refresh()

    def _head_above(self) -> int | None:
        """The head of the group that the cursor is in."""
        for index in range(min(self.cursor, len(self.lines) - 1), -1, -1):
            if isinstance(self.lines[index], GroupHead):
                return index
        return None

    def action_mark(self) -> None:
        """Mark the run at the cursor, or take its mark away, and go on to the next."""
        if self.current is not None:
            self.mark(self.marked ^ {self.current.run_id})
        self.cursor += 1

    def mark(self, run_ids: set[str]) -> None:
        """Mark these runs and no others."""
        self.marked = run_ids
        self.post_message(self.Marked())
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        x = event.x - self.gutter.left
        if event.y == 0:
            name = self._sort_at(x)
            if name is not None:
                self.post_message(self.SortAsked(name))
            return
        index = event.y - 1 + self.scroll_offset.y
        if index < len(self.lines):
            self.cursor = index
            if x == 1 and self.current is not None:
                self.mark(self.marked ^ {self.current.run_id})
            elif event.chain == 2 or (x < MARGIN and self.head is not None):
                self.action_open()

    def _sort_at(self, x: int) -> str | None:
        left = MARGIN
        for column, width in self._layout().shown:
            if left <= x < left + width + GAP:
                return column.sort
            left += width + GAP
        return None

    def _layout(self) -> Layout:
        return layout(self.scrollable_content_region.width, self.columns, self.first_column)

    # --- drawing ------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._header(self._layout(), width)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.lines):
            return Strip.blank(width, self.rich_style)
        line = self.lines[index]
        styles = self._tones()[index == self.cursor]
        if isinstance(line, GroupHead):
            return self._head(line, styles, index == self.cursor, width)
        return self._row(line, index, styles, width)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = None

    def _tones(self) -> _Styles:
        """The styles of the tones, away from the cursor and at it: looked up once a look."""
        key = (self.app.theme, self.has_focus, self.app.ansi_color)
        if self._styles is None or self._styles[0] != key:
            made = []
            for base in (
                self.rich_style,
                self.rich_style + self.get_component_rich_style("run-table--cursor", partial=True),
            ):
                made.append(
                    {
                        tone: base
                        + self.get_component_rich_style(f"run-table--{tone}", partial=True)
                        for tone in _TONES
                    }
                )
            self._styles = (key, (made[0], made[1]))
        return self._styles[1]

    def _header(self, columns: Layout, width: int) -> Strip:
        style = self.get_component_rich_style("run-table--header")
        text = f"‹{columns.before}".ljust(MARGIN) if columns.before else " " * MARGIN
        for index, (column, size) in enumerate(columns.shown):
            title = column.title
            if column.sort == self.order.name:
                arrow = " ▾" if self.order.descending else " ▴"
                title = fit(title, min(cell_len(title), size - 2)) + arrow
            text += (" " * GAP if index else "") + fit(title, size, align=column.align)
        if columns.after:
            text = fit(text, width - MORE) + f"{columns.after}›".rjust(MORE)
        return Strip([Segment(fit(text, width), style)], width)

    def _head(self, head: GroupHead, styles: _Tones, at_cursor: bool, width: int) -> Strip:
        segments = [Segment("› " if at_cursor else "  ", styles["accent"])]
        parts = head.parts(self._now(), width - len(segments[0].text))
        segments += [Segment(part.text, styles[part.tone]) for part in parts]
        return Strip(segments).adjust_cell_length(width, styles["plain"])

    @staticmethod
    def _now() -> datetime:
        return datetime.now(UTC)

    def _row(self, row: RunRow, index: int, styles: _Tones, width: int) -> Strip:
        at_cursor = index == self.cursor
        base = styles["plain"]
        gap = Segment(" " * GAP, base)
        segments = [
            Segment("›" if at_cursor else " ", styles["accent"]),
            Segment("●" if row.run_id in self.marked else " ", styles["accent"]),
            Segment(row.sign.text, styles[row.sign.tone]),
            Segment(" ", base),
        ]
        columns = self._layout().shown
        span, spanned = _activity_span(columns) if row.in_progress else (0, 0)
        done = False
        for column, size in columns:
            if span and column.key in ACTIVITY:
                if not done:
                    segments += [*_activity(row.activity(span), span, styles, base), gap]
                    done = True
                elif spanned <= 0:
                    segments += [Segment(" " * size, base), gap]
                spanned -= 1
                continue
            cell = row.cell(column.key)
            segments += [Segment(_cell_text(cell, column, size), styles[cell.tone]), gap]
        return Strip(segments).adjust_cell_length(width, base)


def _same(one: Entry, other: Entry) -> bool:
    if isinstance(one, RunRow) and isinstance(other, RunRow):
        return one.run_id == other.run_id
    return (
        isinstance(one, GroupHead) and isinstance(other, GroupHead) and one.target == other.target
    )


def _cell_text(cell: Cell, column: Column, width: int) -> str:
    if column.key in ("run", "model", "parent"):
        return fit(middle(cell.text, width), width)
    if column.align == "center":
        return fit(cell.text.center(width) if len(cell.text) < 3 else cell.text, width)
    return fit(cell.text, width, align=column.align)


def _activity_span(columns: list[tuple[Column, int]]) -> tuple[int, int]:
    """Cells and number of the columns side by side that a run in progress fills."""
    sizes: list[int] = []
    for column, size in columns:
        if column.key in ACTIVITY:
            sizes.append(size)
        elif sizes:
            break
    return sum(sizes) + GAP * (len(sizes) - 1), len(sizes)


def _activity(parts: list[Cell], width: int, styles: _Tones, base: Style) -> list[Segment]:
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
