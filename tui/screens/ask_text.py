"""Asks for one line of text, such as a path or a note."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui.views.plain import plain_lines
from tui.widgets.dialog import Dialog


class AskText(Dialog[str | None]):
    """The text, or None when it was left. ``check`` says what is wrong with a text, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "back")]
    DEFAULT_CSS = """
    AskText .ask { width: 76; }
    AskText Input { background: $surface; margin: 1 0 0 0; padding: 0 1; }
    AskText .ask-problem { display: none; height: auto; margin-top: 1; }
    AskText .ask-problem.-there { display: block; }
    """

    def __init__(
        self,
        title: str,
        detail: Content,
        value: str,
        *,
        check: Callable[[str], str | None] = lambda text: None,
        placeholder: str = "",
        done: str = "enter writes it · esc leaves it",
    ) -> None:
        super().__init__()
        self._title, self._detail, self._value = title, detail, value
        self._check, self._placeholder, self._done = check, placeholder, done

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog ask") as box:
            box.border_subtitle = Content(f" {self._done} ")
            yield Static(Content(self._title), classes="title")
            yield Static(self._detail)
            yield Input(self._value, placeholder=self._placeholder, compact=True)
            yield Static(classes="ask-problem")

    def on_mount(self) -> None:
        entry = self.query_one(Input)
        entry.focus()
        entry.cursor_position = len(self._value)

    @on(Input.Changed)
    def _changed(self) -> None:
        self._complain("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        problem = self._check(event.value)
        if problem is None:
            self.dismiss(event.value)
        else:
            self._complain(f"✘ {plain_lines(problem)}")

    def _complain(self, text: str) -> None:
        line = self.query_one(".ask-problem", Static)
        line.set_class(bool(text), "-there")
        line.update(Content.styled(text, "$error"))

    def action_leave(self) -> None:
        self.dismiss(None)
