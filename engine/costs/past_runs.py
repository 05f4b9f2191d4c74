"""What earlier runs of a model or a target cost, from their folders. Reads files: for a thread."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.costs.bench_store import same_machine, this_machine
from engine.plain_file import open_plain, read_plain
from engine.records.provenance import Machine
from engine.workspace import Workspace

MAX_LOOKED = 300
"""Run folders that are looked at, the newest; a workspace may have thousands."""

MAX_FOUND = 20
_MAX_JSON = 4 * 2**20
_HEAD_BYTES = 2 * 2**20
_TAIL_BYTES = 64 * 2**10

_ROWS = re.compile(r"([\d,]+) rows of (\d+) tokens on average, (\d+) at most")
_LAYERS = re.compile(r"in the last (\d+) layers")


@dataclass(frozen=True, slots=True)
class PastRun:
    """A training that was done: its shape, and what it cost. None is "not recorded".

    ``steps`` were taken in ``train_seconds``, loading and validations among them; ``peak_bytes``
    is of its process tree; ``mlx_bytes`` the part of it that MLX held. ``stage_seconds`` is of
    all stages that were done.
    """

    run_id: str
    target: str
    base_id: str
    base_revision: str | None
    created: datetime | None
    here: bool
    """Whether it ran on this machine."""
    steps: int
    batch_size: int
    train_seconds: float
    grad_checkpoint: bool = False
    layers: int | None = None
    mean_tokens: float | None = None
    longest_tokens: float | None = None
    peak_bytes: float | None = None
    mlx_bytes: float | None = None
    stage_seconds: dict[str, float] = field(default_factory=dict)


def past_runs(workspace: Workspace, target: str, base_id: str) -> list[PastRun]:
    """Trainings of that target or of that base model, newest first; broken folders are skipped."""
    found: list[PastRun] = []
    for looked, path in enumerate(workspace.run_paths()):
        if looked >= MAX_LOOKED or len(found) >= MAX_FOUND:
            break
        config = _json(path / "config.json")
        base = _dict(config.get("base_model"))
        if target != config.get("target") and base_id != base.get("id"):
            continue
        run = _past_run(path, config, base)
        if run is not None:
            found.append(run)
    return found


def _past_run(path: Path, config: dict[str, Any], base: dict[str, Any]) -> PastRun | None:
    """The training of a run that took every one of its steps here; None for anything else."""
    stages = _dict(_json(path / "run-status.json").get("stages"))
    train = _dict(stages.get("train"))
    settings = _dict(config.get("hyperparameters"))
    seconds = _seconds(train)
    batch = _int(settings.get("batch_size"))
    # A training that was taken up again has no clock of its own for all of its steps.
    if train.get("state") != "done" or seconds is None or not batch:
        return None
    if (_int(train.get("attempts")) or 1) > 1 or (path / "ranks.json").exists():
        return None  # nor does a group of machines say what one of them takes
    steps = _last_step(path) or _int(settings.get("iters"))
    if not steps:
        return None
    head = _head(path)
    rows, layers = _ROWS.search(head), _LAYERS.search(head)
    mlx = _int(train.get("peak_mlx_bytes"))
    tree = _int(train.get("peak_tree_rss_bytes")) or _int(train.get("peak_process_rss_bytes"))
    return PastRun(
        run_id=path.name,
        target=str(config.get("target")),
        base_id=str(base.get("id")),
        base_revision=_text(base.get("revision")),
        created=_time(config.get("created")),
        here=_here(path),
        steps=steps,
        batch_size=batch,
        train_seconds=seconds,
        grad_checkpoint=settings.get("grad_checkpoint") is True,
        layers=int(layers[1]) if layers else None,
        mean_tokens=float(rows[2]) if rows else None,
        longest_tokens=float(rows[3]) if rows else None,
        # On Metal the resident size counts only a part of what MLX holds.
        peak_bytes=max(tree, mlx or 0) if tree else mlx,
        mlx_bytes=mlx,
        stage_seconds={
            name: one for name, stage in stages.items() if (one := _seconds(_dict(stage)))
        },
    )


def _here(path: Path) -> bool:
    try:
        about = Machine.model_validate(_json(path / "provenance.json").get("machine"))
    except ValueError:
        return False
    return same_machine(about, this_machine())


def _head(path: Path) -> str:
    """The sentence in which the training said what it trains; "" where it did not."""
    try:
        with open_plain(path / "events.jsonl") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    for line in head.split(b"\n"):
        if b'"code":"train"' in line:
            return str(_parse(line).get("text", ""))
    return ""


def _last_step(path: Path) -> int | None:
    """The step of the last checkpoint of a training that ended: fewer than planned, if early."""
    try:
        with open_plain(path / "events.jsonl") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read(_TAIL_BYTES)
    except OSError:
        return None
    for line in reversed(tail.split(b"\n")):
        if b'"reason":"final"' in line and (event := _parse(line)).get("stage") == "train":
            return _int(event.get("step"))
    return None


def _json(path: Path) -> dict[str, Any]:
    try:
        return _parse(read_plain(path, _MAX_JSON))
    except OSError:
        return {}


def _parse(text: bytes) -> dict[str, Any]:
    try:
        return _dict(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _int(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 < value < 2**62 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _seconds(stage: dict[str, Any]) -> float | None:
    """How long a stage that is done took, on the clock of its machine."""
    begin, end = _time(stage.get("started")), _time(stage.get("ended"))
    if stage.get("state") != "done" or begin is None or end is None:
        return None
    try:
        seconds = (end - begin).total_seconds()
    except TypeError:  # one of them has a zone, the other none
        return None
    return seconds if seconds > 0 else None
