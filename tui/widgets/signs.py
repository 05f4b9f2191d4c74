"""What the run said in words: stalls, NaN, early stop, memory pressure and the like."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from engine.live.signs import Sign
from tui.views.live_view import message_row
from tui.widgets.rows_view import RowsView

_INDENT = 11


class SignList(RowsView):
    """All signs, the newest at the end; long ones are wrapped."""

    # Lines are as wide before there is a scrollbar as after, else it would cover their last letter.
    DEFAULT_CSS = "SignList { scrollbar-gutter: stable; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = " signs "
        self._signs: Sequence[Sign] = ()
        self._first_t: float | None = None
        self._rows: list[list[tuple[str, str]]] = []

    def put(self, signs: Sequence[Sign], first_t: float | None) -> None:
        """Show these signs, oldest first; goes to the newest when there is something new."""
        if (list(signs), first_t) != (list(self._signs), self._first_t):
            self._signs, self._first_t = tuple(signs), first_t
            self._wrap()

    def _wrap(self) -> None:
        width = max(24, self.scrollable_content_region.width)
        rows: list[list[tuple[str, str]]] = []
        for sign in self._signs:
            cells = message_row(sign, self._first_t)
            head, words = cells[:-1], cells[-1]
            room = width - sum(len(cell.text) for cell in head)
            lines = textwrap.wrap(words.text, max(12, width - _INDENT)) or [""]
            if lines and len(lines[0]) > room:
                lines = textwrap.wrap(
                    words.text, max(12, width - _INDENT), initial_indent=" " * (width - room - 11)
                )
                lines[0] = lines[0].lstrip()
            rows.append([*((cell.text, cell.tone) for cell in head), (lines[0], words.tone)])
            rows += [[(" " * _INDENT + line, words.tone)] for line in lines[1:]]
        self._rows = rows
        self.rows_changed()
        # Once it is laid out: before that a list that just became too long cannot scroll.
        self.scroll_end(animate=False)

    def on_resize(self) -> None:
        self._wrap()

    def row_count(self) -> int:
        return max(1, len(self._rows))

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        return self._rows[index] if self._rows else [("nothing to report", "muted")]
