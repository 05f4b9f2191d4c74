"""The names of the stages of further training seeds, and of the stages that they repeat."""

from __future__ import annotations

import re

TRAIN = "train"
CANDIDATE = "eval-candidate"

_FURTHER = {re.compile(r"train-seed-\d+"): TRAIN, re.compile(r"eval-seed-\d+"): CANDIDATE}


def train_stage(seed: int) -> str:
    """The training of a further seed."""
    return f"train-seed-{seed}"


def eval_stage(seed: int) -> str:
    """The evaluation of a further seed."""
    return f"eval-seed-{seed}"


def repeats(name: str) -> str:
    """The stage that this one repeats with another seed; itself where it repeats none."""
    return next((first for form, first in _FURTHER.items() if form.fullmatch(name)), name)
