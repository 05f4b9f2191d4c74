"""The Eval and Slice Metrics sections of a report."""

from __future__ import annotations

from collections.abc import Sequence

from engine.checks.contents import RunContents
from engine.judge.estimate import Estimate
from engine.publish import sureness
from engine.publish.markdown import escape, table
from engine.publish.numbers import NOT_RECORDED, delta, interval, score
from engine.publish.slices import slices
from engine.publish.standing import Standing
from engine.records.evaluation import EvalResult


def render(contents: RunContents, suites: Sequence[Standing]) -> list[str]:
    """The scores before and after, every gate with its reason, and how sure all that is."""
    lines = ["## Eval", "", *suite_table(suites)]
    lines += ["", "In brackets: 95 % intervals.", ""]
    methods = _methods(suites)
    lines += [*methods, ""] if methods else []
    lines += gate_table(contents)
    notes = sureness.notes(contents, suites)
    if notes:
        lines += ["", "### How sure", ""]
        lines += [f"- {escape(one.topic)}: {escape(one.text)}" for one in notes]
    return lines


def suite_table(suites: Sequence[Standing]) -> list[str]:
    """Each suite's scores with their intervals, the difference, and the verdict."""
    header = ["Metric", "Baseline", "Candidate", "Delta", "Pass"]
    return table(header, [_row(one) for one in suites])


def gate_table(contents: RunContents) -> list[str]:
    """Every gate with its bound, its value and why it passes or does not."""
    if not contents.gates:
        return ["There are no gates: config.json is missing or cannot be read."]
    verdicts = [
        [
            gate.title,
            gate.bound_text,
            gate.value_text,
            gate.interval_text,
            str(gate.verdict),
            escape(gate.reason),
        ]
        for gate in contents.gates
    ]
    return table(["Gate", "Bound", "Value", "95 % interval", "Verdict", "Why"], verdicts)


def _row(one: Standing) -> list[str]:
    passed = "no bound" if one.gate is None else str(one.gate.verdict)
    if one.record is None:
        return [escape(one.suite), NOT_RECORDED, NOT_RECORDED, NOT_RECORDED, passed]
    return [
        _label(one, one.record),
        _score(one.before, one.before_score),
        _score(one.after, one.after_score),
        _delta(one),
        passed,
    ]


def _label(one: Standing, record: EvalResult) -> str:
    name = escape(one.suite)
    if record.metric:
        name += f", {escape(record.metric)}"
    counts = [str(side.n) for side in (one.before, one.after) if side and side.n is not None]
    if counts:
        name += f", n = {' and '.join(dict.fromkeys(counts))}"
    return name


def _score(record: EvalResult | None, found: Estimate | None) -> str:
    if record is None or found is None:
        return NOT_RECORDED
    historical = ", historical" if record.historical else ""
    return score(record.score) + interval(found.interval) + historical


def _delta(one: Standing) -> str:
    if one.before is None or one.after is None:
        return NOT_RECORDED
    if one.mismatch:
        return "not comparable"
    bounds = one.difference.interval if one.difference else None
    return delta(one.before.score, one.after.score) + interval(bounds, signed=True)


def _methods(suites: Sequence[Standing]) -> list[str]:
    """By which method each interval was made, a line for each suite that has one."""
    lines = []
    for one in suites:
        sides = {
            "baseline": one.before_score,
            "candidate": one.after_score,
            "delta": one.difference,
        }
        methods = {side: found.method for side, found in sides.items() if found and found.interval}
        if not methods:
            continue
        if methods.get("baseline") == methods.get("candidate") and "candidate" in methods:
            methods = {"scores": methods["candidate"]} | {
                side: method for side, method in methods.items() if side == "delta"
            }
        said = "; ".join(f"{side}: {escape(method)}" for side, method in methods.items())
        lines.append(f"- {escape(one.suite)}: {said}")
    return lines


def render_slices(contents: RunContents) -> list[str]:
    """The score of each slice of the primary suite, before and after."""
    lines = ["## Slice Metrics", ""]
    rows = [
        [
            escape(one.name),
            NOT_RECORDED if one.n is None else str(one.n),
            score(one.before),
            score(one.after),
            delta(one.before, one.after),
        ]
        for one in slices(contents)
    ]
    if not rows:
        return [*lines, f"{NOT_RECORDED.capitalize()}."]
    return lines + table(["Slice", "Examples", "Baseline", "Candidate", "Delta"], rows, numbers=4)
