"""Which columns the list of runs has, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.views.plain import fit
from tui.views.run_columns import COLUMNS, DEFAULT, SETTING, chosen_columns, column_of
from tui.widgets.choice_list import ChoiceList
from tui.widgets.dialog import Dialog


class ColumnsDialog(Dialog[tuple[str, ...] | None]):
    """The chosen columns in their order, () for the usual ones, or None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", "show"),
        Binding("shift+up,K", "shift(-1)", "left"),
        Binding("shift+down,J", "shift(1)", "right"),
        Binding("r", "reset", "the usual ones"),
        Binding("escape", "leave", "leave it"),
    ]

    def __init__(self, chosen: Sequence[str], settings: Sequence[str]) -> None:
        super().__init__()
        self._shown = set(chosen or DEFAULT)
        self._keys = self._order(chosen, settings)
        self._settings = settings

    @staticmethod
    def _order(chosen: Sequence[str], settings: Sequence[str]) -> list[str]:
        """The chosen ones first, then every other column, then settings."""
        named = [SETTING + name for name in settings]
        return list(dict.fromkeys([*(chosen or DEFAULT), *COLUMNS, *named]))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog columns") as box:
            box.border_title = " Columns "
            box.border_subtitle = " ⏎ takes them · esc leaves it "
            yield Static(
                Content.assemble(
                    *(("␣", "$accent"), " show  ", ("J K", "$accent"), " or "),
                    *(("⇧↓ ⇧↑", "$accent"), " move  ", ("r", "$accent"), " the usual ones"),
                ),
                classes="hint",
            )
            yield ChoiceList()

    def on_mount(self) -> None:
        self._draw()
        self.query_one(ChoiceList).focus()

    def _draw(self, cursor: int | None = None) -> None:
        lines = []
        for key in self._keys:
            column = column_of(key)
            assert column is not None
            shown = key in self._shown
            name = column.key if key.startswith(SETTING) else column.title
            lines.append(
                [
                    ("✔ " if shown else "  ", "good"),
                    (fit(name, 20, align="path"), "strong" if shown else "plain"),
                    ("  " + column.help, "muted"),
                ]
            )
        self.query_one(ChoiceList).put(lines, cursor)

    def action_turn(self) -> None:
        """Show the column at the cursor, or take it away; the name stays."""
        key = self._keys[self.query_one(ChoiceList).cursor]
        if key != "run":
            self._shown ^= {key}
        self._draw()

    def action_shift(self, by: int) -> None:
        """Move the column at the cursor."""
        at = self.query_one(ChoiceList).cursor
        to = max(0, min(at + by, len(self._keys) - 1))
        self._keys.insert(to, self._keys.pop(at))
        self._draw(to)

    def action_reset(self) -> None:
        """The usual columns in the usual order."""
        self._shown = set(DEFAULT)
        self._keys = self._order((), self._settings)
        self._draw(0)

    @on(ChoiceList.Chosen)
    def _done(self) -> None:
        chosen = chosen_columns(key for key in self._keys if key in self._shown)
        self.dismiss(() if chosen == DEFAULT else chosen)

    def action_leave(self) -> None:
        self.dismiss(None)
