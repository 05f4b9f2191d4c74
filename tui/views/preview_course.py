"""The course of a run's loss: read from its events for a preview, and drawn in a few lines."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.plain_file import open_plain
from tui.views.cells import Cell, Tone

MAX_EVENT_BYTES = 4 * 2**20
"""How much of an event stream the curve is made from: of a longer one, pieces from all over it."""

_PIECES = 32
_MAX_POINTS = 4000

_FEW = 32
"""A curve of fewer points is drawn as it is."""

_WEIGHT = 0.8
"""How much of the mean before stays at each point of the smoothed line."""

_TONES: dict[str, Tone] = {
    "smooth": "accent",
    "raw": "muted",
    "grid": "faint",
    "axis": "faint",
    "point": "warn",
    "gap": "bad",
    "mark": "muted",
}


@dataclass(slots=True)
class Course:
    """Losses in order, each at its step; the same of the validation losses."""

    steps: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    valid_steps: list[float] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)


def read_course(path: Path) -> Course:
    """The course of the train stage, else of the last stage that had one."""
    by_stage: dict[str, Course] = {}
    lines = _event_lines(path)
    for name in ("val_loss", "loss"):
        wanted = f'"{name}"'.encode()
        found = [line for line in lines if wanted in line]
        step = -(-len(found) // _MAX_POINTS) or 1
        for line in [*found[:-1:step], *found[-1:]]:
            try:
                event = json.loads(line)
                known = event["values"].get(name, ...)
                if known is ...:
                    continue
                value = math.nan if known is None else float(known)
                course = by_stage.setdefault(str(event.get("stage")), Course())
                _add(course, name, event.get("step"), value)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
    drawn = {stage: course for stage, course in by_stage.items() if course.losses}
    return drawn.get("train") or next(reversed(drawn.values()), Course())


def _add(course: Course, name: str, step: object, value: float) -> None:
    """A point at the end. A stage that went on from a checkpoint takes its steps back first."""
    steps, values = course.steps, course.losses
    if name == "val_loss":
        steps, values = course.valid_steps, course.valid
    counted = isinstance(step, int | float) and math.isfinite(step)
    at = float(step) if counted and isinstance(step, int | float) else float(len(steps))
    while steps and steps[-1] >= at:
        steps.pop()
        values.pop()
    steps.append(at)
    values.append(value)


def _event_lines(path: Path) -> list[bytes]:
    """The lines of an event stream; of a long one those of pieces spread over all of it."""
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size <= MAX_EVENT_BYTES:
                return file.read(MAX_EVENT_BYTES).split(b"\n")
            piece = MAX_EVENT_BYTES // _PIECES
            lines: list[bytes] = []
            for number in range(_PIECES):
                file.seek(number * (size - piece) // (_PIECES - 1))
                lines += file.read(piece).split(b"\n")[1:-1]
            return lines
    except OSError:
        return []


def course_chart(course: Course, width: int, height: int) -> list[list[Cell]]:
    """The losses as a chart of ``height`` lines of ``width`` cells: the raw line, the smoothed one
    over it, and a sign for each validation."""
    # The list is painted before the first curve is read, and need not wait for this.
    from tui.widgets.picture import Curve, Options, render_chart

    many = len(course.losses) >= _FEW
    curves = [Curve(course.steps, course.losses, "raw" if many else "smooth")]
    if many:
        curves.append(Curve(course.steps, smoothed(course.losses), "smooth"))
    curves.append(Curve(course.valid_steps, course.valid, "point", "points"))
    options = Options(x_unit="steps", empty="no loss was recorded")
    rows = render_chart(curves, width, height, options)
    return [[Cell(text, _TONES.get(role, "muted")) for text, role in row] for row in rows]


def smoothed(values: Sequence[float]) -> list[float]:
    """The debiased exponential mean, as Live draws it; a gap stays a gap."""
    mean, norm = 0.0, 1.0
    out = []
    for value in values:
        if math.isfinite(value):
            mean = _WEIGHT * mean + (1.0 - _WEIGHT) * value
            norm *= _WEIGHT
            out.append(mean / (1.0 - norm))
        else:
            out.append(math.nan)
    return out
