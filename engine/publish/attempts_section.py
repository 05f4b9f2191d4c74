"""The attempts of a report: the runs at the same target up to this one, as a table."""

from __future__ import annotations

from engine.publish.attempts import Attempts
from engine.publish.markdown import clip, escape, table
from engine.publish.numbers import NOT_RECORDED

_CELL = 240


def render(attempts: Attempts) -> list[str]:
    """What was tried and what came of it; no line where no run is known."""
    if not attempts.runs:
        return []
    rows = []
    for one in attempts.runs:
        outcome = f"{one.outcome}, routed" if one.routed else one.outcome
        cells = (one.what, one.result, outcome, one.reason, one.confidence, one.lesson)
        name = f"{escape(one.run_id)} (this run)" if one.this else escape(one.run_id)
        rows.append([name, *(escape(clip(cell, _CELL)) or NOT_RECORDED for cell in cells)])
    header = ["Run", "Method", "Result", "Decision", "Reason", "Confidence", "Lesson"]
    lines = ["### Attempts", "", *table(header, rows)]
    if attempts.left_out:
        lines += ["", f"{attempts.left_out} older attempts are not shown."]
    return lines
