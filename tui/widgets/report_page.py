"""A report on the screen: Textual's Markdown with tables that keep their words whole."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Markdown, MarkdownViewer
from textual.widgets._markdown import (
    MarkdownBlock,
    MarkdownTable,
    MarkdownTableOfContents,
    MarkdownTH,
)

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
    """A report beside its outline. Links are not followed: a report names files, not pages."""

    def compose(self) -> ComposeResult:
        document = ReportDocument(open_links=False)
        document.can_focus = True
        yield document
        yield MarkdownTableOfContents(document)
