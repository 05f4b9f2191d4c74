"""The log of a run: follows its end until one scrolls up, and can be searched."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from textual.content import Content
from textual.reactive import reactive

from tui.log_tail import KEPT_LINES
from tui.views.plain import fit
from tui.widgets.rows_view import RowsView


class LogPane(RowsView):
    """Lines come by ``append``. ``following`` is on until the user leaves the end."""

    following = reactive(True)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = " log "
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._unfinished = ""
        self._needle = ""
        self._current: int | None = None
        self._told: str | None = None

    def clear(self) -> None:
        """Forget all lines: another log begins."""
        self._lines.clear()
        self._unfinished = ""
        self.rows_changed()

    def append(self, lines: Sequence[str], unfinished: str = "") -> None:
        """Take in whole lines, and the one in the making."""
        lost = max(0, len(self._lines) + len(lines) - KEPT_LINES)
        self._lines.extend(lines)
        self._unfinished = unfinished
        if lost:
            # What one reads stays where it is while lines fall off the beginning.
            if self._current is not None:
                self._current -= lost
            if not self.following:
                self.scroll_to(y=max(0, self.scroll_offset.y - lost), animate=False)
        self.rows_changed()
        if self.following:
            self.to_end()

    def on_resize(self) -> None:
        self.rows_changed()
        if self.following:
            self.call_after_refresh(self.to_end)

    def to_end(self) -> None:
        """Scroll to the newest line."""
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        at_end = new >= self.max_scroll_y - 0.5
        if at_end:
            self.following = True
        elif new < old:
            self.following = False

    def watch_following(self) -> None:
        self._say_where()

    def follow(self) -> None:
        """Follow the end again."""
        self.following = True
        self.to_end()

    # --- search -------------------------------------------------------------------

    def search(self, needle: str) -> int:
        """Look for a text, ignoring case; goes to the newest match. Returns how many there are."""
        self._needle = needle.lower()
        self._current = None
        found = self._matches()
        if found:
            self._go(found[-1])
        self._say_where()
        self.refresh()
        return len(found)

    def next_match(self, direction: int) -> bool:
        """Go to the match after (1) or before (-1) the current one, round the end; whether any."""
        found = self._matches()
        if not found:
            return False
        at = self._current if self._current is not None else self.scroll_offset.y
        if direction > 0:
            self._go(next((index for index in found if index > at), found[0]))
        else:
            self._go(next((index for index in reversed(found) if index < at), found[-1]))
        self._say_where()
        return True

    def _matches(self) -> list[int]:
        if not self._needle:
            return []
        return [i for i, line in enumerate(self._lines) if self._needle in line.lower()]

    def _go(self, index: int) -> None:
        self._current = index
        self.following = False
        self.scroll_to(y=max(0, index - self.size.height // 2), animate=False, immediate=True)
        self.refresh()

    def _say_where(self) -> None:
        parts = [] if self.following else ["f follows again"]
        if self._needle:
            found = self._matches()
            place = found.index(self._current) + 1 if self._current in found else 0
            parts.insert(0, f"{place} of {len(found)}" if found else "not found")
        text = " · ".join(parts)
        if text != self._told:
            self._told = text
            self.border_title = Content(f" log ─ {text} " if text else " log ")

    # --- drawing ------------------------------------------------------------------

    def row_count(self) -> int:
        return len(self._lines) + bool(self._unfinished) or 1

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        if not self._lines and not self._unfinished:
            return [("nothing printed yet", "muted")]
        line = self._lines[index] if index < len(self._lines) else self._unfinished
        text = fit(line, width)
        if not self._needle:
            return [(text, "plain")]
        return _marked(text, self._needle)

    def row_role(self, index: int) -> str | None:
        return "cursor" if index == self._current else None


def _marked(text: str, needle: str) -> list[tuple[str, str]]:
    lowered = text.lower()
    if len(lowered) != len(text):
        # Lower-casing changed the length (some scripts do): places would not fit.
        return [(text, "plain")]
    parts: list[tuple[str, str]] = []
    at = 0
    while (found := lowered.find(needle, at)) >= 0:
        parts += [(text[at:found], "plain"), (text[found : found + len(needle)], "match")]
        at = found + len(needle)
    return [*parts, (text[at:], "plain")]
