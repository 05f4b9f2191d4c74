"""A decided run → a public artifact: what its records say, and blanks where a person must speak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.artifacts.around import outcome_of_decision
from engine.artifacts.run_numbers import competition, digits, evidence, performance, score_cell
from engine.checks.contents import RunContents, load
from engine.judge.gates import Verdict
from engine.publish.attempts import attempts_at
from engine.publish.public_names import public_name
from engine.publish.standing import Standing, standings
from engine.records.public import (
    ArtifactState,
    Blocker,
    Cell,
    DataLicence,
    Outcome,
    PublicArtifact,
    PublicSource,
    Rejected,
)
from engine.records.run import Decision, DecisionKind
from engine.workspace import Workspace, slugify

TODO = "TODO: "
"""Begins a text that a person must write; `artifacts check` finds it."""

_RETRY = (DecisionKind.RETRY_DATA, DecisionKind.RETRY_TRAINING, DecisionKind.RETRY_EVAL)
_MOST_ATTEMPTS = 12


class NotDecided(Exception):
    """A run of which no artifact is made; the sentence says why and what to do."""


def artifact_of(workspace: Workspace, run: Path, artifact_id: str | None = None) -> PublicArtifact:
    """The artifact that a decided run gives. ``artifact_id``: without it the run's target is it.

    NotDecided where there is no decision or nothing that says what was built.
    """
    contents = load(run)
    decision, config = contents.decision, contents.config
    if decision is None:
        raise NotDecided(
            f"{run.name} is not decided, so there is nothing to tell yet. "
            f"Decide it first: factory-tui decide {run.name}"
        )
    if config is None:
        raise NotDecided(
            f"{run.name} has no config.json that can be read, so what was built is not known. "
            f"See what is wrong: factory-tui validate {run.name}"
        )
    suites = standings(contents)
    package = _package(workspace, config.target)
    routing = contents.artifact.routing_constraint if contents.artifact else None
    outcome = outcome_of_decision(decision.decision, routed=bool((routing or "").strip()))
    blockers = list(_blockers(contents, decision, package))
    base = public_name(config.base_model.id)
    return PublicArtifact(
        id=artifact_id or slugify(config.target),
        title=config.target,
        type="Report" if outcome in (Outcome.REJECTED, Outcome.UNDECIDED) else "Specialist",
        state=_state(decision, package, blockers),
        outcome=outcome,
        target=config.target,
        summary=_summary(config.owner_goal, base, config.candidate.method, suites[0]),
        publishable_now=["This page, and the report of the run."],
        headline=score_cell(contents, suites[0].after, suites[0].files[1]),
        headline_label=_headline(suites[0]),
        evidence=list(evidence(contents, suites)),
        performance=performance(contents, suites[0]),
        competition=list(competition(contents, suites[0], base)),
        rejected_columns=[f"{suites[0].suite}, score"],
        rejected=list(_rejected(run)),
        blockers=blockers,
        sources=list(_sources(contents)),
        data=list(_data(contents)),
        limits=list(_limits(suites, decision)),
        routing=routing,
        next_action=decision.next_action or "",
        runs=[run.name],
        package=package,
        updated=decision.decided.date() if decision.decided else None,
    )


def _state(decision: Decision, package: str | None, blockers: Sequence[Blocker]) -> ArtifactState:
    if decision.decision is DecisionKind.SHIP:
        ready = ArtifactState.RELEASE_READY_METADATA
        return ready if package else ArtifactState.CANDIDATE_CURRENT_BEST
    if decision.decision in _RETRY and blockers:
        return ArtifactState.BLOCKED
    if decision.decision is DecisionKind.PARK:
        return ArtifactState.PARKED
    return ArtifactState.REPORT_ONLY


def _package(workspace: Workspace, target: str) -> str | None:
    name = slugify(target)
    return f"specialists/{name}" if (workspace.specialists_dir / name).is_dir() else None


def _summary(goal: str, base: str, method: str, primary: Standing) -> str:
    before, after = primary.before, primary.after
    if after is None:
        return f"{goal} {base} was trained by {method}. Its score is not recorded."
    was = f", where the base has {digits(before.score)}" if before is not None else ""
    return (
        f"{goal} {base} was trained by {method}. On {primary.suite} it has "
        f"{digits(after.score)}{was}."
    )


def _headline(primary: Standing) -> str | None:
    if primary.after is None:
        return None
    metric = primary.after.metric or "score"
    was = f", from {digits(primary.before.score)}" if primary.before is not None else ""
    return f"{metric} on {primary.suite}{was}"


def _rejected(run: Path) -> Iterator[Rejected]:
    """The attempts at the same target before this one that were not shipped."""
    others = [one for one in attempts_at(run).runs if not one.this and one.outcome != "ship"]
    for one in others[-_MOST_ATTEMPTS:]:
        file = run.parent / one.run_id / "eval-candidate.json"
        cell = Cell()
        if one.after is not None and file.is_file():
            cell = Cell(
                value=float(digits(one.after)),
                unit="share" if 0 <= one.after <= 1 else None,
                record=f"runs/{one.run_id}/eval-candidate.json#/score",
            )
        yield Rejected(
            attempt=one.what or one.run_id,
            cells=[cell],
            decision=one.outcome or "not decided",
            why=one.lesson or one.reason or None,
            run=one.run_id,
        )


# --- what holds it back, and where it is from -----------------------------------------------------


def _blockers(contents: RunContents, decision: Decision, package: str | None) -> Iterator[Blocker]:
    unblock = decision.next_action or f"{TODO}what would take it away"
    for text in decision.blocked_by:
        if text.strip():
            yield Blocker(blocker=text, why=decision.reason, unblock=unblock)
    for gate in contents.gates:
        if gate.verdict is not Verdict.PASS:
            yield Blocker(
                blocker=f"Gate {gate.title}: {gate.verdict.value}",
                why=gate.reason,
                unblock=f"Measure {gate.bound_text} in a new run.",
            )
    if decision.decision is DecisionKind.SHIP and package is None:
        yield Blocker(
            blocker="No package",
            why="The weights lie in a run folder, and nobody outside can load them.",
            unblock=f"Make it: factory-tui package {contents.run_id}",
        )


def _sources(contents: RunContents) -> Iterator[PublicSource]:
    folder = f"runs/{contents.run_id}"
    report = f"{folder}/report.md" if "report.md" in contents.names else folder
    yield PublicSource(
        name=f"Run {contents.run_id}",
        href=report,
        note="Commands, versions, rows and decision.",
    )


def _data(contents: RunContents) -> Iterator[DataLicence]:
    dataset = contents.dataset
    for source in dataset.sources if dataset else []:
        rows = f", {source.rows:,} rows" if source.rows is not None else ""
        said = _said(source.model_extra, "provenance", "origin")
        yield DataLicence(
            name=f"{public_name(source.path)} ({source.kind})",
            licence=_said(source.model_extra, "licence", "license"),
            provenance=said or f"Rows of the kind {source.kind} in the target's folder{rows}.",
        )


def _said(extra: dict[str, Any] | None, *keys: str) -> str | None:
    for key in keys:
        value = (extra or {}).get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _limits(suites: Sequence[Standing], decision: Decision) -> Iterator[str]:
    for one in suites[1:]:
        if one.before is not None and one.after is not None and one.mismatch is None:
            gone = one.after.score - one.before.score
            if (gone < 0) == (one.direction == "higher") and gone:
                yield (
                    f"{one.suite}, a skill that it had, went from {digits(one.before.score)} to "
                    f"{digits(one.after.score)}."
                )
    if decision.failure_reason:
        yield decision.failure_reason
    if decision.lesson:
        yield decision.lesson
    for over in decision.overrides:
        yield f"Shipped over the gate {over.gate} ({over.verdict}): {over.why}"
