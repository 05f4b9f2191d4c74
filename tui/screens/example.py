"""One scored example, whole, while the run goes on."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from engine.live.projected import ExampleView
from tui.views.examples_page import page_of
from tui.views.plain import plain
from tui.widgets.dialog import Dialog
from tui.widgets.example_page import ExamplePage


class ExampleScreen(Dialog[None]):
    """Prompt, what was expected, what came, and where they differ."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "close"),
        Binding("m", "text", "text", show=False),
    ]
    DEFAULT_CSS = """
    ExampleScreen .example { width: 90; max-width: 94%; height: 80%; padding: 0 1; }
    ExampleScreen ExamplePage {
        height: 1fr; padding: 1 0 0 1; background: $panel; scrollbar-size-vertical: 1;
        overflow-x: hidden;
    }
    """

    def __init__(self, example: ExampleView) -> None:
        super().__init__()
        self._page = page_of(example)
        self._as_text = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog example") as dialog:
            dialog.border_title = Content(
                f" {plain(self._page.suite, clip=80)} ─ {plain(self._page.id, clip=80)} "
            )
            dialog.border_subtitle = " m text or fields · esc closes "
            yield ExamplePage()

    def on_mount(self) -> None:
        self._show()
        self.query_one(ExamplePage).focus()

    def _show(self) -> None:
        self.query_one(ExamplePage).put(self._page, self._as_text)

    def action_text(self) -> None:
        """JSON as text, or field by field."""
        self._as_text = not self._as_text
        self._show()
