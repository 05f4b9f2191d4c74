"""The losses of a run's training, from its events, short enough to be drawn on a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.comparing.course import training_stage
from engine.live.glance import LONG, glance
from engine.live.history import folded
from engine.live.projected import StageView
from engine.live.projection import RunProjection
from engine.live.series import Series, Smooth
from engine.plain_file import open_plain
from engine.records.report_card import CardCurve

BUCKETS = 320
"""A curve keeps the lowest and the highest point of each of so many parts."""

WHOLE = 8 * LONG
"""A longer event log is drawn from samples of it: reading it all would take seconds."""

SMOOTH = 0.9
"""The weight of the mean before, at each point of the smoothed training loss."""

_MAX_PARTS = 4
"""Validation losses that are drawn apart."""


@dataclass(frozen=True, slots=True)
class Curves:
    """``note`` says what a reader should know of them, "" where there is nothing to say."""

    curves: list[CardCurve] = field(default_factory=list)
    note: str = ""


def loss_curves(run: Path, train_stages: Sequence[str] = ()) -> Curves:
    """The training and validation losses of the first of ``train_stages`` that reports one; without
    any, of the last stage that does. Never raises for what the event log holds."""
    path = run / "events.jsonl"
    try:
        with open_plain(path) as file:
            size = file.seek(0, 2)
    except OSError:  # not there, or not to be read: validation says so
        return Curves()
    sampled = size > WHOLE
    projection = glance(path, size) if sampled else folded(path)
    stage = None if projection is None else _stage(projection, train_stages)
    if stage is None:
        return Curves()
    curves = _curves(stage)
    notes = []
    if sampled:
        notes.append("The event log is long: the curve is drawn from samples of it.")
    gaps = sum(math.isnan(value) for value in stage.series.get("loss", Series()).value)
    if gaps:
        notes.append("Where the line breaks, the loss was not a number (NaN).")
    return Curves(curves, " ".join(notes))


def _stage(projection: RunProjection, names: Sequence[str]) -> StageView | None:
    for name in names:
        stage = projection.stages.get(name)
        if stage is not None and "loss" in stage.series:
            return stage
    found = training_stage(projection, "loss")
    return found if found is not None and "loss" in found.series else None


def _curves(stage: StageView) -> list[CardCurve]:
    loss = stage.series["loss"]
    found = [_curve("training", loss)]
    if len(loss) > 2 * int(1 / (1 - SMOOTH)):
        smoothed = Smooth(loss, SMOOTH).update()
        steps, values = decimate(list(loss.step), list(smoothed))
        found.append(CardCurve(name="training, smoothed", steps=steps, values=values))
    if "val_loss" in stage.series:
        found.append(_curve("validation", stage.series["val_loss"]))
    parts = sorted(name for name in stage.series if name.startswith("val_loss/"))
    for name in parts[:_MAX_PARTS]:
        found.append(_curve(f"validation: {name.partition('/')[2]}", stage.series[name]))
    return found


def _curve(name: str, series: Series) -> CardCurve:
    steps, values = decimate(list(series.step), list(series.value))
    return CardCurve(name=name, steps=steps, values=values, points=series.count)


def decimate(
    steps: Sequence[float], values: Sequence[float], buckets: int = BUCKETS
) -> tuple[list[float], list[float | None]]:
    """At most some three points of each of ``buckets`` parts: the lowest, the highest, and one gap
    where a value is no number. The first and the last point stay."""
    n = len(values)
    if n <= 3 * buckets:
        chosen = list(range(n))
    else:
        keep = {0, n - 1}
        for bucket in range(buckets):
            some = range(n * bucket // buckets, n * (bucket + 1) // buckets)
            real = [at for at in some if math.isfinite(values[at])]
            if real:
                keep |= {min(real, key=values.__getitem__), max(real, key=values.__getitem__)}
            if len(real) < len(some):
                keep.add(next(at for at in some if not math.isfinite(values[at])))
        chosen = sorted(keep)
    return (
        [float(steps[at]) for at in chosen],
        [_rounded(values[at]) for at in chosen],
    )


def _rounded(value: float) -> float | None:
    """Six digits are more than a picture shows; None for what is no number."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
