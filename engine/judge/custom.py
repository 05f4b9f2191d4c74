"""What the ``score(expected, actual)`` of a target's ``scorer.py`` may return, as a score.

Running it is ``engine.custom_scorer``'s; this is what its answer means.
"""

from __future__ import annotations

import math
from typing import Any

from engine.judge.answers import show
from engine.judge.score import EMPTY, Score, ScorerError, partly, right, wrong

_WRONG = "scorer.py says it is wrong"
_MAX_ERROR = 300


def score_of(value: Any, got: str) -> Score:
    """The score that a value means.

    A bool is right or wrong; a number in [0, 1] is the score, and 1 is right; an object has
    ``correct`` (a bool), and may have ``error`` (why not) and ``score`` (a number in [0, 1], else 1
    or 0). An answer that holds nothing is wrong whatever was returned. ScorerError for anything
    else: a ruler that returns nothing must not look like a model that knows nothing.
    """
    found = _read(value)
    if not got.strip():
        return wrong(EMPTY, parsed=False)
    return found


def _read(value: Any) -> Score:
    if isinstance(value, bool):
        return right() if value else wrong(_WRONG)
    if isinstance(value, int | float):
        return partly(_share(value), f"scorer.py gives {value:.4g}")
    if isinstance(value, dict) and isinstance(value.get("correct"), bool):
        correct, error = value["correct"], value.get("error")
        if error is not None and not isinstance(error, str):
            raise ScorerError(f'scorer.py returned an "error" that is no text: {show(error)}')
        share = _share(value["score"]) if value.get("score") is not None else float(correct)
        if correct:
            return Score(share, True)
        said = (error or "").encode("utf-8", "replace").decode().strip()[:_MAX_ERROR]
        return Score(share, False, said or _WRONG)
    raise ScorerError(
        f"scorer.py returned {show(value)}; it must return a bool, a number from 0 to 1, "
        'or {"correct": bool, "error": text}'
    )


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScorerError(f"scorer.py returned the score {show(value)}, which is no number")
    if not 0 <= value <= 1:
        raise ScorerError(f"scorer.py returned the score {value:g}; it must lie from 0 to 1")
    return float(value)
