"""The charts of Live: which there are, and what the keys and the mouse do to them."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine.projected import StageView
from engine.projection import MEMORY, RunProjection
from tui.acting import say
from tui.feed import RunFeed
from tui.views.live_charts import LiveCharts
from tui.widgets.chart import Chart

SMALL = {"tok": "tok_s", "mem": MEMORY, "its": "it_s", "rate": "learning_rate"}


class ChartBoard(Vertical):
    """One large chart, small ones under it. ``draw`` is called inside a frame of the feed."""

    def __init__(self, feed: RunFeed, machine_bytes: int | None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.charts = LiveCharts(machine_bytes)
        self._feed = feed
        self._chosen: str | None = None

    def compose(self) -> ComposeResult:
        yield Chart(id="loss", guard=self._feed.lock)
        with Horizontal(id="small"):
            for name in SMALL:
                yield Chart(id=name, axes=False, guard=self._feed.lock)

    @property
    def projection(self) -> RunProjection:
        return self._feed.projection

    def charted(self) -> StageView | None:
        """The stage whose numbers are drawn: the chosen one, else the last that has any."""
        names = self.projection.charted()
        if self._chosen in names:
            return self.projection.stages[self._chosen or ""]
        return self.projection.stages[names[-1]] if names else None

    def draw(self, empty: str) -> None:
        """Give each chart in sight what it draws; ``empty`` is said without numbers."""
        stage = self.charted()
        self.query_one("#loss", Chart).put(*self.charts.loss(self.projection, stage, empty))
        for name, metric in SMALL.items():
            chart = self.query_one(f"#{name}", Chart)
            if chart.size.width:
                chart.put(*self.charts.small(stage, metric))
        self._empty = empty

    _empty = "waiting for the first number"

    def redraw(self) -> None:
        """Draw again what is known."""
        with self._feed.frame():
            self.draw(self._empty)

    # --- what keys and mouse do -----------------------------------------------------

    def next_axis(self) -> None:
        self.charts.settings.next_axis()
        self.redraw()

    def toggle_log(self) -> None:
        self.charts.settings.log = not self.charts.settings.log
        self.redraw()

    def next_smoothing(self) -> None:
        self.charts.settings.next_weight()
        self.redraw()

    def zoom(self, direction: int, place: float = 1.0) -> None:
        settings = self.charts.settings
        settings.viewport = settings.viewport.zoomed(direction, place)
        self.redraw()

    def pan(self, share: float) -> None:
        settings = self.charts.settings
        settings.viewport = settings.viewport.moved(share)
        self.redraw()

    @on(Chart.Zoom)
    def _wheel(self, event: Chart.Zoom) -> None:
        self.zoom(event.direction, event.place)

    @on(Chart.Pan)
    def _drag(self, event: Chart.Pan) -> None:
        self.pan(event.share)

    def choose(self, stage: str) -> None:
        """Draw the numbers of that stage, where it has any; the last one is followed."""
        names = self.projection.charted()
        if stage in names:
            self._chosen = None if stage == names[-1] else stage
            self.redraw()

    def next_stage(self, direction: int) -> None:
        """Draw the stage after (1) or before (-1) that has numbers."""
        names, charted = self.projection.charted(), self.charted()
        if charted is None or len(names) < 2:
            say(self, "Only stages that report numbers can be drawn.")
            return
        self.choose(names[min(max(0, names.index(charted.name) + direction), len(names) - 1)])
