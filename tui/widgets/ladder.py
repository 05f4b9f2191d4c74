"""The phase ladder: every stage with its state and its clock."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.views.live_view import Step, step_line, step_row
from tui.widgets.tones import lines, paint


class Ladder(Widget):
    """Below each other, or (``flat``) in one line. A click on a stage asks to chart it."""

    ALLOW_SELECT = False

    class Chosen(Message):
        """A stage was clicked."""

        def __init__(self, stage: str) -> None:
            super().__init__()
            self.stage = stage

    def __init__(self, *, id: str | None = None, flat: bool = False) -> None:
        super().__init__(id=id)
        self._flat = flat
        self._steps: list[Step] = []

    def put(self, steps: list[Step]) -> None:
        """Show these steps."""
        if steps != self._steps:
            taller = len(steps) != len(self._steps)
            self._steps = steps
            self.refresh(layout=taller)

    def render(self) -> Content:
        width = self.content_size.width
        if self._flat:
            return paint(*step_line(self._steps, width)).truncate(width, ellipsis=True)
        rows = [paint(*step_row(step, width)) for step in self._steps]
        return lines(rows) if rows else Content.styled("no plan", "$muted")

    def on_click(self, event: events.Click) -> None:
        if not self._flat and event.y < len(self._steps):
            self.post_message(self.Chosen(self._steps[event.y].name))
