"""What a run's events say about its training as single numbers: speed, time, last losses."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from statistics import median

from engine.live.projected import StageView
from engine.live.projection import RunProjection
from engine.live.series import Series

_SAMPLE = 1_024
"""A median is taken of at most so many points, evenly spaced."""


@dataclass(frozen=True, slots=True)
class Course:
    """None is "not recorded". Times are seconds of work, without those between two attempts."""

    stage: str | None = None
    steps: float | None = None
    tok_s: float | None = None
    """The median of the tokens a second."""
    train_s: float | None = None
    loss: float | None = None
    """The last training loss that is a number."""
    val_loss: float | None = None
    """The lowest validation loss."""
    running: bool = False


def course_of(projection: RunProjection) -> Course:
    """The course of the stage that trains; nothing recorded where none reports a loss."""
    stage = training_stage(projection)
    if stage is None:
        return Course()
    loss, validation = stage.series.get("loss"), stage.series.get("val_loss")
    lowest = validation.extremes(0, len(validation)) if validation is not None else None
    done = stage.state in ("done", "reused")
    return Course(
        stage=stage.name,
        steps=stage.step or None,
        tok_s=_median(stage.series.get("tok_s")),
        train_s=stage.spent_s if done and stage.spent_s > 0 else None,
        loss=loss.last_finite() if loss is not None else None,
        val_loss=lowest[0] if lowest is not None else None,
        running=stage.state == "running",
    )


def training_stage(projection: RunProjection, metric: str | None = None) -> StageView | None:
    """The last stage that reports a metric; without one, the last that is charted at all."""
    for name in reversed(projection.charted()):
        stage = projection.stages[name]
        if metric is None or metric in stage.series:
            return stage
    if metric is not None:
        for stage in reversed(projection.stages.values()):
            if metric in stage.series:
                return stage
    return None


def _median(series: Series | None) -> float | None:
    if series is None or not len(series):
        return None
    every = max(1, len(series) // _SAMPLE)
    numbers = array("d", (value for value in series.value[::every] if value == value))
    return median(numbers) if numbers else None
