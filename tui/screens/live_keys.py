"""What the keys of Live do to its charts: each hands on to the board."""

from __future__ import annotations

from tui.screens.base import RoomScreen
from tui.widgets.chart_board import ChartBoard


class ChartKeys(RoomScreen):
    """A screen with a board of charts, whose keys work wherever the focus is."""

    @property
    def board(self) -> ChartBoard:
        """The charts."""
        return self.query_one(ChartBoard)

    def action_axis(self) -> None:
        self.board.next_axis()

    def action_scale(self) -> None:
        self.board.toggle_log()

    def action_smoothing(self) -> None:
        self.board.next_smoothing()

    def action_zoom(self, direction: int) -> None:
        self.board.zoom(direction)

    def action_pan(self, direction: int) -> None:
        self.board.pan(direction * 0.25)

    def action_chart_stage(self, direction: int) -> None:
        """Draw another stage that has numbers."""
        self.board.next_stage(direction)
