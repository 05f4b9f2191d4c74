"""One file of a run, at the line that a finding is about."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.views.excerpt import Excerpt
from tui.views.plain import plain
from tui.widgets.file_view import FileView


class FileScreen(ModalScreen[bool]):
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
            where = f"{plain(self._path.name)}" + (
                f", line {self._shown.line:,}" if self._shown.line else ""
            )
            box.border_title = Content(where)
            box.border_subtitle = Content("e edits · esc closes")
            if self._shown.note:
                yield Static(Content(self._shown.note), classes="file-note")
            yield FileView()

    def on_mount(self) -> None:
        view = self.query_one(FileView)
        view.put(self._shown.text, self._shown.line, self._shown.first)
        view.focus()

    def action_answer(self, edit: bool) -> None:
        self.dismiss(edit)
