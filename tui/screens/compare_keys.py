"""What keys and mouse do to the curves of Compare: axis, scale, smoothing, metric, zoom and pan."""

from __future__ import annotations

from textual import on

from tui.screens.base import RoomScreen
from tui.views.compare_charts import AXES, WEIGHTS, CompareCharts, Followed
from tui.views.viewport import Viewport
from tui.widgets.chart import Chart

_NAMES = ("axis", "log", "weight", "metric")


class CurveKeys(RoomScreen):
    """The part of the screen that knows how curves are drawn; what it was left like is kept."""

    def __init__(self, run_id: str | None = None, runs: tuple[str, ...] = ()) -> None:
        super().__init__(run_id, runs)
        self.charts = CompareCharts()

    @property
    def followed(self) -> list[Followed]:
        """The runs whose curves are drawn."""
        raise NotImplementedError

    def draw_curves(self) -> None:
        """Draw them anew."""
        raise NotImplementedError

    def restore_curves(self) -> None:
        """Draw as it was left."""
        settings, remembered = self.charts.settings, self.factory.remembered
        axis = remembered.get("compare.axis", settings.axis)
        settings.axis = axis if axis in AXES else settings.axis
        settings.log = remembered.get("compare.log", settings.log)
        weight = remembered.get("compare.weight", settings.weight)
        settings.weight = weight if weight in WEIGHTS else settings.weight
        settings.metric = remembered.get("compare.metric", "") or None

    def _changed(self) -> None:
        settings, remembered = self.charts.settings, self.factory.remembered
        for name in _NAMES:
            value = getattr(settings, name)
            remembered.put(f"compare.{name}", "" if value is None else value)
        self.draw_curves()

    def action_axis(self) -> None:
        """Align by step, tokens or time. Another axis is seen whole: places do not carry over."""
        self.charts.settings.next_axis()
        self.charts.settings.viewport = Viewport()
        self._changed()

    def action_scale(self) -> None:
        self.charts.settings.log = not self.charts.settings.log
        self._changed()

    def action_smoothing(self) -> None:
        self.charts.settings.next_weight()
        self._changed()

    def action_metric(self, direction: int) -> None:
        self.charts.next_metric(self.followed, direction)
        self._changed()

    def action_zoom(self, direction: int) -> None:
        self.charts.settings.viewport = self.charts.settings.viewport.zoomed(direction)
        self.draw_curves()

    def action_pan(self, direction: int) -> None:
        self.charts.settings.viewport = self.charts.settings.viewport.moved(direction * 0.25)
        self.draw_curves()

    @on(Chart.Zoom)
    def _wheel(self, event: Chart.Zoom) -> None:
        viewport = self.charts.settings.viewport
        self.charts.settings.viewport = viewport.zoomed(event.direction, event.place)
        self.draw_curves()

    @on(Chart.Pan)
    def _drag(self, event: Chart.Pan) -> None:
        self.charts.settings.viewport = self.charts.settings.viewport.moved(event.share)
        self.draw_curves()

    @on(Chart.Box)
    def _part(self, event: Chart.Box) -> None:
        whole = self.charts.whole
        if whole is not None:
            self.charts.settings.viewport = Viewport.of(event.part, whole)
            self.draw_curves()

    @on(Chart.Reset)
    def _whole(self) -> None:
        self.action_zoom(0)

    @on(Chart.Point)
    def _point(self, event: Chart.Point) -> None:
        event.chart.point_at(event.at)
