"""The loops, and the targets that were tried without one, to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.views import cells
from tui.views.loops_places import Place
from tui.views.plain import plain
from tui.widgets.dialog import Dialog


class TargetsScreen(Dialog[str | None]):
    """Answers with the name of a place; None when none was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,t", "dismiss(None)", "close"),
        Binding("j", "down", "down", show=False),
        Binding("k", "up", "up", show=False),
    ]

    def __init__(self, places: Sequence[Place], shown: str | None) -> None:
        super().__init__()
        self._places = places
        self._shown = shown

    def compose(self) -> ComposeResult:
        now = datetime.now(UTC)
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "loops and targets"
            options = [Option(_line(one, now)) for one in self._places]
            yield OptionList(*options)

    def on_mount(self) -> None:
        names = [one.name for one in self._places]
        if self._shown in names:
            self.query_one(OptionList).highlighted = names.index(self._shown)

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._places[event.option_index].name)


def _line(one: Place, now: datetime) -> Content:
    what = f"{one.sign} loop" if one.loop else "  target"
    running = "  ▶ running" if one.running and not one.loop else ""
    words = f"  {one.words}" + ("" if one.newest is None else f", {cells.age(one.newest, now)}")
    return Content.assemble(
        (f"{what}  ", "$muted"), plain(one.name, clip=120), (words, "$muted"), (running, "$accent")
    )
