"""From a run folder and a decision to the written record, or all the reasons for refusal.

A decision is checked as part of the folder that it would make: the rules of ``checks`` run over
the contents with the decision in them, before anything is written. So what can be decided
here always validates afterwards.

``decision.json`` is the decision that counts. A decided run stays decided; a new view of it is a
new ``decision.json`` that names the one it supersedes, which is kept byte for byte as
``decision-1.json``, the next one as ``decision-2.json`` and so on. The phase does not move (it is
final), the revision does, and the event log says ``decided`` a second time.
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
from engine.decision_record import (
    OverrideRequest,
    artifact_for,
    completed,
    evidence_of,
    stops,
    with_overrides,
)
from engine.folder import EventLog, FolderError, RunFolder, StaleRevision, write_bytes_atomic
from engine.judge.gates import Gate, Verdict
from engine.publish.report import write_report
from engine.records.base import utc_now
from engine.records.run import Artifact, Decision, DecisionKind, Superseded
from engine.records.status import Phase, RunStatus, StageState
from engine.withdrawing import Receipt, keep

__all__ = ["Draft", "OverrideRequest", "Refused", "decide", "draft", "make_decision"]

_FILES = ("decision.json", "artifact.json", "report.md")
"""What deciding may write beside the status, the events and the earlier decision's copy."""


@dataclass(frozen=True)
class Refused:
    """Why nothing was written. ``gates`` are those that an override would have to name;
    ``ways_out`` says for each reason, in their order, what to do about it."""

    reasons: tuple[str, ...]
    gates: tuple[Gate, ...] = ()
    ways_out: tuple[str, ...] = ()

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
    ways_out: tuple[str, ...] = field(default=())
    """What to do about each of ``ship_refusals``, in their order."""
    closed_to_new_view: str | None = field(default=None)
    """Why a decision that was made cannot be superseded, or None."""

    @property
    def can_override(self) -> bool:
        """Whether typing the run's name would lift every refusal to ship."""
        gates = [gate for gate in self.gates if gate.verdict != Verdict.PASS]
        return bool(gates) and len(self.ship_refusals) == len(gates)


def draft(run: Path) -> Draft:
    """Look at a run before deciding it. Writes nothing; FolderError where it cannot be listed."""
    contents = _load(run)
    sources = evidence_of(contents)
    ship = Decision(decision=DecisionKind.SHIP, reason="a draft", evidence_sources=list(sources))
    would_be = _with(contents, run, ship, artifact_for(contents, run, ship, None))
    refusals = _refusals(would_be, ship)
    return Draft(
        contents=contents,
        gates=tuple(contents.gates),
        findings=tuple(checks.run(contents)),
        ship_refusals=tuple(why for why, _ in refusals),
        closed=_closed(contents),
        needs_lesson=contents.ours,
        evidence=sources,
        ways_out=tuple(way for _, way in refusals),
        closed_to_new_view=_closed_to_new_view(contents),
    )


def decide(
    run: Path,
    decision: Decision,
    override: OverrideRequest | None = None,
    *,
    supersede: bool = False,
) -> Decision | Refused:
    """Write the decision of a run and what follows from it; see `make_decision`."""
    made = make_decision(run, decision, override, supersede=supersede)
    return made if isinstance(made, Refused) else made.decision


def make_decision(
    run: Path,
    decision: Decision,
    override: OverrideRequest | None = None,
    *,
    supersede: bool = False,
) -> Receipt | Refused:
    """Write the decision of a run, once, and what follows from it.

    With ``supersede`` a run that is decided gets a new decision, which names the earlier one.
    Returns the decision as written with what taking it back needs, or every reason why it was not
    written. ``ship`` writes ``artifact.json`` where there is none. The phase moves to decided,
    ``report.md`` is made anew. OSError when the disk refuses; a decision that was cut short by that
    can be made again, and a report that could not be written is a finding of validation.
    """
    contents = _load(run)
    if closed := _closed_to_new_view(contents) if supersede else _closed(contents):
        return Refused((closed,))
    decision = completed(contents, decision)
    kept_as = None
    if supersede:
        kept_as = _free_name(contents)
        digest = contents.document("decision.json").sha256
        link = Superseded.model_validate({"file": kept_as, "sha256": digest})
        decision = decision.model_copy(update={"supersedes": link})
    problems: list[tuple[str, str]] = []
    if decision.decision == DecisionKind.SHIP and (override or decision.overrides):
        overridden = with_overrides(contents, decision, override or OverrideRequest(""))
        if isinstance(overridden, str):
            problems.append((overridden, ""))
        else:
            decision = overridden
    artifact = artifact_for(contents, run, decision, override)
    would_be = _with(contents, run, decision, artifact)
    problems += _refusals(would_be, decision)
    if problems:
        stopping = tuple(gate for gate in would_be.gates if stops(gate, decision))
        return Refused(
            tuple(why for why, _ in problems), stopping, tuple(way for _, way in problems)
        )
    files = [*_FILES, *([kept_as] if kept_as else [])]
    before = keep(run, files)
    if kept_as and before["decision.json"].sha256 != contents.document("decision.json").sha256:
        return Refused((_CHANGED,))
    folder = RunFolder(run)
    try:
        # The status moves first: of two who decide at once, one is refused here.
        status = _move(folder, contents.status, bump=supersede)
    except StaleRevision:
        return Refused((_CHANGED,))
    except FolderError as error:
        return Refused((f"{error}.",))
    if kept_as and (old := before["decision.json"].data) is not None:
        write_bytes_atomic(folder.file(kept_as), old)
    if artifact is not None and artifact is not contents.artifact:
        folder.write("artifact.json", artifact)
    without = {"supersedes"} if decision.supersedes is None else None
    folder.write("decision.json", decision.model_dump(mode="json", exclude=without))
    size = _say_so(folder, contents, decision)
    # The decision stands without its report: validation says that it is stale or missing.
    with contextlib.suppress(OSError):
        write_report(run)
    return Receipt(
        run=run,
        decision=decision,
        before=before,
        after=keep(run, files),
        status=contents.status,
        revision=status.revision if status else None,
        events=size,
        stands=contents.decision if supersede else None,
    )


_CHANGED = "The run changed while it was being decided. Look again, then decide."


def _load(run: Path) -> RunContents:
    try:
        return load(run)
    except OSError as error:
        raise FolderError(run, f"cannot be listed ({error.strerror})") from error


# --- may it be decided -------------------------------------------------------------------


def _closed(contents: RunContents) -> str | None:
    """Why this run takes no first decision."""
    if "decision.json" in contents.names:
        made = contents.decision
        what = f"is {made.decision}" if made else "cannot be read"
        return (
            f"The run is decided already: decision.json {what}. A new view of it is a decision "
            f"that supersedes this one: factory-tui decide {contents.run_id} DECISION --supersede"
        )
    return _under_way(contents)


def _closed_to_new_view(contents: RunContents) -> str | None:
    """Why the decision of this run cannot be superseded."""
    if "decision.json" not in contents.names:
        return "The run is not decided, so there is nothing to supersede. Decide it."
    if contents.decision is None:
        return (
            "decision.json cannot be read, so no new view can name it. Mend it first: "
            f"factory-tui validate {contents.run_id}"
        )
    return _under_way(contents)


def _under_way(contents: RunContents) -> str | None:
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


def _free_name(contents: RunContents) -> str:
    """The first of decision-1.json, decision-2.json, … that there is not."""
    number = 1
    while f"decision-{number}.json" in contents.names:
        number += 1
    return f"decision-{number}.json"


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


def _refusals(would_be: RunContents, decision: Decision) -> list[tuple[str, str]]:
    """Why the folder that this decision makes would not be valid, and the way out of each."""
    shipping = decision.decision == DecisionKind.SHIP
    found = []
    for finding in checks.run(would_be):
        if finding.severity != Severity.ERROR or finding.rule in _NOT_A_REASON:
            continue
        about_it = finding.rule in _OF_THE_DECISION and finding.file in (
            "decision.json",
            "artifact.json",
        )
        if shipping or about_it:
            found.append((finding.message, finding.fix))
    if shipping and would_be.phase in (Phase.FAILED, Phase.CANCELLED):
        found.append(
            (
                f"The run ended as {would_be.phase}; only a run that ended well is shipped.",
                f"Go on with it as a new run: factory-tui resume {would_be.run_id}",
            )
        )
    return found


def _with(
    contents: RunContents, run: Path, decision: Decision, artifact: Artifact | None
) -> RunContents:
    """The contents as they would be once decided."""
    documents = dict(contents.documents)
    names = {*contents.names, "decision.json"}
    documents["decision.json"] = Document("decision.json", exists=True, record=decision)
    if (link := decision.supersedes) is not None:
        old = contents.document("decision.json")
        documents[link.file] = replace(old, name=link.file)
        names.add(link.file)
    if artifact is not None and artifact is not contents.artifact:
        documents["artifact.json"] = Document("artifact.json", exists=True, record=artifact)
        names.add("artifact.json")
    status = contents.status
    if status is not None and not status.phase.final:
        decided = status.model_copy(update={"phase": Phase.DECIDED})
        documents["run-status.json"] = replace(contents.document("run-status.json"), record=decided)
    outside = look_for_evidence(run, contents.outside, decision)
    return replace(contents, names=frozenset(names), documents=documents, outside=outside)


# --- writing -------------------------------------------------------------------------------


def _move(folder: RunFolder, status: RunStatus | None, *, bump: bool) -> RunStatus | None:
    """The status once decided. ``bump`` makes a new revision also where the phase is final."""
    if status is None or (status.phase.final and not bump):
        return status

    def to_decided(changed: RunStatus) -> None:
        if not changed.phase.final:
            changed.phase = Phase.DECIDED
            changed.ended = changed.ended or utc_now()

    return folder.move(status.revision, to_decided)


def _say_so(folder: RunFolder, contents: RunContents, decision: Decision) -> int | None:
    """Append the events of a decision, unless a supervisor lives: it is the one writer.

    Returns the size of the log in bytes, None where nothing was appended.
    """
    path = folder.file("events.jsonl")
    # Without events that could be read (none, or a link that leads elsewhere) none are written.
    if contents.events is None or contents.supervisor_alive or not os.access(path, os.W_OK):
        return None
    log = EventLog(path)
    try:
        phase = contents.phase
        if phase is not None and not phase.final:
            log.append({"kind": "phase", "from_phase": phase, "to_phase": Phase.DECIDED})
        link = decision.supersedes
        more = {} if link is None else {"supersedes": link.file}
        log.append({"kind": "decided", "decision": decision.decision, **more})
    finally:
        log.close()
    return path.stat().st_size
