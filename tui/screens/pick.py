"""Picks one of many: type to narrow the list, arrows and enter to choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui.widgets.dialog import Dialog

MAX_OPTIONS = 2_000
LONG = 132
"""Cells of a dialog with long lines, where there are so many."""


class Pick(Dialog[int | None]):
    """The number of the chosen line in ``lines``, or None. Lines are drawn as they come."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", show=False),
        Binding("down", "move(1)", "down", show=False, priority=True),
        Binding("up", "move(-1)", "up", show=False, priority=True),
    ]

    DEFAULT_CSS = """
    Pick .pick { width: 64; padding: 0 1; }
    Pick .pick.-long OptionList { text-wrap: nowrap; text-overflow: ellipsis; }
    Pick Input { background: $surface; margin: 0 0 1 0; padding: 0 1; }
    Pick OptionList { background: $panel; border: none; height: auto; max-height: 20; padding: 0; }
    """

    def __init__(
        self, title: str, lines: Sequence[Content], at: int = 0, *, long: bool = False
    ) -> None:
        """``long`` lines have all the width there is, and are cut at its end."""
        super().__init__()
        self._title, self._lines, self._at = title, lines[:MAX_OPTIONS], at
        self._long = long

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog pick -long" if self._long else "dialog pick") as box:
            if self._long:
                box.styles.width = LONG
            box.border_title = Content(f" {self._title} ")
            box.border_subtitle = " type to narrow · enter chooses · esc closes "
            yield Input(placeholder="all", compact=True)
            yield OptionList(compact=True)

    def on_mount(self) -> None:
        self._fill("")
        options = self.query_one(OptionList)
        options.can_focus = False
        options.highlighted = min(self._at, len(self._lines) - 1) if self._lines else None
        self.query_one(Input).focus()

    def _fill(self, needle: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        wanted = needle.casefold()
        options.add_options(
            Option(line, id=str(number))
            for number, line in enumerate(self._lines)
            if wanted in line.plain.casefold()
        )
        options.highlighted = 0 if options.option_count else None

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._fill(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(int(event.option.id or 0))

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if by > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_leave(self) -> None:
        self.dismiss(None)
