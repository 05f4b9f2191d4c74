"""What keys and mouse do to the charts of Live: axis, zoom, crosshair, grid, filter."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from tui.acting import say
from tui.views.chart_list import stage_to_draw, stages_with_numbers
from tui.views.viewport import Viewport
from tui.widgets.chart import Chart
from tui.widgets.chart_wall import ChartWall

_PART = 0.25
"""How much of what is seen the view moves at a press."""

_NAMES = {
    "step": "steps",
    "tokens": "tokens",
    "seconds": "working time",
    "clock": "times of day",
}


class ChartBoard(ChartWall):
    """The charts with what one can do to them. All of them share the x axis and the crosshair."""

    # --- how they are drawn -----------------------------------------------------------

    def next_axis(self) -> None:
        """Steps, tokens, seconds of work, time of day."""
        wanted, before = self.charts.settings, self.charts.axis
        wanted.next_axis()
        self.redraw()
        drawn = self.charts.axis
        if self._cross is not None:
            self._cross = self.charts.carried(self._cross, self.charted(), before)
            self._crossing = self._crossing and self._cross is not None
            self._point()
        if drawn is not None and drawn != wanted.axis:
            say(self, f"This stage reported no {_NAMES[wanted.axis]}; drawn over {_NAMES[drawn]}.")

    def toggle_log(self) -> None:
        """Logarithmic or linear, for the chart that is meant."""
        self.charts.settings.toggle_log(self.current())
        self.redraw()

    def next_smoothing(self) -> None:
        self.charts.settings.next_weight()
        self.redraw()

    # --- which part -------------------------------------------------------------------

    def zoom(self, direction: int, place: float | None = None) -> None:
        """Closer (1), less close (-1), or the whole course (0).

        ``place`` in [0, 1] is the share of the view that stays where it is; without it the
        crosshair's, or the newest point's.
        """
        settings = self.charts.settings
        if place is None:
            place = self._cross_share()
        settings.viewport = settings.viewport.zoomed(direction, place)
        self.redraw()

    def _cross_share(self) -> float:
        window, cross = self.charts.window, self._cross
        if window is None or cross is None or window[1] <= window[0]:
            return 1.0
        return min(max((cross - window[0]) / (window[1] - window[0]), 0.0), 1.0)

    def pan(self, share: float) -> None:
        """Later (positive) or earlier, by a share of what is seen."""
        settings = self.charts.settings
        settings.viewport = settings.viewport.moved(share)
        self.redraw()

    def step(self, direction: int) -> None:
        """A press of an arrow: the crosshair moves where it is on, else the view."""
        if not self._crossing:
            self.pan(direction * _PART)
            return
        window, frame = self.charts.window, self._any_frame()
        if window is None or frame is None or self._cross is None:
            return
        at = self._cross + direction * (window[1] - window[0]) / max(1, frame - 1)
        whole = self.charts.whole or window
        self._cross = min(max(at, whole[0]), whole[1])
        if not window[0] <= self._cross <= window[1]:
            self.pan(_PART if direction > 0 else -_PART)
        self._point()

    def _any_frame(self) -> int | None:
        """Columns of a plot in sight: a press moves the crosshair by one."""
        return next((one.frame.width for one in self._shown() if one.frame is not None), None)

    @on(Chart.Zoom)
    def _wheel(self, event: Chart.Zoom) -> None:
        self.zoom(event.direction, event.place)

    @on(Chart.Pan)
    def _drag(self, event: Chart.Pan) -> None:
        self.pan(event.share)

    @on(Chart.Box)
    def _see(self, event: Chart.Box) -> None:
        if self.charts.whole is not None:
            self.charts.settings.viewport = Viewport.of(event.part, self.charts.whole)
            self.redraw()

    @on(Chart.Reset)
    def _whole(self) -> None:
        self.zoom(0)

    # --- the crosshair ----------------------------------------------------------------

    def toggle_cross(self) -> None:
        """The crosshair under the keys, at the newest point in sight; or away with it."""
        self._crossing = not self._crossing
        window = self.charts.window
        if self._crossing and window is not None:
            if self._cross is None or not window[0] <= self._cross <= window[1]:
                self._cross = window[1]
        else:
            self._crossing, self._cross = False, None
            if window is None:
                say(self, "There are no numbers to point at yet.")
        self._point()

    def _point(self) -> None:
        for chart in self._shown():
            chart.point_at(self._cross)

    @on(Chart.Point)
    def _hover(self, event: Chart.Point) -> None:
        # What the keys placed stays where it is until they take it away.
        if not self._crossing:
            self._cross = event.at
            self._point()

    # --- which charts -----------------------------------------------------------------

    def choose(self, stage: str) -> None:
        """Draw the numbers of that stage, where it has any.

        The one that would be drawn anyway is followed: what runs after it is drawn then.
        """
        if stage in stages_with_numbers(self.projection):
            followed = stage_to_draw(self.projection, None)
            self._chosen = None if followed is not None and followed.name == stage else stage
            self._crossing, self._cross = False, None
            self.redraw()

    def next_stage(self, direction: int) -> None:
        """Draw the stage after (1) or before (-1) that has numbers."""
        names, charted = stages_with_numbers(self.projection), self.charted()
        if charted is None or len(names) < 2:
            say(self, "Only stages that report numbers can be drawn.")
            return
        self.choose(names[min(max(0, names.index(charted.name) + direction), len(names) - 1)])

    def toggle_grid(self) -> None:
        """All charts alike, or the large one with small ones under it."""
        self._enlarged, self._left, self._page = None, None, 0
        self.charts.settings.grid = not self.grid
        self.lay_out()

    def toggle_enlarged(self) -> None:
        """Give the whole screen to the chart that is meant, or take it back."""
        self._left = self._enlarged
        self._enlarged = None if self._enlarged is not None else self.current()
        self.lay_out()

    @on(Chart.Open)
    def _enlarge(self) -> None:
        self.toggle_enlarged()

    def leave(self) -> None:
        """Give the screen back to the rest of it."""
        self._enlarged, self.charts.settings.grid = None, False
        self.lay_out()

    @on(Chart.Walk)
    def _walk(self, event: Chart.Walk) -> None:
        if self.full:
            self.next_chart(event.direction * (1 if self._enlarged is not None else self.columns))

    def next_chart(self, direction: int) -> None:
        """The next chart has the focus; where one is enlarged, it is enlarged.

        ``direction`` is how many charts further it is; beyond the page the next one begins.
        """
        found = [one.key for one in self.listed()]
        if self._enlarged is not None:
            if found:
                at = found.index(self._enlarged) if self._enlarged in found else -direction
                self._enlarged = found[(at + direction) % len(found)]
                self.redraw()
            return
        shown = list(self._shown())
        focused = next((number for number, one in enumerate(shown) if one.has_focus), None)
        if focused is None:
            self._focus_first()
        elif 0 <= focused + direction < len(shown):
            shown[focused + direction].focus()
        else:
            self.turn(1 if direction > 0 else -1)
            self.call_after_refresh(self._focus_end, 0 if direction > 0 else -1)

    def _focus_end(self, place: int) -> None:
        """The first (0) or the last (-1) chart of the page that came."""
        shown = list(self._shown())
        if shown:
            shown[place].focus()

    def turn(self, direction: int) -> None:
        """The next page of the grid, round the end."""
        if self.grid and self._enlarged is None:
            self._left = None
            self._page = (self._page + direction) % self.pages()
            self.redraw()

    # --- the filter -------------------------------------------------------------------

    def ask_filter(self) -> None:
        """Open the line in which the charts of the grid are chosen by name."""
        if not self.grid or self._enlarged is not None:
            self._enlarged, self.charts.settings.grid = None, True
            self.lay_out()
        self._before = self.charts.settings.pattern
        line = self.query_one("#chart-filter", Input)
        line.value = self._before
        line.add_class("-open")
        line.focus()

    @on(Input.Changed, "#chart-filter")
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        if event.input.has_class("-open"):
            self.charts.settings.pattern = event.value.strip()
            self._page = 0
            self.redraw()

    @on(Input.Submitted, "#chart-filter")
    def _filtered(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one("#chart-filter", Input).remove_class("-open")
        self.call_after_refresh(self._focus_first)

    # --- one step back ----------------------------------------------------------------

    def step_back(self) -> bool:
        """Undo one step: the filter line, the crosshair, the enlarged chart, the grid."""
        line = self.query_one("#chart-filter", Input)
        if line.has_class("-open"):
            self.charts.settings.pattern = self._before
            self._close_filter()
            self.redraw()
        elif self._crossing:
            self.toggle_cross()
        elif self._enlarged is not None:
            self.toggle_enlarged()
        elif self.grid:
            self.toggle_grid()
        else:
            return False
        return True
