"""What Live's charts show: curves, legends and axes from the series of one stage. No Textual."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.live.projected import StageView
from engine.live.projection import MEMORY, RunProjection
from engine.live.series import Series, Smooth
from tui.views.axis_places import X_KINDS, places, unit, usable, whole_range
from tui.views.chart_list import LOSS, MLX_PEAK, VALIDATION, MetricChart, ranks_memory
from tui.views.chart_settings import ChartAxis, ChartSettings
from tui.views.plain import plain
from tui.widgets.picture import Curve, EndPoints, Options, Row
from tui.widgets.scale import Kind, compact

_SIGNS = "○◇△□"
_LIMIT_FROM = 0.25
"""The machine's memory is drawn in once a run uses this share of it; before, it is in words."""

_MAX_SMOOTHED = 64
"""So many smoothed curves are kept between frames."""

_GUTTER = 6
"""Cells for the labels of the y axes in the grid: "0.0020", "400M"."""

SMOOTH_AT_ONCE = 80_000
"""Points smoothed in one frame: some 10 ms. The histories of many metrics take several frames."""


Size = Literal["large", "grid", "small"]
"""How much room a chart has. A large one has the whole legend, a small one no smoothing."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a chart widget is given."""

    title: Row
    curves: Sequence[Curve]
    options: Options


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all charts of one frame have in common."""

    stage: StageView
    axis: ChartAxis
    window: tuple[float, float] | None
    marks: Sequence[float]
    unit: str
    breaks: Sequence[float]
    """Where a curve breaks off: on the clock, between two attempts, nothing was measured."""


class LiveCharts:
    """Builds the drawings. Smoothed curves are kept between frames: each point costs once.

    ``prepare`` begins a frame; ``draw`` makes one chart of it. ``behind`` says after a frame that
    a smoothed curve has not caught up with its points: another frame is due then.
    """

    def __init__(self, settings: ChartSettings, machine_bytes: int | None = None) -> None:
        self.settings = settings
        self.machine_bytes = machine_bytes
        self.behind = False
        self._smooth: dict[int, Smooth] = {}
        self._scene: _Scene | None = None
        self._whole: tuple[float, float] | None = None
        self._room = SMOOTH_AT_ONCE

    @property
    def whole(self) -> tuple[float, float] | None:
        """The whole x axis of the stage that was prepared, None where it has no points."""
        return self._whole

    @property
    def window(self) -> tuple[float, float] | None:
        """The part of the x axis that is seen."""
        return self._scene.window if self._scene else None

    @property
    def axis(self) -> ChartAxis | None:
        """What the x axis of the stage that was prepared is; not always what was asked for."""
        return self._scene.axis if self._scene else None

    def prepare(self, projection: RunProjection, stage: StageView | None) -> None:
        """Look at the stage whose charts are drawn next."""
        self.behind = False
        self._room = SMOOTH_AT_ONCE
        self._scene = self._whole = None
        if stage is None:
            return
        axis = usable(stage, self.settings.axis)
        self._whole = whole = whole_range(stage, axis)
        window = None if whole is None else self.settings.viewport.window(whole) or whole
        words = unit(axis, whole[1] if whole else None)
        breaks = [began for began, _ in stage.attempts[1:]] if axis == "clock" else []
        marks = _marks(projection, stage, axis)
        self._scene = _Scene(stage, axis, window, marks, words, breaks)

    def carried(self, at: float, stage: StageView | None, before: ChartAxis | None) -> float | None:
        """A place on the axis ``before`` as a place on the axis that was prepared now.

        It stays with the point that lay nearest to it; None where there is none.
        """
        if stage is None or before is None or self._scene is None:
            return None
        longest = max(stage.series.values(), key=len, default=None)
        if longest is None:
            return None
        index = Curve(places(stage, longest, before), longest.value).nearest(at)
        return None if index is None else places(stage, longest, self._scene.axis)[index]

    def draw(self, chart: MetricChart, empty: str, size: Size = "large") -> Drawing:
        """One chart; ``empty`` is said without numbers."""
        scene = self._scene
        if scene is None:
            return Drawing([(chart.label, "strong")], [], Options(empty=empty))
        curves: list[Curve] = []
        title: Row = [(chart.label, "strong")]
        if chart.key == LOSS:
            title.append((f"  {plain(scene.stage.name)}", "muted"))
        series = scene.stage.series.get(chart.key)
        if chart.key == VALIDATION:
            series = self._validation(scene, curves, title, lines=True)
        elif series is not None and len(series):
            title.append(_now(series, chart.kind))
            self._line(scene, chart, series, curves, title, size)
        limit = None
        if chart.key == LOSS:
            self._validation(scene, curves, title)
        elif chart.key == MEMORY:
            limit = self._memory(scene, curves, title)
        if not curves:
            return Drawing([(chart.label, "strong")], [], Options(empty=empty))
        log = chart.key in self.settings.logs
        # What is asked for least stands last: it is left out first.
        value_at = next((i for i, (_, role) in enumerate(title) if role in ("accent", "bad")), 0)
        head, legend = title[: value_at + 1], title[value_at + 1 :]
        if scene.marks and size == "large":
            legend.append(("  ▴ checkpoint", "mark"))
        legend.sort(key=lambda one: one[1] == "point2")
        title = [*head, *self._state(log), *legend]
        options = Options(
            log=log,
            zero=chart.zero,
            x_kind=X_KINDS[scene.axis],
            y_kind=chart.kind,
            x_unit=scene.unit,
            window=scene.window,
            marks=() if size == "small" else scene.marks,
            limit=limit,
            empty=empty,
            gutter=_GUTTER if size == "grid" else 0,
        )
        return Drawing(title, curves, options)

    def _state(self, log: bool) -> Row:
        """How a chart is seen: its scale, and how close."""
        words: Row = [("  log", "muted")] if log else []
        share = self.settings.viewport.share
        return [*words, (f"  ×{compact(1 / share)}", "muted")] if share < 1 else words

    def _line(
        self,
        scene: _Scene,
        chart: MetricChart,
        series: Series,
        curves: list[Curve],
        title: Row,
        size: Size,
    ) -> None:
        x = places(scene.stage, series, scene.axis)
        weight, breaks = self.settings.weight, scene.breaks
        if not (chart.smooth and weight) or size == "small":
            curves.append(Curve(x, series.value, points=series, name="each", breaks=breaks))
            if chart.smooth and size == "large":
                title.append(("  ━ each", "smooth"))
            return
        smooth = self._smoothed(series)
        curves.append(Curve(x, series.value, "raw", points=series, name="each", breaks=breaks))
        ends = EndPoints(smooth.value)
        curves.append(Curve(x, smooth.value, points=ends, name="smoothed", breaks=breaks))
        if size == "large":
            title += [("  ⠒ each", "raw"), (f"  ━ smoothed {weight:g}", "smooth")]

    def _smoothed(self, series: Series) -> Smooth:
        found = self._smooth.pop(id(series), None)
        if found is None or found.series is not series or found.weight != self.settings.weight:
            found = Smooth(series, self.settings.weight)
        # What was used last stands last; what was not used for long goes first.
        self._smooth[id(series)] = found
        while len(self._smooth) > _MAX_SMOOTHED:
            del self._smooth[next(iter(self._smooth))]
        before = len(found.value)
        found.update(max(1, self._room))
        self._room -= max(0, len(found.value) - before)
        self.behind = self.behind or len(found.value) < len(series)
        return found

    def _validation(
        self, scene: _Scene, curves: list[Curve], title: Row, *, lines: bool = False
    ) -> Series | None:
        """The validation losses: points over the loss, or (``lines``) a chart of their own."""
        legend: Row = []
        found: list[Curve] = []
        signs = iter(_SIGNS)
        main: Series | None = None
        for name, series in scene.stage.series.items():
            each = name.startswith(f"{VALIDATION}/")
            if not len(series) or not (name == VALIDATION or each):
                continue
            if each and not self.settings.sets and not lines:
                continue
            sign = next(signs, "·") if each else "●"
            role = "point2" if each else "point"
            word = plain(name.removeprefix(f"{VALIDATION}/"), clip=40) if each else "validation"
            x = places(scene.stage, series, scene.axis)
            if not each:
                main = series
                if lines:
                    title.append(_now(series, "number"))
                    found.append(Curve(x, series.value, "smooth", points=series))
            found.append(Curve(x, series.value, role, "points", sign, series, name=word))
            legend.append((f"  {sign} {word}", role))
        # The mean is what is judged by: it lies on top.
        curves += sorted(found, key=lambda curve: (curve.role == "point", curve.shape == "points"))
        title += legend
        return main

    def _memory(self, scene: _Scene, curves: list[Curve], title: Row) -> tuple[float, str] | None:
        """MLX's own peak beside the process tree, and the machine's limit: a line, or in words."""
        tops: list[float] = []
        series = scene.stage.series.get(MEMORY)
        if curves and series is not None:
            curves[0] = replace(curves[0], name="process tree")
            found = series.extremes(0, len(series))
            peak = found[1] if found else 0.0
            tops.append(peak)
            title.append((f"  peak {compact(peak, 'bytes')}", "muted"))
        mlx = scene.stage.series.get(MLX_PEAK)
        if mlx is not None and len(mlx):
            x = places(scene.stage, mlx, scene.axis)
            curves.append(Curve(x, mlx.value, "second", points=mlx, name="MLX peak"))
            last = mlx.last_finite() or 0.0
            tops.append(last)
            title.append((f"  ━ MLX {compact(last, 'bytes')}", "second"))
        # Each rank's machine has a limit of its own: they are drawn, and not held against ours.
        for name, series in ranks_memory(scene.stage):
            x = places(scene.stage, series, scene.axis)
            curves.append(Curve(x, series.value, "point", points=series, name=f"MLX, {name}"))
        limit = self.machine_bytes
        if not limit:
            return None
        title.append((f"  of {compact(limit, 'bytes')}", "muted"))
        if max(tops, default=0.0) < _LIMIT_FROM * limit:
            return None
        return float(limit), f"machine {compact(limit, 'bytes')}"


def _now(series: Series, kind: Kind) -> tuple[str, str]:
    """The newest value, for a title."""
    value = series.last
    if value is None or value != value:
        return "  NaN", "bad"
    return f"  {compact(value, kind)}", "accent"


def _marks(projection: RunProjection, stage: StageView, axis: ChartAxis) -> list[float]:
    """The places of the stage's checkpoints on an axis."""
    saved = [one.step for one in projection.checkpoints if one.stage == stage.name]
    if axis == "step" or not saved:
        return saved
    longest = max(stage.series.values(), key=len, default=None)
    if longest is None or not len(longest):
        return []
    x, last = places(stage, longest, axis), len(longest) - 1
    return [x[min(bisect_left(longest.step, step), last)] for step in saved]
