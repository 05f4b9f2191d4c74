"""A line of text that is completed as one types: a list beneath it, with a sentence a candidate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.bindings import bindings_for
from tui.views.filter_help import Candidate, accepted
from tui.views.plain import fit, plain

Offer = Callable[[str, int], Sequence[Candidate]]
"""A text and the place of the cursor in it, to what may stand there."""


_BEFORE_VALUE = (":", ",", "=", "<", ">")


class CompletingInput(Input):
    """An input whose candidates are shown in an `Offers` beneath it.

    Tab takes a candidate, up and down choose one. In an empty line they go through ``past``, what
    was written before, the last one first.
    """

    BINDINGS = bindings_for("filter")
    KEYS_OF = "filter"

    class Offered(Message):
        """There are other candidates, or another is chosen."""

        def __init__(self, sender: CompletingInput) -> None:
            super().__init__()
            self.sender = sender

    def __init__(
        self, offer: Offer, *, value: str = "", placeholder: str = "", id: str | None = None
    ) -> None:
        super().__init__(value, placeholder=placeholder, id=id, compact=True)
        self._offer = offer
        self.offered: Sequence[Candidate] = ()
        self.chosen = -1
        self.past: list[str] = []
        self._past_at = -1
        self._from_past = ""
        self._whole = ""
        """The line after a value was taken, until something is typed."""

    def on_input_changed(self) -> None:
        if self.value != self._from_past or not self.value:
            self._past_at = -1
        self.look()

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self.look()

    def look(self) -> None:
        """Offer what fits now."""
        self._show(self._offer(self.value, self.cursor_position) if self.has_focus else ())

    def _show(self, offered: Sequence[Candidate]) -> None:
        self.offered, self.chosen = offered, -1
        self.post_message(self.Offered(self))

    def watch_selection(self) -> None:
        """The cursor moved."""
        self.look()

    # --- keys -----------------------------------------------------------------------

    def action_accept(self) -> None:
        """Take the chosen candidate, or the first; without one, go to the next pane."""
        if self.offered:
            self.take(self.offered[max(0, self.chosen)])
        else:
            self.screen.focus_next()

    def take(self, candidate: Candidate) -> None:
        """Put a candidate where it belongs."""
        before = self.value[: candidate.start]
        self.value, self.cursor_position = accepted(self.value, self.cursor_position, candidate)
        self._whole = self.value if before.endswith(_BEFORE_VALUE) else ""
        self.focus()

    def insert_text_at_cursor(self, text: str) -> None:
        """As usual; a letter right after a value that was taken begins the next word."""
        at_end = bool(self._whole) and self.cursor_position == len(self.value)
        if at_end and self.value == self._whole and text[:1].isalpha():
            text = " " + text
        self._whole = ""
        super().insert_text_at_cursor(text)

    def action_choose(self, by: int) -> None:
        """The next candidate or the one before; in an empty line, what was written before."""
        recalling = self._past_at >= 0 or (not self.value and by < 0)
        if recalling and self.past:
            self._recall(-by)
        elif self.offered:
            self.chosen = (self.chosen + by) % len(self.offered)
            self.post_message(self.Offered(self))

    def _recall(self, by: int) -> None:
        self._past_at = max(-1, min(self._past_at + by, len(self.past) - 1))
        at = self._past_at
        self._from_past = self.past[at] if at >= 0 else ""
        self.value = self._from_past
        self._past_at = at
        self.cursor_position = len(self.value)


class Offers(Static):
    """The candidates of a `CompletingInput`, or what is wrong with its text. Takes no room: it
    lies over what is beneath it."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._source: CompletingInput | None = None

    def put(self, source: CompletingInput) -> None:
        """Show the candidates of a line, below the word that they complete."""
        self._source = source
        self.display = bool(source.offered)
        if not source.offered:
            return
        wide = max(cell_len(plain(one.text)) for one in source.offered)
        wide = min(wide, max(12, self.screen.size.width // 2))
        at = min(one.start for one in source.offered)
        self.move_to(source, at)
        room = max(0, self.screen.size.width - wide - 10)
        lines = []
        for number, one in enumerate(source.offered):
            chosen = number == source.chosen
            name = fit(plain(one.text), wide)
            help_ = plain(one.help)
            lines.append(
                Content.assemble(
                    ("› " if chosen else "  ", "$accent"),
                    (name, "bold $accent" if chosen else "$foreground"),
                    ("  " + (help_ if cell_len(help_) <= room else fit(help_, room)), "$muted"),
                )
            )
        keys = Content.assemble(("  ⇥", "$accent"), (" takes  ", "$muted"))
        keys += Content.assemble(("↑↓", "$accent"), (" choose", "$muted"))
        self.update(Content("\n").join([*lines, keys]))

    def move_to(self, source: CompletingInput, at: int) -> None:
        """Lie below the character number ``at`` of a line."""
        before = cell_len(source.value[:at]) - source.scroll_offset.x
        self.styles.offset = (max(0, min(before, source.size.width - 20)), 0)

    def on_click(self, event: events.Click) -> None:
        source = self._source
        if source is not None and 0 <= event.y < len(source.offered):
            source.take(source.offered[event.y])
