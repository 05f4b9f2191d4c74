"""Tasks of the lm-eval harness as a suite: is it installed, and what do its results say?

mlx-lm runs it (``mlx_lm.evaluate``) and writes the table ``results`` as JSON: the name of a task to
``{"acc,none": 0.5, "acc_stderr,none": 0.11, "sample_len": 20, …}``. There are no rows in it, so
nothing can be paired; which way is better it does not say either.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from engine.judge.estimate import Limits
from engine.judge.stats import z_of
from engine.records.evaluation import Interval

CONFIDENCE = 0.95

INSTALL = (
    "Install it where factory-tui is installed: pip install 'factory-tui[lm-eval]' "
    "(or: pip install 'lm_eval>=0.4.10,<0.5')."
)

_SHARES_OF_RIGHT = ("acc", "exact_match")
"""Metrics that are the mean over examples of right (1) and wrong (0)."""


class HarnessError(Exception):
    """The harness is not there, or what it wrote cannot be used; a sentence."""


def harness_version() -> str:
    """The version of lm-eval that would run. HarnessError says what to install."""
    if find_spec("lm_eval") is None:
        raise HarnessError(f"lm-eval is not installed. {INSTALL}")
    try:
        return metadata.version("lm_eval")
    except metadata.PackageNotFoundError as error:
        raise HarnessError(
            f"lm-eval is there, but not as a package of its own. {INSTALL}"
        ) from error


def read_results(text: str, tasks: Sequence[str], metric: str) -> dict[str, Any]:
    """What of an EvalResult the results of some tasks say: the mean of ``metric`` over the tasks.

    The interval is normal, from the standard errors that the harness gives: their root of summed
    squares over the number of tasks, since tasks are independent samples. ``n`` counts examples.
    What the harness does not give is None. HarnessError for a task or a metric that is not there.
    """
    table = _table(text)
    scores, errors, counts, slices = [], [], [], {}
    for task in tasks:
        found = table.get(task)
        if not isinstance(found, dict):
            raise HarnessError(
                f"The results have no task {task}; they have {', '.join(table) or 'none'}."
            )
        scores.append(_score(task, found, metric))
        errors.append(_number(found.get(_stderr_of(metric))))
        count = found.get("sample_len")
        counts.append(count if type(count) is int and count > 0 else None)
        slices[task] = {"score": scores[-1], **({"n": counts[-1]} if counts[-1] else {})}
    score = math.fsum(scores) / len(scores)
    right_or_wrong = metric.partition(",")[0] in _SHARES_OF_RIGHT
    return {
        "score": score,
        "n": None if None in counts else sum(filter(None, counts)),
        "metric": "accuracy" if right_or_wrong else metric,
        "interval": _interval(score, errors, (0.0, 1.0) if right_or_wrong else None),
        "slices": slices if all("n" in one for one in slices.values()) else {},
    }


def _table(text: str) -> dict[str, Any]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HarnessError("What the harness wrote is not JSON.") from error
    if not isinstance(table, dict):
        raise HarnessError("What the harness wrote is no table of results.")
    return table


def _score(task: str, found: dict[str, Any], metric: str) -> float:
    score = _number(found.get(metric))
    if score is not None:
        return score
    known = [name for name, value in found.items() if "," in name and _number(value) is not None]
    metrics = [name for name in known if "_stderr," not in name]
    raise HarnessError(
        f"The task {task} has no number {metric}; it has {', '.join(metrics) or 'none'}."
    )


def _stderr_of(metric: str) -> str:
    name, comma, of = metric.partition(",")
    return f"{name}_stderr{comma}{of}"


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _interval(
    score: float, errors: Sequence[float | None], limits: Limits | None
) -> Interval | None:
    known = [one for one in errors if one is not None]
    # All right or all wrong has a standard error of 0 here, and is not that sure.
    if len(known) < len(errors) or not any(known):
        return None
    reach = z_of(CONFIDENCE) * math.sqrt(math.fsum(one * one for one in known)) / len(known)
    low, high = limits or (-math.inf, math.inf)
    return Interval(
        low=max(low, score - reach),
        high=min(high, score + reach),
        confidence=CONFIDENCE,
        method="normal, from the harness's standard errors",
    )
