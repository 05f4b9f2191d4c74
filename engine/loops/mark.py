"""Which loop and iteration a run belongs to: the mark ``loop`` in its config.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.plain_file import read_plain

_MAX_CONFIG = 4 * 2**20


@dataclass(frozen=True, slots=True)
class LoopMark:
    """``iteration`` counts from 1; 0 comes before the first: a campaign is set up."""

    loop_id: str
    iteration: int


def mark_in(config: Mapping[str, Any]) -> LoopMark | None:
    """The mark in a config as plain JSON; None where there is none of that shape."""
    mark = config.get("loop")
    if not isinstance(mark, dict):
        return None
    loop_id, iteration = mark.get("id"), mark.get("iteration")
    if not isinstance(loop_id, str) or not loop_id or type(iteration) is not int:
        return None
    return LoopMark(loop_id, iteration)


def mark_of(run: Path) -> LoopMark | None:
    """The mark of a run folder; None where it has none, or its config cannot be read."""
    try:
        config = json.loads(read_plain(run / "config.json", _MAX_CONFIG))
    except (OSError, ValueError, RecursionError):
        return None
    return mark_in(config) if isinstance(config, dict) else None
