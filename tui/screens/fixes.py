"""The fixes that need no judgement, each with its difference, to be chosen among and made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from engine.checks.fixes import Fix
from engine.differences import DiffLine, difference
from tui.acting import hand_over
from tui.views.fix_view import diff_rows, fix_cells, why_lines
from tui.widgets.dialog import Dialog
from tui.widgets.rows_view import RowsView
from tui.widgets.tones import lines, paint


class FixList(OptionList):
    """A fix a line: space or a click chooses it, enter makes those that are chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Choose", show=False),
        Binding("enter", "apply", "Make", show=False),
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("a", "all", "All", show=False),
    ]

    @dataclass
    class Apply(Message):
        """The chosen fixes are to be made."""

    def __init__(self, fixes: Sequence[Fix], *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.fixes = list(fixes)
        self.chosen = {at for at, fix in enumerate(self.fixes) if fix.by_default}

    def on_mount(self) -> None:
        self.add_options([Option(self._prompt(at)) for at in range(len(self.fixes))])

    def _prompt(self, at: int) -> Content:
        return paint(*fix_cells(self.fixes[at], at in self.chosen))

    @on(OptionList.OptionSelected)
    def _toggle(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.chosen ^= {event.option_index}
        self.replace_option_prompt_at_index(event.option_index, self._prompt(event.option_index))

    def action_all(self) -> None:
        """Choose all, or none where all are chosen."""
        everything = set(range(len(self.fixes)))
        self.chosen = set() if self.chosen == everything else everything
        for at in everything:
            self.replace_option_prompt_at_index(at, self._prompt(at))

    def action_apply(self) -> None:
        self.post_message(self.Apply())


class DiffView(RowsView):
    """A difference, to be scrolled through."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[DiffLine] = []
        self._rows: list[tuple[str, str]] = []

    def put(self, lines: list[DiffLine]) -> None:
        """Show another difference from its beginning."""
        self._lines = lines
        self.scroll_to(y=0, animate=False)
        self.rows_changed()

    def rows_changed(self) -> None:
        self._rows = diff_rows(self._lines, self.scrollable_content_region.width - 1)
        super().rows_changed()

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        return [self._rows[index]]


class FixScreen(Dialog[list[Fix]]):
    """Gives the fixes that are to be made; none of them when it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q", "leave", "leave"),
        ("tab", "app.focus_next", "other pane"),
    ]
    AUTO_FOCUS = "#fixes"

    def __init__(self, run: str, fixes: Sequence[Fix], file: str = "") -> None:
        super().__init__()
        self._run, self._fixes = run, list(fixes)
        self._at = next((at for at, one in enumerate(self._fixes) if one.file == file), 0)

    def compose(self) -> ComposeResult:
        with Vertical(classes="fix-dialog") as box:
            count = len(self._fixes)
            box.border_title = Content(f"{count} fix{'' if count == 1 else 'es'} of {self._run}")
            box.border_subtitle = Content("␣ chooses · a all · ⇥ to the difference")
            yield FixList(self._fixes, id="fixes")
            yield Static(id="why")
            yield DiffView(id="difference")
            with Horizontal(classes="buttons"):
                yield Button(Content("Leave it (esc)"), id="no", compact=True)
                yield Button(Content("Make these (⏎)"), id="yes", variant="primary", compact=True)

    def on_mount(self) -> None:
        self.query_one(FixList).highlighted = self._at

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        fix = self._fixes[event.option_index]
        self.query_one("#why", Static).update(lines(paint(*line) for line in why_lines(fix)))
        self._compare(fix)

    @work(thread=True, exclusive=True, group="difference")
    def _compare(self, fix: Fix) -> None:
        found = difference(fix)
        hand_over(self, self._show, fix, found)

    def _show(self, fix: Fix, found: list[DiffLine]) -> None:
        at = self.query_one(FixList).highlighted
        if at is not None and self._fixes[at] is fix:
            self.query_one(DiffView).put(found)

    @on(FixList.Apply)
    def _apply(self) -> None:
        chosen = self.query_one(FixList).chosen
        if not chosen:
            self.notify("None is chosen: space chooses, esc leaves.", markup=False)
            return
        self.dismiss([fix for at, fix in enumerate(self._fixes) if at in chosen])

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self._apply()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        self.dismiss([])
