"""The entry of a loop: what it was to find, its tries as a table, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine import numbers
from engine.folder import FolderError
from engine.loops.folder import LoopFolder
from engine.loops.words import state_words
from engine.protocols.reading import ProtocolError, read_protocol
from engine.publish.journal.links import link
from engine.publish.journal.listing import Listed, Member, loop_records
from engine.publish.journal.run_entry import said
from engine.publish.markdown import clip, escape, table
from engine.publish.numbers import NOT_RECORDED, score
from engine.records.loop import (
    IterationPlan,
    IterationRun,
    IterationVerdict,
    Loop,
    LoopKind,
    LoopStatus,
)
from engine.records.research import PROTOCOL_FILE

SHOWN = 60
"""So many tries are in the table: those that were kept, then the newest."""

_HYPOTHESIS, _REASON = 160, 200
_FILES = ("loop.json", "loop-status.json", "events.jsonl", "protocol.json")
_KINDS = {LoopKind.FLYWHEEL: "flywheel", LoopKind.RESEARCH: "research campaign"}


@dataclass(frozen=True, slots=True)
class Tried:
    """One iteration as far as its records can be read; ``problem`` says what cannot."""

    number: int
    plan: IterationPlan | None = None
    run: IterationRun | None = None
    verdict: IterationVerdict | None = None
    problem: str = ""


def tries_of(folder: LoopFolder) -> list[Tried]:
    """The iterations of a loop in their order. Never raises for what their files hold."""
    return [_tried(folder, number) for number in folder.iterations()]


def _tried(folder: LoopFolder, number: int) -> Tried:
    try:
        return Tried(
            number,
            folder.done(number, IterationPlan),
            folder.done(number, IterationRun),
            folder.done(number, IterationVerdict),
        )
    except FolderError as error:
        return Tried(number, problem=str(error))


def render(entry: Listed, root: str = "") -> list[str]:
    """The lines of a loop's entry."""
    folder = LoopFolder(entry.path) if entry.path else None
    loop, status = loop_records(folder)
    kind = _KINDS[loop.kind] if loop else "loop"
    target = escape(entry.target) or NOT_RECORDED
    facts = [entry.date, f"target {target}", kind, escape(entry.decision)]
    lines = [f"### {escape(entry.name)}", "", " · ".join(facts), ""]
    if folder is None:
        lines += [
            "The folder of this loop is not there: its runs name it in their config.json.",
            "",
        ]
    elif loop is None:
        lines += ["**What cannot be read:** loop.json. factory-tui loops show says more.", ""]
    tries = tries_of(folder) if folder else []
    lines += [f"**Goal:** {said(_goal(loop, folder))}", ""]
    lines += ["**What was done:**", "", *_done(entry, loop, tries), ""]
    if folder is not None:
        there = [name for name in _FILES if (folder.path / name).is_file()]
        raw = ", ".join(link(root, "loops", entry.name, name) for name in there)
        lines += [f"**Raw output:** {raw or NOT_RECORDED}", ""]
    lines += ["**Tries:**", "", *(_tries(entry, tries, root) or _runs(entry.members, root)), ""]
    return [*lines, "**Conclusion:**", "", *_conclusion(entry, status, root), ""]


def _goal(loop: Loop | None, folder: LoopFolder | None) -> str | None:
    if loop is None or folder is None:
        return None
    proposer = loop.spec.get("proposer")
    stated = proposer.get("goal") if isinstance(proposer, dict) else None
    if isinstance(stated, str) and stated.strip():
        return stated
    if loop.kind is LoopKind.RESEARCH:
        try:
            return read_protocol(folder.path / PROTOCOL_FILE).protocol.meta.purpose_statement
        except ProtocolError:
            return "Find changes to the recipe that make its metric better, by more than noise."
    wanted = loop.limits.target_score
    words = "Improve the target on its dev suite, by more than noise; gold is opened at the end."
    return words if wanted is None else f"{words} The score that ends it: {wanted:g}."


def _done(entry: Listed, loop: Loop | None, tries: Sequence[Tried]) -> list[str]:
    outcomes = [one.verdict.outcome for one in tries if one.verdict is not None]
    counts = [f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes)]
    said_of = f" ({', '.join(counts)})" if counts else ""
    lines = [f"- {len(tries)} iterations{said_of}, {len(entry.members)} runs."]
    if loop is not None:
        lines.append(f"- Proposed by: {escape(loop.planner)}; seed {loop.seed}.")
    return lines


def _tries(entry: Listed, tries: Sequence[Tried], root: str) -> list[str]:
    if not tries:
        return []
    kept = [one for one in tries if one.verdict is not None and one.verdict.outcome == "kept"]
    room = max(0, SHOWN - len(kept[-SHOWN:]))
    others = [one for one in tries if one not in kept]
    shown = sorted([*kept[-SHOWN:], *others[len(others) - room :]], key=lambda one: one.number)
    rows = [_row(entry, one, root) for one in shown]
    header = ["Try", "Hypothesis", "Run", "Outcome", "Score", "Δ best", "Why"]
    lines = table(header, rows)
    if left := len(tries) - len(shown):
        lines += ["", f"{left} older tries that were not kept are not shown."]
    return lines


def _row(entry: Listed, one: Tried, root: str) -> list[str]:
    if one.problem:
        why = escape(clip(one.problem, _REASON))
        return [_name(entry, one), "—", "cannot be read", *["—"] * 3, why]
    plan, run, verdict = one.plan, one.run, one.verdict
    value = verdict.score if verdict else None
    delta = verdict.difference[0] if verdict and verdict.difference else None
    ran = run is not None and run.run_id != "none"
    return [
        _name(entry, one),
        escape(clip(plan.hypothesis, _HYPOTHESIS)) if plan else "—",
        _run(entry, run.run_id, root) if run is not None and ran else "—",
        str(verdict.outcome) if verdict else "open",
        "—" if value is None else score(value),
        numbers.change(delta, value, verdict.best_before if verdict else None, absent="—"),
        escape(clip(verdict.reason, _REASON)) if verdict else "—",
    ]


def _name(entry: Listed, one: Tried) -> str:
    """A campaign's first iteration is its baseline, and try n the one after it."""
    if not entry.campaign:
        return str(one.number)
    return "baseline" if one.number == 1 else str(one.number - 1)


def _run(entry: Listed, name: str, root: str) -> str:
    """A run of the loop, as a link where it is still there."""
    there = any(one.run.run_id == name for one in entry.members)
    return link(root, "runs", name) if there else escape(name)


def _runs(members: Sequence[Member], root: str) -> list[str]:
    """The runs of a loop whose own records are not there."""
    rows = [
        [
            str(one.iteration),
            link(root, "runs", one.run.run_id),
            escape(one.run.decided_as or one.run.phase or "not decided"),
            score(one.run.primary_candidate),
        ]
        for one in members[-SHOWN:]
    ]
    if not rows:
        return [f"{NOT_RECORDED.capitalize()}."]
    return table(["Iteration", "Run", "Decision", "Score"], rows)


def _conclusion(entry: Listed, status: LoopStatus | None, root: str) -> list[str]:
    if status is None:
        return [f"- {NOT_RECORDED.capitalize()}."]
    lines = [f"- Where it is: {escape(clip(state_words(status), 600))}"]
    if status.last_error is not None:
        lines.append(f"- Last error: {said(status.last_error.message)}")
    if status.best_run:
        change = numbers.change(entry.delta, entry.before, entry.after, absent=NOT_RECORDED)
        best = score(status.best_score)
        run = _run(entry, status.best_run, root)
        lines.append(f"- Best: {run}, {best}; before it began {score(entry.before)} ({change})")
    else:
        lines.append(f"- Best: {NOT_RECORDED}")
    if status.gold_run:
        gold = _run(entry, status.gold_run, root)
        lines.append(f"- Judged on gold once: {gold}, {score(status.gold_score)}")
    return lines
