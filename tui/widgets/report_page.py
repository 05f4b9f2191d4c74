"""A report on the screen: Textual's Markdown with tables that keep their words whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Markdown, MarkdownViewer, Tree
from textual.widgets._markdown import (
    MarkdownBlock,
    MarkdownTable,
    MarkdownTableOfContents,
    MarkdownTH,
)
from textual.widgets.tree import TreeNode

from tui.views.table_layout import Align, Table, laid_out
from tui.widgets.tones import lines, paint


class TableText(Widget):
    """The lines of a table, laid out anew for each width."""

    DEFAULT_CSS = "TableText { width: 1fr; height: auto; }"

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table
        self._drawn: tuple[int, Content] = (-1, Content(""))

    def _draw(self, width: int) -> Content:
        if self._drawn[0] != width:
            rows = [paint(*line) for line in laid_out(self._table, max(1, width))]
            self._drawn = (width, lines(rows))
        return self._drawn[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._draw(width).plain.count("\n") + 1

    def render(self) -> Content:
        return self._draw(self.content_size.width)


class ReportTable(MarkdownTable):
    """A table of a report.

    Textual's own divides the width evenly enough to cut words; a report's words are its evidence.
    """

    def compose(self) -> ComposeResult:
        headers, rows = self._get_headers_and_rows()
        self._headers, self._rows = headers, rows
        count = len(headers)
        cut = [tuple(cell.plain for cell in row[:count]) for row in rows]
        whole = tuple(row + ("",) * (count - len(row)) for row in cut)
        yield TableText(Table(tuple(h.plain for h in headers), whole, _aligns(self, count)))


def _aligns(table: MarkdownBlock, count: int) -> tuple[Align, ...]:
    """Each column's alignment, as the line below the titles says it."""
    found: list[Align] = []
    waiting = list(table._blocks)
    while waiting:
        block = waiting.pop(0)
        waiting = list(block._blocks) + waiting
        if isinstance(block, MarkdownTH):
            right = "right" in str(block._token.attrs.get("style", ""))
            found.append("right" if right else "left")
    return tuple((found + ["left"] * count)[:count])


class ReportDocument(Markdown):
    """Markdown with our tables."""

    BLOCKS = {**Markdown.BLOCKS, "table_open": ReportTable}  # noqa: RUF012 - as its base has it


class ReportPage(MarkdownViewer):
    """A report beside its outline, which shows what part is being read.

    A link is not followed here: ``LinkAsked`` says that it was clicked.
    """

    @dataclass
    class LinkAsked(Message):
        """A link was clicked."""

        href: str

    @dataclass
    class Reading(Message):
        """Another section is being read: its number in the order of the headings, None above the
        first, and how much of the report lies above the end of what is seen (0 to 1)."""

        section: int | None
        share: float

    _gone_to: tuple[int, int] | None = None
    """The section that was gone to by key, and where the report was scrolled to for it."""

    def compose(self) -> ComposeResult:
        document = ReportDocument(open_links=False)
        document.can_focus = True
        yield document
        yield MarkdownTableOfContents(document)

    async def go(self, location: str | PurePath) -> None:
        # Textual's own would load the link's file in place of the report.
        self.post_message(self.LinkAsked(str(location)))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.call_after_refresh(self.tell_reading)

    @property
    def _headings(self) -> list[tuple[int, str | None]]:
        """(line, id) of each heading."""
        found = []
        for _, _, block_id in self.document.table_of_contents:
            for block in self.document.query(f"#{block_id}"):
                found.append((block.virtual_region.y, block_id))
        return found

    def _section_read(self, lines: Sequence[int]) -> int | None:
        """Which of the headings on these lines is read: the one that was gone to, else the last
        one above the top; on the last screen, whose headings cannot come to the top, further down
        the nearer the end is."""
        top, height, most = self.scroll_offset.y, self.size.height, self.max_scroll_y
        if self._gone_to is not None and self._gone_to[1] == top:
            return self._gone_to[0]
        self._gone_to = None
        near = max(0.0, 1 - (most - top) / height) if most and height else 0.0
        read = top + round(near * (height - 1))
        return max((number for number, y in enumerate(lines) if y <= read), default=None)

    def tell_reading(self) -> None:
        """Say which section is read, and show it in the outline."""
        headings = self._headings
        at = self._section_read([y for y, _ in headings])
        height = max(1, self.virtual_size.height)
        share = min(1.0, (self.scroll_offset.y + self.size.height) / height)
        self.post_message(self.Reading(at, share))
        tree = self.query_one(MarkdownTableOfContents).query_one(Tree)
        if at is None or tree.has_focus:
            return
        for node in _nodes(tree.root):
            if isinstance(node.data, dict) and node.data.get("block_id") == headings[at][1]:
                tree.move_cursor(node)

    def step_section(self, by: int) -> None:
        """To the next heading, or the one before."""
        lines = [y for y, _ in self._headings]
        at = self._section_read(lines)
        to = by - 1 if at is None else at + by
        if at is not None and by < 0 and self.scroll_offset.y > lines[at]:
            to = at  # to the beginning of this section first
        if 0 <= to < len(lines):
            self._gone_to = (to, min(lines[to], int(self.max_scroll_y)))
            self.scroll_to(y=lines[to], animate=False, immediate=True)
            self.tell_reading()


def _nodes(node: TreeNode[object]) -> Iterator[TreeNode[object]]:
    for child in node.children:
        yield child
        yield from _nodes(child)
