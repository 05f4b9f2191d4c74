"""The Failures section of a report: what is wrong now, and what flipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.checks.contents import RunContents
from engine.judge.breadth import regression_files
from engine.judge.gates import BASELINE, CANDIDATE
from engine.publish.markdown import clip, escape, table
from engine.publish.numbers import NOT_RECORDED
from engine.records.evaluation import RowResult

EXAMPLES = ("Example", "Slice", "Prompt", "Expected", "Got")
"""The head of a table that holds rows of a suite."""

SHOWN = 10
"""How many failures are shown of one suite."""

_CELL = 120


def render(contents: RunContents) -> list[str]:
    """Failures of the candidate on every suite with rows, failing examples first."""
    lines = ["## Failures", ""]
    pairs = [(BASELINE, CANDIDATE), *regression_files([*contents.evals])]
    known = [(before, after) for before, after in pairs if contents.rows.get(after)]
    if not known:
        return [*lines, f"{NOT_RECORDED.capitalize()}: there are no rows of the candidate."]
    for before, after in known:
        suite = contents.evals[after].suite
        lines += [f"### {escape(suite)}", ""]
        lines += _suite(contents.rows.get(before), contents.rows[after])
        lines.append("")
    return lines[:-1]


def _suite(before: Sequence[RowResult] | None, after: Sequence[RowResult]) -> list[str]:
    wrong = [row for row in after if not row.correct]
    lines = [f"{len(wrong)} of {len(after)} examples are wrong."]
    if flipped := _flips(before, after):
        lines += ["", flipped]
    if not wrong:
        return lines
    kinds = Counter(_kind(row) for row in wrong).most_common()
    lines += ["", *table(["What is wrong", "Examples"], [[k, str(n)] for k, n in kinds], numbers=1)]
    rows = [
        [
            _cell(row.id),
            _cell(row.slice or ""),
            _cell(row.prompt),
            _cell(row.expected),
            _cell(row.got),
        ]
        for row in wrong[:SHOWN]
    ]
    shown = "" if len(wrong) <= SHOWN else f"The first {SHOWN} of {len(wrong)}:"
    lines += ["", *([shown, ""] if shown else [])]
    return lines + table(EXAMPLES, rows)


def _flips(before: Sequence[RowResult] | None, after: Sequence[RowResult]) -> str | None:
    if not before or {row.id for row in before} != {row.id for row in after}:
        return None
    was = {row.id: row.correct for row in before}
    fixed = [row.id for row in after if row.correct and not was[row.id]]
    broken = [row.id for row in after if not row.correct and was[row.id]]
    text = f"Against the baseline: {len(fixed)} fixed, {len(broken)} broken"
    if broken:
        ids = ", ".join(escape(clip(one, 40)) for one in broken[:SHOWN])
        text += f" ({ids}{', …' if len(broken) > SHOWN else ''})"
    return text + "."


def _kind(row: RowResult) -> str:
    """The class of a failure: what its error says before the values."""
    error = row.error or "another answer"
    field, compared, _ = error.partition(": expected ")
    if compared:
        error = f"{field} is wrong"
    elif error.startswith("expected "):
        error = "another answer"
    elif error.startswith("the answer is no object but"):
        error = "the answer is JSON, but no object"
    elif error.startswith("the answer is not JSON"):
        error = "the answer is not JSON"
    return escape(clip(error, 60))


def _cell(text: str) -> str:
    return escape(clip(text, _CELL))
