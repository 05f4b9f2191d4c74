"""The verdicts that a list of runs shows: from the summary alone, for thousands of rows.

The screens of one run use `engine.judge.gates` with the rows; here the score is held against its
bound, and a score whose interval (Wilson, 95 %) holds the baseline cannot be told from it. Where
something else is asked for that a summary does not know, nothing passes until the judge was asked.
"""

from __future__ import annotations

from engine.catalogue.summary import RunSummary
from engine.judge import stats
from tui.views.runs_view import Verdicts


def quick_verdicts(summary: RunSummary) -> Verdicts:
    """Pass, fail or undecided for the primary score and for breadth; None without a score."""
    return Verdicts(_primary(summary), _breadth(summary))


def _primary(summary: RunSummary) -> str | None:
    score, bound = summary.primary_candidate, summary.primary_min
    if score is None:
        return None
    if bound is None:
        return "undecided"
    lower_is_better = summary.direction == "lower"
    if (score > bound) if lower_is_better else (score < bound):
        return "fail"
    before = summary.primary_baseline
    if before is None:
        return "undecided"
    better = score < before if lower_is_better else score > before
    if not better:
        return "fail"
    if not summary.n or summary.more_gates or summary.historical:
        return "undecided"
    if 0 <= score <= 1:
        low, high = stats.wilson(score * summary.n, summary.n)
        if low <= before <= high:
            return "undecided"
    return "pass"


def _breadth(summary: RunSummary) -> str | None:
    delta, bound = summary.breadth_delta_pp, summary.breadth_drop_max_pp
    if delta is None:
        return None
    if bound is None:
        return "undecided"
    # A drop as large as the bound still holds; the slack is the rounding of the subtraction.
    return "pass" if -delta <= bound + 1e-9 else "fail"
