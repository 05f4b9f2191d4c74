"""From a target's settings to the input of a train stage: what MLX trains with."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.target import Target, TargetError

PATIENCE = 3
"""Validations in a row that are not better, of some twenty in a training, before it ends early."""

NOT_SETTINGS = ("model", "train", "valid", "adapter_dir", "resume_from", "compute")
"""Keys of a train spec that are wiring, not settings."""


def _rows(target: Target) -> int:
    """How many training rows a run will have, for turning epochs into iterations."""
    data = target.forge.factory.data
    if data.generator:
        return data.rows
    path = target.file(target.forge.dataset.canonical or "")
    try:
        look = path.stat()
        return max(1, _lines(path, look.st_size, look.st_mtime_ns) - data.valid_rows)
    except OSError as error:
        raise TargetError(
            f"{target.path.name}/{target.forge.dataset.canonical}: cannot be read "
            f"({error.strerror})."
        ) from error


@lru_cache(maxsize=64)
def _lines(path: Path, _size: int, _changed: int) -> int:
    """The lines of a file that are not blank; counted once for as long as it does not change."""
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def train_spec(target: Target, model: str, seed: int) -> dict[str, Any]:
    """The train stage's input: documented settings, then those of ``factory.train``."""
    forge = target.forge
    training, lora, extra = forge.training, forge.lora, dict(forge.factory.train)
    by_epochs = "iters" not in extra
    rows = _rows(target)
    iters = extra.pop("iters", iterations(rows, training.epochs_max, training.batch_size))
    if type(iters) is not int or iters < 1:
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.train.iters: {iters!r} is no number of "
            "iterations; it is a whole number from 1."
        )
    valid = {"target": "data/valid.jsonl"}
    if forge.factory.data.replay_share > 0:
        valid["breadth"] = "data/valid-breadth.jsonl"
    spec: dict[str, Any] = {
        "model": model,
        "train": "data/train.jsonl",
        "valid": valid,
        "adapter_dir": "adapters",
        "seed": seed,
        "iters": iters,
        "batch_size": training.batch_size,
        "grad_accumulation": training.gradient_accumulation_steps,
        "max_seq_len": forge.model.max_seq_len,
        "learning_rate": training.learning_rate,
        "schedule": training.lr_scheduler,
        # Warm-up counts optimizer updates, of which there is one per accumulated batch.
        "warmup_iters": round(training.warmup_ratio * iters / training.gradient_accumulation_steps),
        "optimizer": "adamw" if training.weight_decay > 0 else "adam",
        "weight_decay": training.weight_decay,
        "num_layers": -1,
        "lora": {
            "rank": lora.r,
            # mlx-lm knows no alpha: its scale is alpha / r.
            "scale": lora.alpha / lora.r,
            "dropout": lora.dropout,
            "keys": list(lora.target_modules),
        },
        "mask_prompt": True,
        "report_every": max(1, min(10, iters // 100)),
        "eval_every": max(1, iters // 20),
        "save_every": max(1, iters // 10),
        "keep_checkpoints": 2,
        "keep_best": True,
        "early_stop": _early_stop(target, rows) if by_epochs else None,
        "grad_checkpoint": False,
        "resume_from": None,
    }
    early, own = spec["early_stop"], extra.get("early_stop")
    if early is not None and isinstance(own, dict):
        extra["early_stop"] = {**early, **own}
    unknown = sorted(set(extra) - set(spec))
    if unknown:
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.train has no setting {', '.join(unknown)}; "
            f"it knows {', '.join(key for key in spec if key not in NOT_SETTINGS)}."
        )
    return spec | extra


def iterations(rows: int, epochs: float, batch_size: int) -> int:
    """Batches in so many times through the rows."""
    return math.ceil(rows * epochs / batch_size)


def _early_stop(target: Target, rows: int) -> dict[str, Any] | None:
    """What ``epochs_min`` means: training may end between it and ``epochs_max``, once the
    validation loss does not fall any more. None where there is nothing between them."""
    training = target.forge.training
    if training.epochs_min >= training.epochs_max:
        return None
    earliest = iterations(rows, training.epochs_min, training.batch_size)
    return {"patience": PATIENCE, "min_delta": 0.0, "earliest": earliest}
