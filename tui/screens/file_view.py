"""One file of a run, at the line that a finding is about."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.views.excerpt import Excerpt
from tui.views.plain import plain
from tui.widgets.dialog import Dialog
from tui.widgets.file_view import FileView


class FileScreen(Dialog[bool]):
    """Shows a text; True when the editor is asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter", "answer(False)", "close"),
        ("e", "answer(True)", "edit"),
    ]

    def __init__(self, path: Path, shown: Excerpt) -> None:
        super().__init__()
        self._path, self._shown = path, shown

    def compose(self) -> ComposeResult:
        with Vertical(classes="file-dialog") as box:
            box.border_subtitle = Content("e edits · esc closes")
            yield Static(classes="file-note")
            yield FileView()

    def on_mount(self) -> None:
        self._draw()
        self.query_one(FileView).focus()

    def put(self, shown: Excerpt) -> None:
        """The file was saved anew: show it as it is now."""
        self._shown = shown
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        shown = self._shown
        line = f", line {shown.line:,}" if shown.line else ""
        self.query_one(".file-dialog").border_title = Content(plain(self._path.name) + line)
        note = self.query_one(".file-note", Static)
        note.update(Content(shown.note))
        note.display = bool(shown.note)
        self.query_one(FileView).put(shown.text, shown.line, shown.first)

    def action_answer(self, edit: bool) -> None:
        self.dismiss(edit)
