"""A question before something that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from tui.widgets.dialog import Dialog


class Confirm(Dialog[bool]):
    """Asks; True for yes. Enter is yes only once the button has the focus, escape is no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)", "yes"),
        ("n,escape", "answer(False)", "no"),
        ("left,right", "app.focus_next", "other button"),
    ]

    def __init__(self, question: str, detail: str, yes: str, no: str = "Leave it") -> None:
        super().__init__()
        self._texts = (question, detail, yes, no)

    def compose(self) -> ComposeResult:
        question, detail, yes, no = self._texts
        with Vertical(classes="dialog"):
            yield Static(Content(question), classes="title")
            yield Static(Content(detail))
            with Horizontal(classes="buttons"):
                yield Button(Content(f"{no} (n)"), id="no")
                yield Button(Content(f"{yes} (y)"), id="yes", variant="warning")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
