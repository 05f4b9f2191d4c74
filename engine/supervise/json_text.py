"""A line of JSON that a program printed → a metric event. Pure; never raises.

``{"step": 10, "loss": 0.5, "my_number": 3}``: the step is under ``step``, ``iter`` or
``iteration``, every other number is a metric under its own name; the names that mlx-lm's
callbacks and common training scripts use are translated to ours.
"""

from __future__ import annotations

import json
import math
from typing import Any

from engine.records.events import encode_number

STEP_KEYS = ("step", "iter", "iteration")
TOTAL_KEYS = ("total_steps", "max_steps", "total_iters", "iters")
_MAX_STEP = 2**53
"""Beyond this a float no longer counts by ones."""

_OURS = {
    "train_loss": ("loss", 1.0),
    "lr": ("learning_rate", 1.0),
    "iterations_per_second": ("it_s", 1.0),
    "tokens_per_second": ("tok_s", 1.0),
    "trained_tokens": ("tokens", 1.0),
    "peak_memory": ("mlx_peak_bytes", 1e9),
}
_WORDS = {"nan": math.nan, "inf": math.inf, "infinity": math.inf, "-inf": -math.inf}


def read_json_line(line: str) -> list[dict[str, Any]]:
    """The metric (and progress) of one line, [] for everything else."""
    text = line.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    step = next((whole for key in STEP_KEYS if (whole := _step(value.get(key))) is not None), None)
    if step is None:
        return []
    values: dict[str, Any] = {}
    for key, item in value.items():
        if key in STEP_KEYS or key in TOTAL_KEYS:
            continue
        number = _number(item)
        if number is not None:
            name, unit = _OURS.get(key, (key, 1.0))
            values[name] = encode_number(number * unit)
    events: list[dict[str, Any]] = []
    if values:
        events.append({"kind": "metric", "step": step, "values": values})
    total = next(
        (whole for key in TOTAL_KEYS if (whole := _step(value.get(key))) is not None), None
    )
    if total is not None:
        events.append({"kind": "progress", "done": step, "total": total, "unit": "steps"})
    return events


def _step(value: object) -> int | None:
    number = _number(value)
    if number is None or not 0 <= number <= _MAX_STEP:
        return None
    return int(number)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return _WORDS.get(value.lower())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
