"""The targets that were tried, to choose one from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.views import cells
from tui.views.loops_load import TargetTries
from tui.views.plain import plain


class TargetsScreen(ModalScreen[str | None]):
    """Answers with the name of a target; None when none was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,t", "dismiss(None)", "close"),
        Binding("j", "down", "down", show=False),
        Binding("k", "up", "up", show=False),
    ]

    def __init__(self, targets: Sequence[TargetTries], shown: str | None) -> None:
        super().__init__()
        self._targets = targets
        self._shown = shown

    def compose(self) -> ComposeResult:
        now = datetime.now(UTC)
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "targets"
            options = [Option(_line(one, now)) for one in self._targets]
            yield OptionList(*options)

    def on_mount(self) -> None:
        names = [one.target for one in self._targets]
        if self._shown in names:
            self.query_one(OptionList).highlighted = names.index(self._shown)

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._targets[event.option_index].target)


def _line(one: TargetTries, now: datetime) -> Content:
    running = f"  ▶ {one.running} running" if one.running else ""
    words = f"  {one.count} {'try' if one.count == 1 else 'tries'}, {cells.age(one.newest, now)}"
    return Content.assemble(plain(one.target, clip=120), (words, "$muted"), (running, "$accent"))
