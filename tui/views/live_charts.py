"""What Live's charts show: curves, legends and axes from the series of one stage. No Textual."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import get_args

from engine.projected import StageView
from engine.projection import MEMORY, RunProjection
from engine.series import Axis, Series, Smooth
from tui.views.viewport import Viewport
from tui.widgets.picture import Curve, EndPoints, Options, Row
from tui.widgets.scale import Kind, compact

WEIGHTS = (0.0, 0.5, 0.8, 0.95)
"""The smoothing weights that the key goes through; 0 is none."""

AXES: tuple[Axis, ...] = get_args(Axis)
_UNITS = {"step": "steps", "tokens": "tokens", "seconds": "time"}
_VALIDATION = "val_loss"
_SIGNS = "○◇△□"
_LIMIT_FROM = 0.25
"""The machine's memory is drawn in once a run uses this share of it; before, it is in words."""


@dataclass(slots=True)
class ChartSettings:
    """How the charts of one screen are drawn."""

    axis: Axis = "step"
    log: bool = False
    weight: float = 0.8
    viewport: Viewport = field(default_factory=Viewport)
    sets: bool = True
    """Whether each validation set has its own points beside their mean."""

    def next_axis(self) -> None:
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]

    def next_weight(self) -> None:
        self.weight = WEIGHTS[(WEIGHTS.index(self.weight) + 1) % len(WEIGHTS)]


class LiveCharts:
    """Builds the drawings. Smoothed curves are kept between frames: each point costs once."""

    def __init__(self, machine_bytes: int | None = None) -> None:
        self.settings = ChartSettings()
        self.machine_bytes = machine_bytes
        self._smooth: dict[int, Smooth] = {}

    def _smoothed(self, series: Series) -> Smooth:
        found = self._smooth.get(id(series))
        if found is None or found.series is not series or found.weight != self.settings.weight:
            if len(self._smooth) > 16:
                self._smooth.clear()
            found = self._smooth[id(series)] = Smooth(series, self.settings.weight)
        found.update()
        return found

    def loss(
        self,
        projection: RunProjection,
        stage: StageView | None,
        empty: str = "waiting for the first number",
    ) -> tuple[Row, list[Curve], Options]:
        """The large chart: title, curves, options; ``empty`` is said without numbers."""
        settings = self.settings
        if stage is None:
            return [("loss", "strong")], [], Options(empty=empty)
        name = _main_name(stage)
        curves: list[Curve] = []
        title: Row = [(name or "loss", "strong"), (f"  {stage.name}", "muted")]
        main = stage.series.get(name) if name else None
        if main is not None and len(main):
            x = main.x(settings.axis)
            value = main.last
            shown = "" if value is None else ("NaN" if value != value else compact(value))
            title.append((f"  {shown}", "bad" if shown == "NaN" else "accent"))
            if settings.weight:
                smooth = self._smoothed(main)
                curves.append(Curve(x, main.value, "raw", points=main))
                curves.append(Curve(x, smooth.value, points=EndPoints(smooth.value)))
                title += [("  ⠒ each", "raw"), (f"  ━ smoothed {settings.weight:g}", "smooth")]
            else:
                curves.append(Curve(x, main.value, "smooth", points=main))
                title.append(("  ━ each", "smooth"))
        title += self._validation(stage, curves)
        marks = self._marks(projection, stage, main)
        if marks:
            title.append(("  ▴ checkpoint", "mark"))
        if settings.log:
            title.append(("  log", "muted"))
        if settings.viewport.share < 1:
            title.append((f"  ×{1 / settings.viewport.share:g}", "muted"))
        return title, curves, self._options(curves, marks, "number", log=settings.log)

    def _validation(self, stage: StageView, curves: list[Curve]) -> Row:
        legend: Row = []
        signs = iter(_SIGNS)
        for name, series in stage.series.items():
            each = name.startswith(f"{_VALIDATION}/")
            if not len(series) or not (name == _VALIDATION or each):
                continue
            if each and not self.settings.sets:
                continue
            sign = next(signs, "·") if each else "●"
            role = "point2" if each else "point"
            word = name.removeprefix(f"{_VALIDATION}/") if each else "validation"
            curves.append(
                Curve(series.x(self.settings.axis), series.value, role, "points", sign, series)
            )
            legend.append((f"  {sign} {word}", role))
        # The mean is what is judged by: it lies on top.
        curves.sort(key=lambda curve: curve.role == "point")
        return legend

    def _marks(
        self, projection: RunProjection, stage: StageView, main: Series | None
    ) -> list[float]:
        saved = [one.step for one in projection.checkpoints if one.stage == stage.name]
        if self.settings.axis == "step" or main is None or not len(main):
            return saved
        x = main.x(self.settings.axis)
        return [x[min(bisect_left(main.step, step), len(main) - 1)] for step in saved]

    def _options(
        self,
        curves: list[Curve],
        marks: list[float],
        y_kind: Kind,
        *,
        log: bool,
        zero: bool = False,
    ) -> Options:
        ends = [(curve.x[0], curve.x[curve.count - 1]) for curve in curves if curve.count]
        whole = (min(a for a, _ in ends), max(b for _, b in ends)) if ends else (0.0, 1.0)
        return Options(
            log=log,
            zero=zero,
            x_kind="seconds" if self.settings.axis == "seconds" else "number",
            y_kind=y_kind,
            x_unit=_UNITS[self.settings.axis],
            window=self.settings.viewport.window(whole) if ends else None,
            marks=marks,
        )

    def small(self, stage: StageView | None, name: str) -> tuple[Row, list[Curve], Options]:
        """A small chart of one metric: tok_s, it_s, learning_rate or the process tree's memory."""
        label, kind = _SMALL[name]
        series = stage.series.get(name) if stage is not None else None
        if series is None or not len(series):
            return [(label, "strong")], [], Options(empty="not recorded")
        value = series.last
        title: Row = [
            (label, "strong"),
            ("  " + ("NaN" if value is None or value != value else compact(value, kind)), "accent"),
        ]
        curves = [Curve(series.x(self.settings.axis), series.value, points=series)]
        options = self._options(curves, [], kind, log=False, zero=name != "learning_rate")
        if name == MEMORY:
            top = series.extremes(0, len(series))
            peak = top[1] if top else 0.0
            title.append((f"  peak {compact(peak, 'bytes')}", "muted"))
            limit = self.machine_bytes
            if limit:
                title.append((f"  of {compact(limit, 'bytes')}", "muted"))
                if peak >= _LIMIT_FROM * limit:
                    words = f"machine {compact(limit, 'bytes')}"
                    options = replace(options, limit=(float(limit), words))
        return title, curves, options


_SMALL: dict[str, tuple[str, Kind]] = {
    "tok_s": ("tok/s", "number"),
    "it_s": ("it/s", "number"),
    "learning_rate": ("learning rate", "number"),
    MEMORY: ("memory", "bytes"),
}


def _main_name(stage: StageView) -> str | None:
    """The metric that the large chart shows: the loss, else the first that a stage reports."""
    if "loss" in stage.series:
        return "loss"
    return next(
        (n for n in stage.series if not n.startswith(_VALIDATION) and n not in (MEMORY, "tokens")),
        None,
    )
