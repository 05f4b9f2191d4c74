"""One scored example, whole."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.projected import ExampleView
from tui.views.plain import plain, plain_lines


class ExampleScreen(ModalScreen[None]):
    """Prompt, what was expected and what came, as plain text."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "close")]

    def __init__(self, example: ExampleView) -> None:
        super().__init__()
        self._example = example

    def compose(self) -> ComposeResult:
        one = self._example
        with VerticalScroll(classes="dialog") as dialog:
            verdict = "✔ right" if one.correct else "✘ wrong"
            dialog.border_title = Content(f"{plain(one.suite)} ─ {plain(one.id)}")
            dialog.border_subtitle = f"{verdict}, score {one.score:g} ─ esc closes"
            for name, text in (
                ("prompt", one.prompt),
                ("expected", one.expected),
                ("got", one.got),
                ("error", one.error),
            ):
                if text is not None:
                    yield Static(name, classes="muted")
                    yield Static(Content(plain_lines(text) or "(nothing)"), classes="text")
