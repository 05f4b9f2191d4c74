"""Where a prompt is typed: several lines, sent with enter, the earlier ones behind ↑ and ↓."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.widgets import TextArea


class PromptBox(TextArea):
    """Enter is the screen's key (it asks); ``insert_line`` breaks the line."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            id=id,
            compact=True,
            tab_behavior="focus",
            show_line_numbers=False,
            highlight_cursor_line=False,
        )
        self._history: Sequence[str] = ()
        self._at: int | None = None
        self._draft = ""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":  # with the screen's key unset, or busy: never a line break
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def insert_line(self) -> None:
        """Break the line at the cursor."""
        self.insert("\n")

    # --- earlier prompts ------------------------------------------------------------

    def remember(self, history: Sequence[str]) -> None:
        """The earlier prompts, newest last; the next ↑ begins at the newest."""
        self._history, self._at = history, None

    def may_step(self, by: int) -> bool:
        """Whether ↑ (-1) or ↓ (1) leads to another prompt instead of another line."""
        if not self.has_focus:
            return False
        row = self.cursor_location[0]
        if by < 0:
            return row == 0 and bool(self._history) and self._at != 0
        return row == self.document.line_count - 1 and self._at is not None

    def step(self, by: int) -> None:
        """Show an earlier prompt, a later one, or at the end again what was being typed."""
        if self._at is None:
            self._draft = self.text
            at = len(self._history) - 1
        else:
            at = self._at + by
        if at >= len(self._history):
            self._at = None
            self._show(self._draft)
        else:
            self._at = max(0, at)
            self._show(self._history[self._at])

    def _show(self, text: str) -> None:
        self.load_text(text)
        self.move_cursor(self.document.end)
        if self._at is not None:
            self.move_cursor((0, 0))
