"""What is said of the times of single answers: median, 95th percentile, and a fair sample."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Sequence
from typing import Any

FEWEST_FOR_P95 = 20
"""Below so many values a 95th percentile is only another name for the largest."""


def median(values: Sequence[float]) -> float | None:
    """The middle value (the mean of the two middle ones); None of none."""
    return statistics.median(values) if values else None


def p95(values: Sequence[float]) -> float | None:
    """The 95th percentile by nearest rank: the smallest value that 95 % do not exceed.

    ``sorted[ceil(0.95 n)]``, counted from 1, so it is a time that really occurred. None for fewer
    than FEWEST_FOR_P95 values.
    """
    if len(values) < FEWEST_FOR_P95:
        return None
    # In whole numbers: 0.95 * 20 is not 19 in binary.
    return sorted(values)[math.ceil(95 * len(values) / 100) - 1]


def evenly_spread(total: int, wanted: int) -> list[int]:
    """``wanted`` of the places 0 … ``total`` - 1, evenly spread, always the same ones; all of them
    where there are no more. Each lies in the middle of its part."""
    count = min(total, wanted)
    return [(2 * place + 1) * total // (2 * count) for place in range(count)]


def sample_sha256(prompts: Sequence[Sequence[Any]]) -> str:
    """The hash of some prompts (chat turns each): the same hash is the same sample."""
    text = json.dumps(prompts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
