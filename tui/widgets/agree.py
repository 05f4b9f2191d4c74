"""The question before programs of others are executed: all of them can be seen, or none agreed to.

The text scrolls, by keys and by the wheel. What nobody would read in a dialog is not agreed to in
one: the command line shows it whole and asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from tui.views.plain import plain
from tui.widgets.confirm import Confirm

MOST = 8_000
"""So many characters are shown and agreed to; beyond, a sentence says where they are."""


class Agree(Confirm):
    """Shows programs, whole, and asks; True for yes."""

    def __init__(
        self, question: str, programs: Sequence[str], where: str, typed: str, yes: str = "Run it"
    ) -> None:
        """``programs`` as they were found, not yet harmless; ``where`` is the end of the sentence
        on them; ``typed`` is the command line that asks the same."""
        self._long = sum(len(one) for one in programs) > MOST
        rows = [f"    {plain(one)}" for one in programs]
        words = ["These run on this machine, as you:", *rows, plain(where)]
        if self._long:
            size = sum(len(one) for one in programs)
            words = [
                f"What it would run is {size:,} characters long: more than anybody reads here. "
                "The command line shows it whole and asks:",
                f"    {plain(typed)}",
            ]
        super().__init__(question, "\n".join(words), yes)

    def compose(self) -> ComposeResult:
        question, detail, yes, no = self._texts
        with Vertical(classes="dialog agree"):
            yield Static(Content(question), classes="title")
            with VerticalScroll(classes="programs"):
                yield Static(Content(detail))
            yield Static(Content("↑ ↓ pgdn end: all of it"), classes="hint")
            with Horizontal(classes="buttons"):
                yield Button(Content(f"{no} (n)"), id="no")
                if not self._long:
                    yield Button(Content(f"{yes} (y)"), id="yes", variant="warning")

    def on_mount(self) -> None:
        self.query_one(".programs").focus()
        self.call_after_refresh(self._say_more)

    def _say_more(self) -> None:
        self.query_one(".hint").display = self.query_one(".programs").max_scroll_y > 0

    def action_answer(self, yes: bool) -> None:
        if not (yes and self._long):
            self.dismiss(yes)
