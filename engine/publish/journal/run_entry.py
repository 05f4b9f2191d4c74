"""The entry of one run as Markdown. Pure, but for the losses that the caller hands over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.checks.contents import RunContents
from engine.publish.eval_section import gate_table, suite_table
from engine.publish.journal.commands import commands_of
from engine.publish.journal.contents import unreadable
from engine.publish.journal.links import link, raw_output
from engine.publish.journal.listing import Listed
from engine.publish.journal.stages_done import done
from engine.publish.markdown import clip, escape, paragraph
from engine.publish.numbers import NOT_RECORDED
from engine.publish.performance import costs
from engine.publish.standing import Standing
from engine.records.report_card import CardCurve

_COSTS = (
    "One answer asked alone, median",
    "Generated tokens a second",
    "Peak memory of the process",
    "Peak memory of MLX",
    "Time of training",
)
_MAX_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What an entry is made from. ``contents`` is None where the folder cannot be read, and
    ``problem`` says why."""

    contents: RunContents | None
    suites: Sequence[Standing] = ()
    losses: Sequence[CardCurve] = ()
    problem: str = ""


def render(entry: Listed, seen: Seen, root: str = "") -> list[str]:
    """The lines of a run's entry; what is not recorded is said to be."""
    contents = seen.contents
    lines = [f"### {escape(entry.name)}", "", _facts(entry, contents), ""]
    if contents is None:
        return [*lines, f"**What cannot be read:** {said(seen.problem)}", ""]
    config, decision = contents.config, contents.decision
    lines += [f"**Goal:** {said(config.owner_goal if config else None)}", ""]
    lines += _part("What was done", _list(done(contents)) or [_absent()])
    lines += _part("Commands", code(commands_of(contents)))
    files = raw_output(contents.names)
    raw = ", ".join(link(root, "runs", entry.name, name) for name in files)
    lines += [f"**Raw output:** {raw or NOT_RECORDED}", ""]
    lines += _part("Expected", _list(_expected(contents)))
    lines += _part("What came", _came(contents, seen))
    lines += _part("Conclusion", _list(_conclusion(contents)))
    lines += [f"**Next:** {said(decision.next_action if decision else None)}", ""]
    if wrong := unreadable(contents):
        lines += _part("What cannot be read", _list([paragraph(one) for one in wrong]))
    return lines


def said(text: str | None) -> str:
    """A text from a record as one paragraph, or "not recorded"."""
    return paragraph(clip(text, _MAX_TEXT)) if text and text.strip() else NOT_RECORDED


def code(commands: Sequence[str]) -> list[str]:
    """Commands as a block of code. The prompt before each keeps it from ending the block."""
    if not commands:
        return [_absent()]
    return ["```text", *(f"$ {one}" for one in commands), "```"]


def _part(title: str, lines: Sequence[str]) -> list[str]:
    return [f"**{title}:**", "", *lines, ""]


def _list(items: Sequence[str]) -> list[str]:
    return [f"- {one}" for one in items]


def _absent() -> str:
    return f"{NOT_RECORDED.capitalize()}."


def _facts(entry: Listed, contents: RunContents | None) -> str:
    facts = [entry.date, f"target {escape(entry.target) or NOT_RECORDED}", escape(entry.decision)]
    config = contents.config if contents else None
    if config is not None:
        facts.append(f"base {escape(config.base_model.id)}")
        facts.append(f"seed {NOT_RECORDED if config.seed is None else config.seed}")
        if config.parent_run_id:
            facts.append(f"after {escape(config.parent_run_id)}")
    return " · ".join(facts)


def _expected(contents: RunContents) -> list[str]:
    config = contents.config
    found = [f"Hypothesis: {said(config.hypothesis if config else None)}"]
    if config is None:
        return [*found, f"Bounds: {NOT_RECORDED}"]
    bounds = [f"{gate.title} {gate.bound_text}" for gate in contents.gates]
    return [*found, f"Bounds: {escape('; '.join(bounds)) or NOT_RECORDED}"]


def _came(contents: RunContents, seen: Seen) -> list[str]:
    lines: list[str] = []
    if any(one.record is not None for one in seen.suites):
        lines += [*suite_table(seen.suites), "", "In brackets: 95 % intervals.", ""]
        told = ((one.suite, one.told) for one in seen.suites)
        lines += _list([escape(f"{suite}: {one.sentence}") for suite, one in told if one])
    else:
        lines += [f"Scores: {NOT_RECORDED}."]
    if contents.gates and contents.evals:
        lines += ["", *gate_table(contents)]
    return [*lines, "", *_list([f"Loss: {_loss(seen.losses)}", *_costs(contents)])]


def _loss(losses: Sequence[CardCurve]) -> str:
    parts = []
    for one in losses:
        last = next((value for value in reversed(one.values) if value is not None), None)
        if last is not None and one.name != "training, smoothed":
            parts.append(f"{escape(one.name)} {last:.4g}")
    return f"{', '.join(parts)} (the last ones)" if parts else NOT_RECORDED


def _costs(contents: RunContents) -> Iterator[str]:
    """What training and answers cost; what was never measured is said once, not line by line."""
    known = {one.name: one for one in costs(contents)}
    absent = []
    for name in _COSTS:
        one = known[name]
        if one.candidate == NOT_RECORDED and one.baseline in (NOT_RECORDED, "not applicable"):
            absent.append(name)
        elif one.baseline == "not applicable":
            yield f"{name}: {escape(one.candidate)}"
        else:
            yield f"{name}: {escape(one.baseline)} before, {escape(one.candidate)} after"
    if absent:
        yield f"{NOT_RECORDED.capitalize()}: {'; '.join(absent)}"


def _conclusion(contents: RunContents) -> list[str]:
    decision, status = contents.decision, contents.status
    found = []
    if status is not None and status.last_error is not None:
        error = status.last_error
        where = f" in {escape(error.stage)}" if error.stage else ""
        found.append(f"{str(status.phase).capitalize()}{where}: {said(error.message)}")
    elif decision is None and status is not None:
        found.append(f"The run is {status.phase}.")
    if decision is None:
        why = "cannot be read" if "decision.json" in contents.names else NOT_RECORDED
        return [*found, f"Decision: {why}"]
    artifact = contents.artifact
    routed = artifact.routing_constraint if artifact and artifact.routed else None
    found.append(f"**{decision.decision}**: {said(decision.reason)}")
    if routed:
        found.append(f"Routed: {said(routed)}")
    for override in decision.overrides:
        gate, verdict = escape(override.gate), escape(override.verdict)
        found.append(f"Shipped over the gate {gate} ({verdict}): {said(override.why)}")
    if decision.failure_reason:
        sure = decision.failure_reason_confidence
        found.append(
            f"Failure reason{f' ({sure})' if sure else ''}: {said(decision.failure_reason)}"
        )
    found += [f"Blocked by: {said(one)}" for one in decision.blocked_by]
    return [*found, f"Lesson: {said(decision.lesson)}"]
