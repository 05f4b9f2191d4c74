"""Where a training stage would go on: the newest whole checkpoint in its adapter directory."""

from __future__ import annotations

from pathlib import Path

from engine.records.plan import Stage, StageKind

WHOLE = ("adapters.safetensors", "optimizer.safetensors", "state.json")
"""A checkpoint that has these is whole, see docs/architecture.md."""


def checkpoints_dir(run: Path, stage: Stage) -> Path:
    """The directory of a training stage's checkpoints."""
    adapters = str(stage.spec.get("adapter_dir", "adapters")).replace("{run}", str(run))
    return run / adapters / "checkpoints"


def newest_step(run: Path, stage: Stage) -> int | None:
    """The step of the newest whole checkpoint; None for other stages and where there is none."""
    if stage.kind is not StageKind.TRAIN:
        return None
    try:
        entries = list(checkpoints_dir(run, stage).iterdir())
    except OSError:
        return None
    steps = [
        int(path.name)
        for path in entries
        if path.name.isdecimal() and all((path / name).is_file() for name in WHOLE)
    ]
    return max(steps, default=None)
