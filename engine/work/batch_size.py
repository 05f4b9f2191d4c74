"""How many prompts are answered together, where nobody says: as many as help and as fit."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import psutil
from mlx_lm.models.cache import make_prompt_cache

MOST = 128
"""More rows at a time gain nothing more on a CPU, and little on a Mac."""

SHARE = 0.5
"""Of the memory that is free, what the caches of a batch may take."""

COPIES = 2
"""A cache that grows, or that rows join, is there twice for a moment."""

LOGITS = 3
"""So many arrays of a row's logits are there at a time."""


def chosen(model: Any, lengths: Sequence[int], max_new_tokens: int) -> int:
    """Rows at a time for prompts of these ``lengths`` in tokens: from 1 to ``MOST``.

    Every row counts as the longest one with a full answer, so that memory holds in the worst case.
    """
    row = COPIES * row_bytes(model, max(lengths, default=0) + max_new_tokens)
    return max(1, min(MOST, len(lengths), int(SHARE * free_bytes() / row)))


def row_bytes(model: Any, tokens: int) -> float:
    """Memory of one row of ``tokens`` tokens: its cache in every layer, and its logits."""
    cache = make_prompt_cache(model)
    # Never computed: the shapes are all that is looked at.
    logits = model(mx.array([[0]]), cache=cache)
    total = float(LOGITS * logits.nbytes)
    for layer in cache:
        # Caches that grow do so by ``step`` tokens; one that does not has its size from the start.
        step = getattr(layer, "step", None)
        total += layer.nbytes * tokens / step if step else layer.nbytes
    return total


def free_bytes() -> float:
    """Memory that a process may still take here: what the system has, on a Mac no more than what
    Metal recommends, on a CUDA card what the card has."""
    free = float(psutil.virtual_memory().available)
    info = (getattr(mx, "device_info", None) or mx.metal.device_info)()
    if platform.system() == "Darwin":
        recommended = info.get("max_recommended_working_set_size")
        if recommended:
            free = min(free, max(0.0, float(recommended) - mx.get_active_memory()))
    elif info.get("free_memory"):
        free = float(info["free_memory"]) + mx.get_cache_memory()
    return free
