"""Shows a record before it is written."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from tui.views.plain import plain_lines
from tui.widgets.dialog import Dialog


class RecordDialog(Dialog[bool]):
    """True when the record is to be written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("ctrl+s", "answer(True)", "write"),
        ("escape", "answer(False)", "back"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog record"):
            yield Static(Content(self._title), classes="title")
            with VerticalScroll(can_focus=True):
                yield Static(Content(plain_lines(self._text)))
            with Horizontal(classes="buttons"):
                yield Button("Back (esc)", id="back")
                yield Button("Write it (^s)", id="write", variant="primary")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "write")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
