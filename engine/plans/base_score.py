"""What the base model scores on a suite, as the newest run knows it that measured just that."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from engine.checks.tried import runs_on
from engine.plain_file import read_plain
from engine.records.run import RunConfig

_MAX_BYTES = 4 * 2**20
_LOOKED_AT = 20
"""So many of the newest runs on the suite are asked."""


def known_base_score(runs: Path, config: RunConfig) -> float | None:
    """The score of ``config``'s base model on its primary suite's very file, below ``runs``.

    None where no run measured it. Reads files: not for a screen's own thread.
    """
    gold = config.eval.suites.get(config.eval.primary)
    if gold is None:
        return None
    names = sorted((one.run for one in runs_on(runs, gold)), reverse=True)[:_LOOKED_AT]
    for name in names:
        base = _read(runs / name / "config.json").get("base_model")
        record = _read(runs / name / "eval-baseline.json")
        same = isinstance(base, dict) and base.get("id") == config.base_model.id
        score = _number(record.get("score"))
        if same and record.get("suite_sha256") == gold and score is not None:
            return score
    return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_plain(path, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}  # an expectation needs no complaint
    return value if isinstance(value, dict) else {}
