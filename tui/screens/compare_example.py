"""One example that two runs answer differently, whole."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.comparing.flips import Flip
from tui.views.compare_scores import Named
from tui.views.plain import plain, plain_lines
from tui.widgets.dialog import Dialog


class FlipScreen(Dialog[None]):
    """Prompt, what was expected, and what each of the two runs answered, as plain text."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "close")]

    def __init__(self, flip: Flip, reference: Named, run: Named) -> None:
        super().__init__()
        self._flip = flip
        self._reference = reference
        self._run = run

    def compose(self) -> ComposeResult:
        flip = self._flip
        before = f"◆{self._reference.mark.letter} {self._reference.name}"
        after = f"{self._run.mark.letter} {self._run.name}"
        with VerticalScroll(classes="dialog") as dialog:
            sign = "✔" if flip.kind == "fixed" else "✘"
            dialog.border_title = Content(f"{plain(flip.suite)} ─ {plain(flip.id)}")
            subtitle = f"{sign} {flip.kind} in {self._run.mark.letter} ─ esc closes"
            dialog.border_subtitle = Content(subtitle)
            for name, text in (
                ("prompt", flip.prompt),
                ("expected", flip.expected),
                (before, flip.before),
                (after, flip.after),
                ("what is wrong in it", flip.error),
            ):
                if text is not None:
                    yield Static(Content(plain(name)), classes="muted")
                    yield Static(Content(plain_lines(text) or "(nothing)"), classes="text")
