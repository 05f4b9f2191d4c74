"""The names of a model's modules, from its files alone, and the ones nearest to a wrong name.

``forge.yaml`` names modules by their last part (``q_proj``); mlx-lm knows them by their place in a
layer (``self_attn.q_proj``).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.plain_file import read_plain
from engine.weights import MAX_CONFIG_BYTES, HeaderError, read_header

_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
"""Of a model with these, mlx-lm renames what the files hold."""


def last_names(model: Path) -> set[str]:
    """The last parts of the names of a model's matrices, as its files have them.

    Empty where the files cannot be read, or where mlx-lm gives the modules other names.
    """
    try:
        config = json.loads(read_plain(model / "config.json", MAX_CONFIG_BYTES))
        headers = [read_header(file) for file in sorted(model.glob("*.safetensors"))]
    except (OSError, ValueError, RecursionError, HeaderError):
        return set()
    if not isinstance(config, dict) or any(config.get(name) for name in _EXPERTS):
        return set()
    return {
        name.removesuffix(".weight").rpartition(".")[2]
        for header in headers
        for name, entry in header.items()
        if name.endswith(".weight") and isinstance(entry, dict) and len(entry.get("shape", ())) > 1
    }


def unknown_in(model: Path, asked: Iterable[str]) -> tuple[list[str], list[str]]:
    """The asked names that no matrix of the model ends with, and the names that there are; nothing
    where the model's files do not say."""
    there = sorted(last_names(model))
    if not there:
        return [], []
    return [name for name in asked if name.rpartition(".")[2] not in there], there


def nearest(unknown: Sequence[str], there: Sequence[str]) -> str:
    """ " Did you mean …?" for the names that have one close by; empty where none has."""
    by_last = {name.rpartition(".")[2]: name for name in there}
    meant = []
    for name in unknown:
        near = difflib.get_close_matches(name, there, n=1, cutoff=0.6)
        last = difflib.get_close_matches(name.rpartition(".")[2], list(by_last), n=1, cutoff=0.6)
        meant += near or [by_last[one] for one in last]
    return f" Did you mean {', '.join(dict.fromkeys(meant))}?" if meant else ""
