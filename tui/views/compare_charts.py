"""The curves of a comparison: one metric of several runs over each other. No Textual in here.

Each curve carries its run's letter along it, at another place for each run, so that curves are
told apart where they lie on each other and where there are no colours.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.comparing.course import training_stage
from engine.live.projection import MEMORY, RunProjection
from engine.live.series import Series, Smooth
from tui.views.compare_marks import DRAWN, Mark
from tui.views.viewport import Viewport
from tui.widgets.picture import Curve, EndPoints, Options, Row
from tui.widgets.scale import Kind, compact

AXES = ("step", "tokens", "seconds")
WEIGHTS = (0.0, 0.5, 0.8, 0.95)
"""The smoothing weights that the key goes through; 0 is none."""

FIRST = ("loss", "val_loss", "tok_s", "it_s", "learning_rate", "grad_norm", MEMORY)
"""The order of the metrics; others follow by name."""

WORDS = {
    "val_loss": "validation loss",
    "tok_s": "tok/s",
    "it_s": "it/s",
    "learning_rate": "learning rate",
    "grad_norm": "gradient norm",
    MEMORY: "memory of the process tree",
    "mlx_peak_bytes": "peak memory of MLX",
    "mlx_active_bytes": "memory of MLX",
}
_UNITS = {"step": "steps", "tokens": "tokens", "seconds": "time"}
_NEVER = frozenset({"tokens", "val_time"})
_ASIDE = 0.03
"""How far apart the letters at the curves' ends are kept, as a share of what is seen."""

SMOOTHED_AT_ONCE = 40_000
"""Points of all curves that are smoothed for one drawing; the rest comes with the next ones."""

_FEW = 32
"""A curve of fewer points is drawn as it is: smoothing would hide what each of them says."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A run to be drawn: its events folded, and how it is marked."""

    run_id: str
    mark: Mark
    projection: RunProjection


@dataclass(slots=True)
class CurveSettings:
    """How the curves are drawn. ``metric`` None is the first that most runs have."""

    axis: str = "step"
    log: bool = False
    weight: float = 0.8
    metric: str | None = None
    viewport: Viewport = field(default_factory=Viewport)

    def next_axis(self) -> None:
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)] if self.axis in AXES else AXES[0]

    def next_weight(self) -> None:
        at = WEIGHTS.index(self.weight) if self.weight in WEIGHTS else 0
        self.weight = WEIGHTS[(at + 1) % len(WEIGHTS)]


def _drawn(runs: Sequence[Followed], metric: str, front: str | None) -> list[Followed]:
    """The runs whose curves are drawn: the first that have one, and the run that is looked at,
    which lies above the others."""
    having = [run for run in runs if _series(run, metric) is not None]
    drawn = having[:DRAWN]
    looked_at = [run for run in having if run.run_id == front]
    if looked_at and looked_at[0] not in drawn:
        drawn[-1] = looked_at[0]
    return sorted(drawn, key=lambda run: run.run_id == front)


def _counted(run: Followed, metric: str) -> bool:
    """Whether the run says after how many tokens each point was."""
    series = _series(run, metric)
    return series is not None and bool(series.tokens) and series.tokens[-1] > 0


def metrics_of(runs: Sequence[Followed]) -> dict[str, int]:
    """The metrics that the runs report, and how many report each, in the order to go through."""
    counts: dict[str, int] = {}
    for run in runs:
        names = {name for stage in run.projection.stages.values() for name in stage.series}
        for name in names - _NEVER:
            counts[name] = counts.get(name, 0) + 1
    return {
        name: counts[name]
        for name in sorted(
            counts, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)
        )
    }


def words_of(metric: str) -> str:
    """A metric as the field calls it."""
    if metric.startswith("val_loss/"):
        return f"validation loss {metric.removeprefix('val_loss/')}"
    return WORDS.get(metric, metric)


class CompareCharts:
    """Builds the drawing. Smoothed curves are kept between frames: each point costs once."""

    def __init__(self) -> None:
        self.settings = CurveSettings()
        self.whole: tuple[float, float] | None = None
        """The whole extent of the x axis in the last drawing; None without a point."""
        self.unfinished = False
        """Whether curves are still being smoothed: draw again soon."""
        self._left = 0
        self._smooth: dict[int, Smooth] = {}

    def chosen(self, runs: Sequence[Followed]) -> str | None:
        """The metric that is drawn: the one that was asked for, where any run reports it."""
        found = metrics_of(runs)
        if self.settings.metric in found:
            return self.settings.metric
        return next(iter(found), None)

    def next_metric(self, runs: Sequence[Followed], direction: int) -> None:
        """Go on to the next metric; the view is kept, since the x axis is the same."""
        names = list(metrics_of(runs))
        chosen = self.chosen(runs)
        if chosen in names:
            self.settings.metric = names[(names.index(chosen) + direction) % len(names)]

    def draw(
        self, runs: Sequence[Followed], front: str | None, empty: str
    ) -> tuple[Row, list[Curve], Options]:
        """Title, curves and options; the run ``front`` lies above the others."""
        settings = self.settings
        metric = self.chosen(runs)
        self.unfinished, self._left = False, SMOOTHED_AT_ONCE
        if metric is None:
            return [("curves", "strong")], [], Options(empty=empty)
        drawn = _drawn(runs, metric, front)
        shown, axis = len(drawn), settings.axis
        without = [run for run in drawn if axis == "tokens" and not _counted(run, metric)]
        if len(without) == len(drawn):
            axis = "step"
        else:
            drawn = [run for run in drawn if run not in without]
        curves: list[Curve] = []
        smoothed = False
        for run in drawn:
            series = _series(run, metric)
            assert series is not None
            x = series.x(axis)  # type: ignore[arg-type]
            if settings.weight and len(series) >= _FEW and metric != MEMORY:
                values = self._smoothed(series)
                points = EndPoints(values)
                curves.append(Curve(x, values, run.mark.role, points=points, name=run.mark.letter))
                smoothed = True
            else:
                name = run.mark.letter
                curves.append(Curve(x, series.value, run.mark.role, points=series, name=name))
        ends = [(curve.x[0], curve.x[curve.count - 1]) for curve in curves if curve.count]
        whole = (min(a for a, _ in ends), max(b for _, b in ends)) if ends else (0.0, 1.0)
        self.whole = whole if ends else None
        window = settings.viewport.window(whole) if ends else None
        labels = self._labels(drawn, curves, window or whole)
        options = Options(
            log=settings.log,
            x_kind="seconds" if axis == "seconds" else "number",
            y_kind=_kind(metric),
            x_unit=_UNITS.get(axis, axis),
            window=window,
            empty=empty,
        )
        title = self._title(runs, metric, shown, smoothed)
        if without:
            who = "" if axis == "step" else " in " + " ".join(run.mark.letter for run in without)
            by = ": by step" if axis == "step" else ""
            title.append((f"  tokens not recorded{who}{by}", "warn"))
        return title, curves + labels, options

    def _title(self, runs: Sequence[Followed], metric: str, drawn: int, smoothed: bool) -> Row:
        title: Row = [(words_of(metric), "strong")]
        reporting = metrics_of(runs).get(metric, 0)
        if reporting > drawn:
            title.append((f"  {drawn} of {reporting} runs", "warn"))
        elif reporting < len(runs):
            verb = "reports" if reporting == 1 else "report"
            title.append((f"  {reporting} of {len(runs)} runs {verb} it", "muted"))
        if smoothed:
            title.append((f"  smoothed {self.settings.weight:g}", "muted"))
        if self.settings.log:
            title.append(("  log", "muted"))
        if self.settings.viewport.share < 1:
            title.append((f"  {self.settings.viewport.share:.3g} of the course", "muted"))
        return title

    def _smoothed(self, series: Series) -> Sequence[float]:
        found = self._smooth.get(id(series))
        if found is None or found.series is not series or found.weight != self.settings.weight:
            if len(self._smooth) > 4 * DRAWN:
                self._smooth.clear()
            found = self._smooth[id(series)] = Smooth(series, self.settings.weight)
        before = len(found.value)
        values = found.update(max(0, self._left))
        self._left -= max(0, len(values) - before)
        self.unfinished = self.unfinished or len(values) < len(series)
        return values

    def _labels(
        self, runs: Sequence[Followed], curves: Sequence[Curve], seen: tuple[float, float]
    ) -> list[Curve]:
        """Each run's letter on its curve: once along it, at a place of its own, and at its end."""
        order = sorted(range(len(runs)), key=lambda index: runs[index].mark.letter)
        aside = (seen[1] - seen[0]) * _ASIDE
        ends: list[float] = []
        found = []
        for place, index in enumerate(order):
            run, curve = runs[index], curves[index]
            if not curve.count:
                continue
            low = max(seen[0], curve.x[0])
            high = min(seen[1], curve.x[curve.count - 1])
            if low > high:
                continue
            along = low + (high - low) * (place + 1) / (len(runs) + 1)
            # Where several end at one place, each letter steps aside of those before it.
            last = high
            while any(abs(last - one) < aside for one in ends) and last - aside > low:
                last -= aside
            ends.append(last)
            spots = [(x, _value_at(curve, x)) for x in dict.fromkeys((along, last))]
            known = [(x, y) for x, y in spots if math.isfinite(y)]
            if known:
                found.append(
                    Curve(
                        [x for x, _ in known],
                        [y for _, y in known],
                        run.mark.role,
                        "points",
                        run.mark.letter[-1],
                    )
                )
        return found


def last_value(run: Followed, metric: str | None) -> str:
    """The newest value of a metric in few characters; "" where the run does not report it."""
    series = None if metric is None else _series(run, metric)
    value = None if series is None else series.last
    if value is None or metric is None:
        return ""
    return "NaN" if value != value else compact(value, _kind(metric))


def _kind(metric: str) -> Kind:
    return "bytes" if metric.endswith("_bytes") else "number"


def _series(run: Followed, metric: str) -> Series | None:
    stage = training_stage(run.projection, metric)
    series = None if stage is None else stage.series.get(metric)
    return series if series is not None and len(series) else None


def _value_at(curve: Curve, x: float) -> float:
    """The curve's height at a place on x, on the straight line between its points."""
    at = bisect_left(curve.x, x, 0, curve.count)
    if at >= curve.count:
        return curve.y[curve.count - 1]
    if at == 0 or curve.x[at] == x:
        return curve.y[at]
    x0, x1 = curve.x[at - 1], curve.x[at]
    y0, y1 = curve.y[at - 1], curve.y[at]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0) if x1 > x0 else y1
