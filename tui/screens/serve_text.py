"""A longer text in a dialog: the system prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from tui.widgets.dialog import Dialog


class TextDialog(Dialog[str | None]):
    """The text as it was left, or None. ``offers`` are texts behind F2, F3, with their names."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("ctrl+s", "done", "take it", priority=True),
        Binding("f2", "offer(0)", "first offer", priority=True),
        Binding("f3", "offer(1)", "second offer", priority=True),
    ]

    def __init__(
        self, title: str, detail: str, text: str, offers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__()
        self._title, self._detail, self._text, self._offers = title, detail, text, offers

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog long-text") as box:
            box.border_title = Content(f" {self._title} ")
            keys = [f"F{number} {name}" for number, (name, _) in enumerate(self._offers, start=2)]
            box.border_subtitle = Content(
                f" {' · '.join(['^s takes it', *keys, 'esc leaves it'])} "
            )
            yield Static(Content(self._detail))
            yield TextArea(
                self._text,
                compact=True,
                tab_behavior="focus",
                show_line_numbers=False,
                highlight_cursor_line=False,
            )

    def on_mount(self) -> None:
        field = self.query_one(TextArea)
        field.focus()
        field.move_cursor(field.document.end)

    def action_offer(self, number: int) -> None:
        if number < len(self._offers):
            self.query_one(TextArea).load_text(self._offers[number][1])

    def action_done(self) -> None:
        self.dismiss(self.query_one(TextArea).text)

    def action_leave(self) -> None:
        self.dismiss(None)
