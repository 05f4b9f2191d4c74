"""The line at the top of every screen: where we are on the left, how things stand on the right."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from tui.views.cells import Tone
from tui.views.plain import fit, plain
from tui.widgets.tones import STYLES


class TopBar(Widget):
    """One line. Both texts are plain; the left one gives way when the width is short.

    ``parts`` are the left texts: the first is drawn strong, the last as the place we are in.
    """

    ALLOW_SELECT = False

    def __init__(self, *parts: str, right: str = "") -> None:
        super().__init__()
        self._parts = tuple(plain(part) for part in parts)
        self._right = plain(right)
        self._tone: Tone = "muted"

    def put(self, *parts: str, right: str = "", tone: Tone = "muted") -> None:
        """Show other texts; ``tone`` is what the right one means."""
        new = (tuple(plain(part) for part in parts), plain(right), tone)
        if new != (self._parts, self._right, self._tone):
            self._parts, self._right, self._tone = new
            self.refresh()

    def render(self) -> Content:
        width = self.content_size.width
        right, tone = self._right, self._tone
        if lost := getattr(self.app, "line_words", ""):
            right, tone = plain(lost, clip=max(20, width - 24)), "warn"
        right = right if cell_len(right) < width else ""
        room = width - cell_len(right) - 2
        pieces: list[tuple[str, str]] = []
        for index, part in enumerate(self._parts):
            if index:
                pieces.append((" ─ ", "$faint"))
            pieces.append((part, "bold $accent" if index == 0 else "$foreground"))
        left = Content.assemble(*pieces).truncate(max(room, 0), ellipsis=True, pad=True)
        return left + Content(fit("", 2)) + Content.styled(right, STYLES[tone])
