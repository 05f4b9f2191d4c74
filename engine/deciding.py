"""From a run folder and a decision to the written record, or all the reasons for refusal.

A decision is checked as part of the folder that it would make: the rules of ``checks`` run over
the contents with the decision in them, before anything is written. So what can be decided
here always validates afterwards.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine import checks
from engine.checks.contents import RunContents, load
from engine.checks.documents import Document
from engine.checks.finding import Finding, Severity
from engine.checks.outside import look_for_evidence
from engine.folder import EventLog, FolderError, RunFolder, StaleRevision
from engine.judge.gates import BREADTH_DROP, Gate, Verdict
from engine.publish.report import write_report
from engine.records.base import utc_now
from engine.records.plan import StageKind
from engine.records.run import Artifact, Decision, DecisionKind, Override
from engine.records.status import Phase, RunStatus, StageState
from engine.workspace import slugify


@dataclass(frozen=True)
class OverrideRequest:
    """The wish to ship although gates do not pass.

    ``typed_name`` is the run's name as the person typed it. ``why`` goes into the record for each
    gate that the decision has no override of its own for. ``routing_constraint`` says where the
    artifact may be used, kept with the artifact when it forgot too much.
    """

    typed_name: str
    why: str = ""
    routing_constraint: str | None = None


@dataclass(frozen=True)
class Refused:
    """Why nothing was written. ``gates`` are those that an override would have to name."""

    reasons: tuple[str, ...]
    gates: tuple[Gate, ...] = ()

    @property
    def can_override(self) -> bool:
        """Whether gates are all that stands in the way."""
        return bool(self.gates) and len(self.reasons) == len(self.gates)


@dataclass(frozen=True)
class Draft:
    """What a person needs for deciding one run.

    ``ship_refusals`` are the reasons why ``ship`` would be refused now, empty where it would
    not; ``closed`` is why nothing can be decided at all, or None.
    """

    contents: RunContents
    gates: tuple[Gate, ...]
    findings: tuple[Finding, ...]
    ship_refusals: tuple[str, ...]
    closed: str | None
    needs_lesson: bool
    """Whether anything but ship needs a failure reason and a lesson (runs of ours do)."""
    evidence: tuple[str, ...] = field(default=())
    """The records that the decision stands on: what evidence_sources is filled with."""

    @property
    def can_override(self) -> bool:
        """Whether typing the run's name would lift every refusal to ship."""
        gates = [gate for gate in self.gates if gate.verdict != Verdict.PASS]
        return bool(gates) and len(self.ship_refusals) == len(gates)


def draft(run: Path) -> Draft:
    """Look at a run before deciding it. Writes nothing; FolderError where it cannot be listed."""
    contents = _load(run)
    closed = _closed(contents)
    sources = _evidence(contents)
    ship = Decision(decision=DecisionKind.SHIP, reason="a draft", evidence_sources=list(sources))
    would_be = _with(contents, run, ship, _artifact_for(contents, run, ship, None))
    return Draft(
        contents=contents,
        gates=tuple(contents.gates),
        findings=tuple(checks.run(contents)),
        ship_refusals=tuple(_reasons(would_be, ship)),
        closed=closed,
        needs_lesson=contents.ours,
        evidence=sources,
    )


def decide(
    run: Path, decision: Decision, override: OverrideRequest | None = None
) -> Decision | Refused:
    """Write the decision of a run, once, and what follows from it.

    Returns the decision as written, or every reason why it was not. ``ship`` writes
    ``artifact.json`` where there is none. The phase moves to decided, ``report.md`` is made
    anew. OSError when the disk refuses; a decision that was cut short by that can be made again,
    and a report that could not be written is a finding of validation.
    """
    contents = _load(run)
    if closed := _closed(contents):
        return Refused((closed,))
    decision = _completed(contents, decision)
    problems: list[str] = []
    if decision.decision == DecisionKind.SHIP and (override or decision.overrides):
        overridden = _overridden(contents, decision, override or OverrideRequest(""))
        if isinstance(overridden, str):
            problems.append(overridden)
        else:
            decision = overridden
    artifact = _artifact_for(contents, run, decision, override)
    would_be = _with(contents, run, decision, artifact)
    problems += _reasons(would_be, decision)
    if problems:
        stopping = [gate for gate in would_be.gates if _stops(gate, decision)]
        return Refused(tuple(problems), tuple(stopping))
    folder = RunFolder(run)
    try:
        # The phase moves first: of two who decide at once, one is refused here.
        _move(folder, contents.status)
    except StaleRevision:
        return Refused(("The run changed while it was being decided. Look again, then decide.",))
    except FolderError as error:
        return Refused((f"{error}.",))
    if artifact is not None and artifact is not contents.artifact:
        folder.write("artifact.json", artifact)
    folder.write("decision.json", decision)
    _say_so(folder, contents, decision)
    # The decision stands without its report: validation says that it is stale or missing.
    with contextlib.suppress(OSError):
        write_report(run)
    return decision


def _load(run: Path) -> RunContents:
    try:
        return load(run)
    except OSError as error:
        raise FolderError(run, f"cannot be listed ({error.strerror})") from error


# --- may it be decided -------------------------------------------------------------------


def _closed(contents: RunContents) -> str | None:
    """Why this run takes no decision at all."""
    if "decision.json" in contents.names:
        made = contents.decision
        what = f"is {made.decision}" if made else "cannot be read"
        return f"The run is decided already: decision.json {what}. A new view is a new run."
    if contents.ours and contents.status is None:
        return (
            "run-status.json is missing or cannot be read, so nobody knows whether the run ended."
        )
    if contents.status is not None and contents.supervisor_alive and _busy(contents.status):
        stage = contents.status.stage or "its next stage"
        return (
            f"The run is still under way ({stage}). Wait for its end, or stop it: "
            f"factory-tui cancel {contents.run_id}"
        )
    return None


def _busy(status: RunStatus) -> bool:
    return not status.phase.final and any(
        stage.state in (StageState.PENDING, StageState.RUNNING) for stage in status.stages.values()
    )


_NOT_A_REASON = frozenset(
    {"report-numbers", "report-missing", "report-stale", "phase-decided", "undecided"}
)
"""Rules about what deciding itself writes anew."""

_OF_THE_DECISION = frozenset(
    {
        "empty-text",
        "decision-unknown",
        "evidence-missing",
        "failure-reason-missing",
        "lesson-missing",
        "shipped-without-ship",
    }
)
"""Rules that hold for a decision other than ship: a broken run may well be rejected."""


def _reasons(would_be: RunContents, decision: Decision) -> list[str]:
    """Why the folder that this decision makes would not be valid, one sentence each."""
    shipping = decision.decision == DecisionKind.SHIP
    reasons = []
    for finding in checks.run(would_be):
        if finding.severity != Severity.ERROR or finding.rule in _NOT_A_REASON:
            continue
        about_it = finding.rule in _OF_THE_DECISION and finding.file in (
            "decision.json",
            "artifact.json",
        )
        if shipping or about_it:
            reasons.append(finding.message)
    if shipping and would_be.phase in (Phase.FAILED, Phase.CANCELLED):
        reasons.append(f"The run ended as {would_be.phase}; only a run that ended well is shipped.")
    return reasons


def _with(
    contents: RunContents, run: Path, decision: Decision, artifact: Artifact | None
) -> RunContents:
    """The contents as they would be once decided."""
    documents = dict(contents.documents)
    names = {*contents.names, "decision.json"}
    documents["decision.json"] = Document("decision.json", exists=True, record=decision)
    if artifact is not None and artifact is not contents.artifact:
        documents["artifact.json"] = Document("artifact.json", exists=True, record=artifact)
        names.add("artifact.json")
    status = contents.status
    if status is not None and not status.phase.final:
        decided = status.model_copy(update={"phase": Phase.DECIDED})
        documents["run-status.json"] = replace(contents.document("run-status.json"), record=decided)
    outside = look_for_evidence(run, contents.outside, decision)
    return replace(contents, names=frozenset(names), documents=documents, outside=outside)


# --- what goes into the record -------------------------------------------------------------


def _evidence(contents: RunContents) -> tuple[str, ...]:
    return tuple(sorted([*contents.evals, *(n for n in ("dataset.json",) if n in contents.names)]))


def _completed(contents: RunContents, decision: Decision) -> Decision:
    """The decision with its time and, where none was named, the evidence that it stands on."""
    update: dict[str, object] = {}
    if decision.decided is None:
        update["decided"] = utc_now().replace(microsecond=0)
    if not decision.evidence_sources:
        update["evidence_sources"] = list(_evidence(contents))
    return decision.model_copy(update=update)


def _stops(gate: Gate, decision: Decision) -> bool:
    overridden = {override.gate for override in decision.overrides}
    return (
        decision.decision == DecisionKind.SHIP
        and gate.verdict != Verdict.PASS
        and gate.name not in overridden
    )


def _overridden(
    contents: RunContents, decision: Decision, override: OverrideRequest
) -> Decision | str:
    """The decision with an override for each gate that does not pass, or why there is none."""
    if override.typed_name.strip() != contents.run_id:
        return (
            f"To ship over a gate, type the run's name: {contents.run_id} "
            f"(typed: {override.typed_name.strip() or 'nothing'})."
        )
    open_gates = [gate for gate in contents.gates if _stops(gate, decision)]
    if open_gates and not override.why.strip():
        names = ", ".join(gate.name for gate in open_gates)
        return f"To ship over a gate, say why; it goes into the record. Open: {names}."
    added = [
        Override(gate=gate.name, verdict=gate.verdict.value, why=override.why)
        for gate in open_gates
    ]
    return decision.model_copy(update={"overrides": [*decision.overrides, *added]})


def _artifact_for(
    contents: RunContents, run: Path, decision: Decision, override: OverrideRequest | None
) -> Artifact | None:
    """The artifact of a ship: the one that is there, or one made from the config and the plan."""
    existing, config = contents.artifact, contents.config
    if decision.decision != DecisionKind.SHIP or config is None:
        return existing
    constraint = override.routing_constraint if override else None
    if existing is not None:
        constraint = constraint or existing.routing_constraint
    if any(one.gate == BREADTH_DROP for one in decision.overrides) and not constraint:
        constraint = f"Only for {config.target}: breadth fell by more than its bound."
    if "artifact.json" in contents.names:
        if existing is None or (existing.shipped and existing.routing_constraint == constraint):
            return existing
        # An artifact that another tool left is shipped by this very decision.
        return existing.model_copy(update={"routing_constraint": constraint, "shipped": True})
    path = _weights(contents, run)
    if path is None:
        return None
    return Artifact(
        artifact_id=contents.run_id,
        kind="adapter" if path == "adapters" else "model",
        path=path,
        base_model=config.base_model.id,
        format=config.candidate.adapter_format or config.candidate.method,
        package_dir=f"artifacts/{slugify(config.target)}",
        shipped=True,
        routing_constraint=constraint,
    )


def _weights(contents: RunContents, run: Path) -> str | None:
    """Where the candidate's weights lie, relative to the run; None where there are none."""
    plan = contents.plan
    fused = plan is not None and any(stage.kind == StageKind.FUSE for stage in plan.stages)
    for name in ("fused", "adapters") if fused else ("adapters", "fused"):
        if name in contents.names and (run / name).is_dir():
            return name
    return None


# --- writing -------------------------------------------------------------------------------


def _move(folder: RunFolder, status: RunStatus | None) -> None:
    if status is None or status.phase.final:
        return

    def to_decided(changed: RunStatus) -> None:
        changed.phase = Phase.DECIDED
        changed.ended = changed.ended or utc_now()

    folder.move(status.revision, to_decided)


def _say_so(folder: RunFolder, contents: RunContents, decision: Decision) -> None:
    """Append the events of a decision, unless a supervisor lives: it is the one writer."""
    path = folder.file("events.jsonl")
    # Without events that could be read (none, or a link that leads elsewhere) none are written.
    if contents.events is None or contents.supervisor_alive or not os.access(path, os.W_OK):
        return
    log = EventLog(path)
    try:
        phase = contents.phase
        if phase is not None and not phase.final:
            log.append({"kind": "phase", "from_phase": phase, "to_phase": Phase.DECIDED})
        log.append({"kind": "decided", "decision": decision.decision})
    finally:
        log.close()
