"""The files below ``output/`` that flywheels leave, ours and other tools': read forgivingly.

Forms differ from tool to tool and from version to version. What is not there, is cut off or is of
another shape is None or left out, never a zero and never an error.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.plain_file import read_plain

OUTPUT = "output"
BEST_SCORE = "best_score.json"
HEARTBEAT = "flywheel_heartbeat.json"
EXPERIMENTS = "experiments.jsonl"
EVAL_RESULTS = "eval_results.json"
EVAL_FAILURES = "eval_failures.jsonl"

MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Best:
    """``best_score.json``. ``accuracy`` in [0, 1]; ``adapter`` relative to the target's folder;
    ``judged_on`` is what the file says, None where it says nothing (other tools judge on gold)."""

    accuracy: float | None
    iteration: int | None = None
    correct: int | None = None
    total: int | None = None
    safety_violations: int | None = None
    adapter: str | None = None
    when: datetime | None = None
    judged_on: str | None = None
    loop: str | None = None
    run: str | None = None
    forced: str | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """``flywheel_heartbeat.json``: status is running, completed, error or cancelled."""

    status: str
    iteration: int | None = None
    accuracy: float | None = None
    error: str | None = None
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """A line of ``experiments.jsonl``."""

    iteration: int | None
    accuracy: float | None
    outcome: str | None
    hypothesis: str | None
    is_new_best: bool | None = None
    train_rows: int | None = None
    when: datetime | None = None
    loop: str | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong answers of the last evaluation that wrote them down. ``on_dev`` is whether the files
    say that they are of the dev suite: any others may be gold's."""

    file: str
    rows: tuple[Mapping[str, Any], ...]
    on_dev: bool


def best_in(target: Path) -> Best | None:
    """The best score that is written down; None where there is none."""
    found = _object(target / OUTPUT / BEST_SCORE)
    if not found:
        return None
    adapter = text(found.get("adapter_dir")) or text(found.get("snapshot"))
    return Best(
        accuracy=share(found.get("accuracy")),
        iteration=whole(found.get("iteration")),
        correct=whole(found.get("correct")),
        total=whole(found.get("total")),
        safety_violations=whole(found.get("safety_violations")),
        adapter=_inside(target, adapter),
        when=moment(found.get("timestamp")) or moment(found.get("eval_timestamp")),
        judged_on=text(found.get("judged_on")),
        loop=text(found.get("loop")),
        run=text(found.get("run")),
        forced=text(found.get("forced")),
    )


def evaluated_in(target: Path, after: Path) -> Best | None:
    """What ``eval_results.json`` says, where it is younger than the newest file of ``after``; None
    where it holds no score, or is older: it is of another adapter then."""
    file = target / OUTPUT / EVAL_RESULTS
    try:
        newest = max(one.stat().st_mtime for one in after.iterdir() if one.is_file())
        if file.stat().st_mtime < newest:
            return None
    except (OSError, ValueError):
        return None
    found = _object(file)
    accuracy = share(found.get("accuracy"))
    if accuracy is None:
        return None
    return Best(
        accuracy,
        correct=whole(found.get("correct")),
        total=whole(found.get("total")),
        safety_violations=whole(found.get("safety_violations")),
        judged_on=text(found.get("judged_on")),
    )


def beat_in(target: Path) -> Beat | None:
    """The heartbeat; None where there is none."""
    found = _object(target / OUTPUT / HEARTBEAT)
    status = text(found.get("status"))
    if status is None:
        return None
    return Beat(
        status,
        whole(found.get("iteration")),
        share(found.get("accuracy")),
        text(found.get("error")),
        moment(found.get("timestamp")),
    )


def experiments_in(target: Path) -> list[Experiment]:
    """The iterations that are written down, oldest first."""
    return [
        Experiment(
            iteration=whole(one.get("iteration")),
            accuracy=share(one.get("accuracy")),
            outcome=text(one.get("outcome")),
            hypothesis=text(one.get("hypothesis")),
            is_new_best=one["is_new_best"] if isinstance(one.get("is_new_best"), bool) else None,
            train_rows=whole(one.get("train_examples")),
            when=moment(one.get("timestamp")),
            loop=text(one.get("loop")),
        )
        for one in _lines(target / OUTPUT / EXPERIMENTS)
    ]


def failures_in(target: Path) -> Failures | None:
    """The newest failures; None where no file holds any.

    Read are ``eval_failures.jsonl``, ``failures_*.json`` and the failures of
    ``eval_results.json``, the newest file of them.
    """
    output = target / OUTPUT
    try:
        files = [*output.glob("failures_*.json"), output / EVAL_FAILURES, output / EVAL_RESULTS]
        dated = [(file.stat().st_mtime_ns, file) for file in files if file.is_file()]
    except OSError:
        return None
    results = _object(output / EVAL_RESULTS)
    on_dev = _listed(results) if text(results.get("judged_on")) == "dev" else []
    for _, file in sorted(dated, reverse=True):
        rows = list(_lines(file)) if file.suffix == ".jsonl" else _listed(_object(file))
        if rows:
            return Failures(file.name, tuple(rows), rows == on_dev)
    return None


def _listed(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = found.get("failures")
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []


# --- values ------------------------------------------------------------------------------


def share(value: Any) -> float | None:
    """A number in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= 1 else None


def whole(value: Any) -> int | None:
    """A whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) and value >= 0 else None


def text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def moment(value: Any) -> datetime | None:
    """A time; one without a zone is taken for UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _inside(target: Path, name: str | None) -> str | None:
    """A folder of the target, relative to it: tools write it absolute, relative to the target or
    to ``output/``."""
    if name is None:
        return None
    for base in (target, target / OUTPUT):
        # By its name: output/ itself may be a link to a larger disk.
        path = Path(os.path.normpath(base / name))
        if path.is_dir() and path.is_relative_to(target) and path != target:
            return str(path.relative_to(target))
    return None


def _object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_plain(file, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    try:
        data = read_plain(file, MAX_BYTES)
    except OSError:
        return
    for line in data.split(b"\n"):
        try:
            found = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found
