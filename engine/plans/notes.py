"""What a person should know of a plan: what forge.yaml asks for that MLX does in its own way."""

from __future__ import annotations

import sys

from engine.plans.conversion import note_of
from engine.plans.stages import Base
from engine.target import Target

OURS = ("auto", "cpu", "gpu", "metal", "mlx", "mps")
"""Values of compute.device that say nothing else than what happens."""


def notes(target: Target, base: Base) -> tuple[str, ...]:
    """A sentence for each of these things."""
    found = [_device(target), _remote(target), note_of(base), _epochs(target)]
    return tuple(one for one in found if one is not None)


def _device(target: Target) -> str | None:
    compute = target.forge.compute
    written = "device" in compute.model_fields_set
    if not written or compute.device.strip().casefold() in OURS:
        return None
    on = "this machine's GPU (Metal)" if sys.platform == "darwin" else "what this machine has"
    return f"compute.device: {compute.device} is for other programs; MLX computes on {on}."


def _remote(target: Target) -> str | None:
    remote = target.forge.compute.remote
    if remote is None:
        return None
    return (
        f"compute.remote: {remote} is not used; this program computes here. To compute there, "
        "start it there."
    )


def _epochs(target: Target) -> str | None:
    training = target.forge.training
    written = "epochs_min" in training.model_fields_set
    if not written or training.epochs_min <= training.epochs_max:
        return None
    return (
        f"training.epochs_min ({training.epochs_min:g}) is above epochs_max "
        f"({training.epochs_max:g}): it trains {training.epochs_max:g} epochs."
    )
