"""A list of lines that draws only those in sight, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.widgets.ink import Ink


class RowsView(ScrollView, Ink, can_focus=True):
    """Subclasses say how many rows there are and what stands in one; see LogPane."""

    # Textual takes styles and component classes from the first base only.
    COMPONENT_CLASSES: ClassVar[set[str]] = Ink.COMPONENT_CLASSES

    def row_count(self) -> int:
        raise NotImplementedError

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        """The row at ``index`` for a line of ``width`` cells."""
        raise NotImplementedError

    def row_role(self, index: int) -> str | None:
        """A role laid over a whole row, such as the cursor's."""
        return None

    def rows_changed(self) -> None:
        """There are other rows, or more: draw them."""
        self.virtual_size = Size(self.scrollable_content_region.width, self.row_count())
        self.refresh()

    def on_resize(self) -> None:
        self.rows_changed()

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if not 0 <= index < self.row_count():
            return Strip.blank(width, self.paper())
        over = self.row_role(index)
        return self.strip(self.row(index, width), width, self.ink(over) if over else None)
