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
from dataclasses import dataclass, field
from pathlib import Path

from engine import checks
from engine.checks.contents import RunContents, load
from engine.checks.finding import Finding
from engine.decisions.decision_record import (
    OverrideRequest,
    artifact_for,
    completed,
    evidence_of,
    stops,
    with_overrides,
)
from engine.decisions.decision_rules import (
    closed,
    closed_to_new_view,
    contents_with,
    free_name,
    refusals,
)
from engine.decisions.withdrawing import Receipt, keep
from engine.folder import (
    EventLog,
    FolderError,
    RunFolder,
    StaleRevision,
    alone,
    write_bytes_atomic,
)
from engine.judge.gates import BREADTH_DROP, Gate, Verdict
from engine.publish.card.writing import CARD, PAGE, write_card
from engine.publish.report import write_report
from engine.records.base import utc_now
from engine.records.run import Artifact, Decision, DecisionKind, Superseded
from engine.records.status import Phase, RunStatus
from engine.remote import mirrors

__all__ = [
    "Draft",
    "OverrideRequest",
    "Refused",
    "as_written",
    "decide",
    "draft",
    "make_decision",
    "rehearse",
]

_FILES = ("decision.json", "artifact.json", "report.md", CARD, PAGE)
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

    @property
    def needs_routing(self) -> bool:
        """Whether overriding them takes a routing constraint as well."""
        return any(gate.name == BREADTH_DROP for gate in self.gates)


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
    would_be = contents_with(contents, run, ship, artifact_for(contents, run, ship, None))
    refused = refusals(would_be, ship)
    found = Draft(
        contents=contents,
        gates=tuple(contents.gates),
        findings=tuple(checks.run(contents)),
        ship_refusals=tuple(why for why, _ in refused),
        closed=closed(contents),
        needs_lesson=contents.ours,
        evidence=sources,
        ways_out=tuple(way for _, way in refused),
        closed_to_new_view=closed_to_new_view(contents),
    )
    if (root := mirrors.root_of(run)) is not None:
        from engine.remote.asked import judged

        return judged(root, run.name, found)
    return found


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
    ``report.md`` and the report card are made anew. OSError when the disk refuses; a decision that
    was cut short by that can be made again, and a report that could not be written is a finding of
    validation.
    """
    if (root := mirrors.root_of(run)) is not None:
        from engine.remote.asked import decided

        there = decided(root, run, decision, override, supersede=supersede)
        if isinstance(there, Refused):
            return there
        return Receipt(run, there, {}, {}, None, None, None)
    contents = _load(run)
    ready = _prepare(run, contents, decision, override, supersede)
    if isinstance(ready, Refused):
        return ready
    decision, artifact, kept_as = ready
    folder = RunFolder(run)
    # Of two who decide at once, the second comes in here after the first has written all of it.
    with alone(run):
        files = [*_FILES, *([kept_as] if kept_as else [])]
        before = keep(run, files)
        if before["decision.json"].sha256 != contents.document("decision.json").sha256:
            return Refused((_CHANGED,))
        try:
            status = _move(folder, contents.status, bump=supersede)
        except StaleRevision:
            return Refused((_CHANGED,))
        except FolderError as error:
            return Refused((f"{error}.",))
        if kept_as and (old := before["decision.json"].data) is not None:
            write_bytes_atomic(folder.file(kept_as), old)
        if artifact is not None and artifact is not contents.artifact:
            folder.write("artifact.json", artifact)
        folder.write("decision.json", as_written(decision))
        shipping = decision.decision == DecisionKind.SHIP
        routed = shipping and artifact is not None and artifact.routed
        size = _say_so(folder, contents, decision, routed=routed)
        # The decision stands without its report and card: validation says that they are older.
        with contextlib.suppress(OSError):
            write_report(run)
            write_card(run)
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


def rehearse(
    run: Path,
    decision: Decision,
    override: OverrideRequest | None = None,
    *,
    supersede: bool = False,
) -> Decision | Refused:
    """The decision as `make_decision` would write it now, or its refusal. Writes nothing."""
    if (root := mirrors.root_of(run)) is not None:
        from engine.remote.asked import decided

        return decided(root, run, decision, override, supersede=supersede, rehearse=True)
    ready = _prepare(run, _load(run), decision, override, supersede)
    return ready if isinstance(ready, Refused) else ready[0]


def as_written(decision: Decision) -> dict[str, object]:
    """The record as ``decision.json`` holds it: a first decision has no key ``supersedes``."""
    without = {"supersedes"} if decision.supersedes is None else None
    return decision.model_dump(mode="json", exclude=without)


def _prepare(
    run: Path,
    contents: RunContents,
    decision: Decision,
    override: OverrideRequest | None,
    supersede: bool,
) -> tuple[Decision, Artifact | None, str | None] | Refused:
    """The whole decision, its artifact, and the name under which an earlier one is kept."""
    if why := closed_to_new_view(contents) if supersede else closed(contents):
        return Refused((why,))
    decision = completed(contents, decision)
    kept_as = None
    if supersede:
        kept_as = free_name(contents)
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
    would_be = contents_with(contents, run, decision, artifact)
    problems += refusals(would_be, decision)
    if not problems:
        return decision, artifact, kept_as
    stopping = tuple(gate for gate in would_be.gates if stops(gate, decision))
    whys, ways_out = zip(*problems, strict=True)
    return Refused(tuple(whys), stopping, tuple(ways_out))


_CHANGED = "The run changed while it was being decided. Look again, then decide."


def _load(run: Path) -> RunContents:
    try:
        return load(run)
    except OSError as error:
        raise FolderError(run, f"cannot be listed ({error.strerror})") from error


# --- writing -------------------------------------------------------------------------------


def _move(folder: RunFolder, status: RunStatus | None, *, bump: bool) -> RunStatus | None:
    """The status once decided. ``bump`` makes a new revision also where the phase is final."""
    if status is None or (status.phase.final and not bump):
        return status

    def to_decided(changed: RunStatus) -> None:
        if not changed.phase.final:
            changed.phase = Phase.DECIDED
            changed.ended = changed.ended or utc_now()

    return folder.move(status.revision, to_decided, held=True)


def _say_so(
    folder: RunFolder, contents: RunContents, decision: Decision, *, routed: bool
) -> int | None:
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
        more: dict[str, object] = {} if link is None else {"supersedes": link.file}
        more |= {"routed": True} if routed else {}
        log.append({"kind": "decided", "decision": decision.decision, **more})
    finally:
        log.close()
    return path.stat().st_size
