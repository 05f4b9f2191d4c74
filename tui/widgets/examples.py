"""The scored examples as they come, failing first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from engine.live.projected import ExampleView
from tui.views.alike import alike
from tui.views.plain import fit, plain
from tui.widgets.rows_view import RowsView


class ExampleList(RowsView):
    """One line an example: sign, prompt, what came, and what was expected where that differs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "move(-10)", "page up", show=False),
        Binding("pagedown", "move(10)", "page down", show=False),
        Binding("enter", "open", "whole example", show=False),
    ]

    class Opened(Message):
        """An example is to be shown whole."""

        def __init__(self, example: ExampleView) -> None:
            super().__init__()
            self.example = example

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = " examples "
        self._examples: list[ExampleView] = []
        self._said: tuple[str, str] | None = None
        self._cursor = 0
        self._empty = "none scored yet"

    def put(
        self, examples: Sequence[ExampleView], title: str, empty: str = "none scored yet"
    ) -> None:
        """Show these examples, or say ``empty``; the cursor stays with its example."""
        if (title, empty) == self._said and list(examples) == self._examples:
            return  # while a stage trains nothing is scored, and a frame need not draw it
        self._said, self._empty = (title, empty), empty
        held = self._examples[self._cursor] if self._cursor < len(self._examples) else None
        self._examples = list(examples)
        if held is not None and self._cursor > 0:
            self._cursor = next((i for i, one in enumerate(examples) if one is held), 0)
        else:
            self._cursor = 0
        self.border_title = Content(f" {title} ")
        self.rows_changed()

    def row_count(self) -> int:
        return max(1, len(self._examples))

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        if not self._examples:
            return [(self._empty, "muted")]
        one = self._examples[index]
        sign = ("✔ ", "good") if one.correct else ("✘ ", "bad")
        room = width - 2
        if one.correct:
            prompt = room * 55 // 100
            return [
                sign,
                (fit(plain(one.prompt), prompt - 1) + " ", "muted"),
                (fit(plain(one.got), room - prompt), "muted"),
            ]
        prompt, got = room * 40 // 100, room * 30 // 100
        came, wanted = plain(one.got or one.error or "(nothing)"), plain(one.expected)
        wanted_room = room - prompt - got - 2
        # Long answers begin where they differ: of two objects the beginning says nothing.
        long = cell_len(came) >= got or cell_len(wanted) > wanted_room
        if long and (skip := alike(wanted, came)):
            came, wanted = "…" + came[skip:], "…" + wanted[skip:]
        return [
            sign,
            (fit(plain(one.prompt), prompt - 1) + " ", "plain"),
            (fit(came, got - 1) + " ", "bad"),
            ("≠ ", "faint"),
            (fit(wanted, wanted_room), "plain"),
        ]

    def row_role(self, index: int) -> str | None:
        return "cursor" if self.has_focus and self._examples and index == self._cursor else None

    def action_move(self, rows: int) -> None:
        self._cursor = min(max(0, self._cursor + rows), max(0, len(self._examples) - 1))
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False)
        self.refresh()

    def action_open(self) -> None:
        if self._cursor < len(self._examples):
            self.post_message(self.Opened(self._examples[self._cursor]))

    def on_click(self, event: object) -> None:
        y = getattr(event, "y", 0) + self.scroll_offset.y - self.gutter.top
        if 0 <= y < len(self._examples):
            again = y == self._cursor
            self._cursor = y
            self.refresh()
            if again:
                self.action_open()
