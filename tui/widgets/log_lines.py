"""The lines of a log: those in sight are read and drawn, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.log.find import Pattern
from tui.log.line import LogLine, parse
from tui.log.reader import LogReader
from tui.widgets.ink import Ink

SIDEWAYS = 16
"""Cells by which left and right move."""
MARKS = {"stderr": "! ", "stdout": "  "}
"""How a line says where it came from, where a log has both."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row in sight: where it begins in the file, what it says, the stream it came from."""

    start: int
    line: LogLine
    stream: str


class LogLines(ScrollView, Ink, can_focus=True, inherit_bindings=False):
    """Follows the end until one leaves it. ``cursor`` is where the chosen line begins."""

    # Textual takes styles and component classes from the first base only.
    COMPONENT_CLASSES: ClassVar[set[str]] = Ink.COMPONENT_CLASSES
    ALLOW_SELECT = False  # whole lines are chosen: with the mouse, or space and the arrows
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("left", "sideways(-1)", "left", show=False),
        Binding("right", "sideways(1)", "right", show=False),
    ]

    following = reactive(True)

    class Moved(Message):
        """The place in the log is another: what is said about it changes."""

    def __init__(self, reader: LogReader) -> None:
        super().__init__()
        self._reader = reader
        self.cursor: int | None = None
        self.mark: int | None = None
        """Where the other end of a choice of several lines begins."""
        self.pattern: Pattern | None = None
        self.empty = "nothing printed yet"
        self.marks = False
        self.column = 0
        self._rows: list[_Row] = []
        self._top = 0
        self._top_start: int | None = None
        self._total = 0
        self._parsed: dict[tuple[int, bytes], LogLine] = {}
        self._placing = False

    # --- what is in sight ---------------------------------------------------------

    @property
    def _height(self) -> int:
        return max(1, self.scrollable_content_region.height)

    def reread(self) -> None:
        """Take in what the reader has now; what is in sight stays where it is."""
        if not self.is_mounted:
            return
        with self._reader.frame():
            self._total = self._reader.total
            top = self._top
            if not self.following and self._top_start is not None:
                top = self._reader.shown.number_of(self._top_start)
            self._show(max(0, self._total - self._height) if self.following else top)
        self._place()

    def _show(self, top: int) -> None:
        """Read the rows from ``top`` on; with the reader's lock held."""
        height = self._height
        self._top = min(max(0, top), max(0, self._total - height))
        rows = self._reader.rows(self._top, height)
        known, self._parsed = self._parsed, {}
        self._rows = []
        for start, raw, (_, stream) in rows:
            line = known.get((start, raw)) or parse(raw)
            self._parsed[start, raw] = line
            self._rows.append(_Row(start, line, stream))
        self._top_start = self._rows[0].start if self._rows else None
        self.marks = len(self._reader.spans.streams) > 1

    def _place(self) -> None:
        """Put the scrollbar where the rows in sight are, and draw."""
        self._placing = True
        self.virtual_size = Size(self.scrollable_content_region.width, max(1, self._total))
        self.scroll_to(y=self._top, animate=False, immediate=True)
        self._placing = False
        self.refresh()
        self.post_message(self.Moved())

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        if self._placing or round(new) == self._top:
            return
        if new >= self.max_scroll_y - 0.5:
            # Also a clamp to the end, when the pane grew or the log shrank: that is no scrolling.
            self.following = self.following or new > old
        elif new < old:
            self.following = False
        with self._reader.lock:
            self._total = self._reader.total
            self._show(self._total if self.following else round(new))
        self.refresh()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        self.reread()

    def forget(self) -> None:
        """Another log begins: places in the old one mean nothing."""
        self.cursor = self.mark = self._top_start = None
        self._top = 0
        self._parsed = {}
        self.following = True

    # --- moving -------------------------------------------------------------------

    def follow(self) -> None:
        """Follow the end, from here on."""
        self.cursor = self.mark = None
        self.following = True
        self.reread()

    def go(self, start: int) -> None:
        """Put the cursor on a line and bring it into sight."""
        self.cursor, self.following = start, False
        with self._reader.lock:
            self._total = self._reader.total
            number = self._reader.shown.number_of(start)
            top = self._top
            if self._top_start is not None:
                top = self._reader.shown.number_of(self._top_start)
            if not top <= number < top + self._height:
                top = number - self._height // 2
            self._show(top)
        self._show_match()
        self._place()

    def _show_match(self) -> None:
        """Move sideways where the match of the cursor's line is out of sight."""
        lines = [row.line.text for row in self._rows if row.start == self.cursor]
        marks = self.pattern.marks(lines[0]) if lines and self.pattern is not None else []
        if not marks:
            return
        start, end = (cell_len(lines[0][:place]) for place in marks[0])
        room = max(1, self.scrollable_content_region.width - 4)
        if end <= room:
            self.column = 0
        elif not self.column < start <= end <= self.column + room:
            self.column = max(0, min(start - 1, end - room // 2))

    def to_top(self) -> None:
        """Go to the first line."""
        with self._reader.lock:
            first = self._reader.shown.start_of(0) if self._reader.total else None
        if first is not None:
            self.go(first)

    def action_move(self, rows: int) -> None:
        """Move the cursor; the first step down from the end goes nowhere."""
        if not self._total:
            return
        with self._reader.lock:
            shown, total = self._reader.shown, self._reader.total
            if self.cursor is None:
                if self.following and rows > 0:
                    return
                number = self._top + len(self._rows) - 1
            else:
                number = shown.number_of(self.cursor) + rows
            start = shown.start_of(min(max(0, number), total - 1))
            number = shown.number_of(start)
            top = self._top
            if self._top_start is not None:
                top = shown.number_of(self._top_start)
            self._total = total
            if number < top:
                top = number
            elif number >= top + self._height:
                top = number - self._height + 1
            self.cursor, self.following = start, False
            self._show(top)
        self._place()

    def action_page(self, pages: int) -> None:
        """A screen further; the cursor comes along where there is one."""
        if self.cursor is not None:
            self.action_move(pages * max(1, self._height - 1))
            return
        self.scroll_to(y=self._top + pages * max(1, self._height - 1), animate=False)

    def action_sideways(self, steps: int) -> None:
        longest = max((cell_len(row.line.text) for row in self._rows), default=0)
        room = self.scrollable_content_region.width // 2
        furthest = max(0, longest - room)
        self.column = min(max(0, self.column + steps * SIDEWAYS), furthest)
        self.refresh()
        self.post_message(self.Moved())

    # --- the mouse ----------------------------------------------------------------

    def _row_at(self, y: int) -> _Row | None:
        return self._rows[y] if 0 <= y < len(self._rows) else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        row = self._row_at(event.y - self.gutter.top)
        if row is not None and event.button == 1:
            self.cursor, self.mark, self.following = row.start, None, False
            self.capture_mouse()
            self.refresh()
            self.post_message(self.Moved())

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is not self:
            return
        row = self._row_at(event.y - self.gutter.top)
        if row is not None and row.start != self.cursor:
            self.mark = self.cursor if self.mark is None else self.mark
            self.cursor = row.start
            self.refresh()
            self.post_message(self.Moved())

    def on_mouse_up(self) -> None:
        self.release_mouse()

    # --- choosing -----------------------------------------------------------------

    def action_toggle_mark(self) -> None:
        """Begin or end a choice of several lines at the cursor."""
        if self.cursor is None:
            self.action_move(-1)
        self.mark = self.cursor if self.mark is None else None
        self.refresh()
        self.post_message(self.Moved())

    def chosen(self) -> tuple[int, int] | None:
        """Where the first and the last chosen line begin; the newest line without a choice."""
        at = self.cursor
        if at is None:
            at = self._rows[-1].start if self._rows else None
        if at is None:
            return None
        other = at if self.mark is None else self.mark
        return min(at, other), max(at, other)

    # --- drawing ------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = self._row_at(y)
        base = self.paper()
        if row is None:
            if y == 0 and not self._total:
                return self.strip([(self.empty, "muted")], width)
            return Strip.blank(width, base)
        chosen = self.chosen() if self.cursor is not None else None
        if chosen is not None and chosen[0] <= row.start <= chosen[1]:
            # Without the focus the place of the search is still to be seen.
            base += self.ink("cursor")
        segments: list[Segment] = []
        room = width
        if self.marks:
            mark = MARKS.get(row.stream, "  ")
            tone = Style(color=self.ink("warn").color, bold=True)
            segments.append(Segment(mark, base + tone))
            room -= len(mark)
        segments += self._text(row.line, base, max(0, room))
        return Strip(segments).adjust_cell_length(width, base)

    def _text(self, line: LogLine, base: Style, room: int) -> list[Segment]:
        """The part of a line that is in sight, with its colours and the marks of the search."""
        # Not far beyond what is in sight, also where letters take no cell.
        text = line.text[: 4 * (self.column + room)]
        marks = self.pattern.marks(text) if self.pattern is not None else []
        match = self.ink("match")
        places = {place for start, end, _ in line.runs for place in (start, end)}
        places |= {place for span in marks for place in span}
        cuts = sorted({0, len(text)} | {place for place in places if place < len(text)})
        segments: list[Segment] = []
        run = mark = 0  # both are in order and do not overlap: one pass is enough
        for start, end in pairwise(cuts):
            while run < len(line.runs) and line.runs[run][1] <= start:
                run += 1
            while mark < len(marks) and marks[mark][1] <= start:
                mark += 1
            style = base
            if run < len(line.runs) and line.runs[run][0] <= start:
                style = base + line.runs[run][2]
            if mark < len(marks) and marks[mark][0] <= start:
                style = style + match
            segments.append(Segment(text[start:end], style))
        return _window(segments, self.column, room, base)


def _window(segments: Sequence[Segment], column: int, room: int, base: Style) -> list[Segment]:
    """``room`` cells of a line from ``column`` on, with an ellipsis where it goes on."""
    strip = Strip(segments)
    before, behind = column > 0, strip.cell_length > column + room
    shown = list(strip.crop(column + before, column + room - behind))
    dots = Segment("…", base)
    return [dots] * before + shown + [dots] * behind
