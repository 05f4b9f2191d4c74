"""The Eval and Slice Metrics sections of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.checks.contents import RunContents
from engine.judge.breadth import Comparison, regression_files
from engine.judge.gates import (
    BASELINE,
    BREADTH_DROP,
    CANDIDATE,
    PRIMARY_MIN,
    Gate,
    score_interval,
)
from engine.publish.markdown import escape, table
from engine.publish.numbers import NOT_RECORDED, delta, interval, score
from engine.records.evaluation import Direction, EvalResult


def render(contents: RunContents) -> list[str]:
    """The scores before and after, and every gate with its reason."""
    gates = {gate.name: gate for gate in contents.gates}
    rows = [_row(contents, BASELINE, CANDIDATE, gates.get(PRIMARY_MIN))]
    for baseline, candidate in regression_files([*contents.evals]):
        rows.append(_row(contents, baseline, candidate, gates.get(BREADTH_DROP)))
    lines = ["## Eval", ""]
    lines += table(["Metric", "Baseline", "Candidate", "Delta", "Pass"], rows)
    lines += ["", "In brackets: 95 % intervals.", "", *_forbidden(contents)]
    if not gates:
        return [*lines, "There are no gates: config.json is missing or cannot be read."]
    verdicts = [
        [
            gate.title,
            gate.bound_text,
            gate.value_text,
            gate.interval_text,
            str(gate.verdict),
            escape(gate.reason),
        ]
        for gate in gates.values()
    ]
    return lines + table(["Gate", "Bound", "Value", "95 % interval", "Verdict", "Why"], verdicts)


def _forbidden(contents: RunContents) -> list[str]:
    """How many answers held a forbidden command, where any is forbidden."""
    counted = [
        f"{record.safety_violations} in {escape(file)}"
        for file, record in sorted(contents.evals.items())
        if record.safety_violations is not None
    ]
    return [f"Answers with a forbidden command: {', '.join(counted)}.", ""] if counted else []


def _row(contents: RunContents, baseline: str, candidate: str, gate: Gate | None) -> list[str]:
    before, after = contents.evals.get(baseline), contents.evals.get(candidate)
    one = after or before
    passed = "no bound" if gate is None else str(gate.verdict)
    if one is None:
        name = contents.config.eval.primary if contents.config else "primary"
        return [escape(name), NOT_RECORDED, NOT_RECORDED, NOT_RECORDED, passed]
    return [
        _label(one, before, after),
        _score(contents, baseline, before),
        _score(contents, candidate, after),
        _delta(contents, baseline, candidate),
        passed,
    ]


def _label(one: EvalResult, before: EvalResult | None, after: EvalResult | None) -> str:
    name = escape(one.suite)
    if one.metric:
        name += f", {escape(one.metric)}"
    counts = [str(record.n) for record in (before, after) if record and record.n is not None]
    if counts:
        name += f", n = {' and '.join(dict.fromkeys(counts))}"
    return name


def _score(contents: RunContents, file: str, record: EvalResult | None) -> str:
    if record is None:
        return NOT_RECORDED
    return score(record.score) + interval(score_interval(record, contents.rows.get(file)))


def _delta(contents: RunContents, baseline: str, candidate: str) -> str:
    before, after = contents.evals.get(baseline), contents.evals.get(candidate)
    if before is None or after is None:
        return NOT_RECORDED
    pair = Comparison(
        before,
        after,
        contents.rows.get(baseline),
        contents.rows.get(candidate),
        _direction(contents, after),
    )
    if pair.mismatch:
        return "not comparable"
    bounds = pair.gain_interval
    if bounds is not None and pair.direction == "lower":
        bounds = -bounds[1], -bounds[0]
    return delta(before.score, after.score) + interval(bounds, signed=True)


def _direction(contents: RunContents, record: EvalResult) -> Direction:
    default: Direction = contents.config.eval.direction if contents.config else "higher"
    return record.direction or default


def slices(contents: RunContents) -> list[str]:
    """The score of each slice of the primary suite, before and after."""
    before, after = contents.evals.get(BASELINE), contents.evals.get(CANDIDATE)
    names = [*(after.slices if after else {}), *(before.slices if before else {})]
    lines = ["## Slice Metrics", ""]
    if not names:
        return [*lines, f"{NOT_RECORDED.capitalize()}."]
    rows = []
    for name in dict.fromkeys(names):
        old = _slice(before, name)
        new = _slice(after, name)
        scores = _number(old.get("score")), _number(new.get("score"))
        count = _number(new.get("n")) or _number(old.get("n"))
        shown = NOT_RECORDED if count is None else f"{count:.0f}"
        rows.append([escape(name), shown, score(scores[0]), score(scores[1]), delta(*scores)])
    return lines + table(["Slice", "Examples", "Baseline", "Candidate", "Delta"], rows, numbers=4)


def _slice(record: EvalResult | None, name: str) -> Mapping[str, Any]:
    return record.slices.get(name, {}) if record else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
