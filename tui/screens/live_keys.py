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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the grid a search looks for charts, elsewhere in the log; only the grid has pages."""
        full = self.has_class("-charts")
        if action == "search":
            return not full
        if action in ("filter_charts", "turn"):
            return full
        return super().check_action(action, parameters)

    def action_axis(self) -> None:
        self.board.next_axis()

    def action_scale(self) -> None:
        self.board.toggle_log()

    def action_smoothing(self) -> None:
        self.board.next_smoothing()

    def action_zoom(self, direction: int) -> None:
        self.board.zoom(direction)

    def action_pan(self, direction: int) -> None:
        """Move the view, or the crosshair where it is on."""
        self.board.step(direction)

    def action_crosshair(self) -> None:
        self.board.toggle_cross()

    def action_enlarge(self) -> None:
        self.board.toggle_enlarged()

    def action_grid(self) -> None:
        self.board.toggle_grid()

    def action_filter_charts(self) -> None:
        self.board.ask_filter()

    def action_turn(self, direction: int) -> None:
        """Another page of the grid."""
        self.board.turn(direction)

    def action_chart_stage(self, direction: int) -> None:
        """Draw another stage that has numbers."""
        self.board.next_stage(direction)
