"""May a run be decided, and by this decision? The reasons why not, each with its way out.

Pure but for `contents_with`, which looks whether the evidence that a decision names is there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine import checks
from engine.checks.contents import RunContents
from engine.checks.documents import Document
from engine.checks.finding import Severity
from engine.checks.outside import look_for_evidence
from engine.records.run import Artifact, Decision, DecisionKind
from engine.records.status import Phase, RunStatus, StageState


def closed(contents: RunContents) -> str | None:
    """Why this run takes no first decision."""
    if "decision.json" in contents.names:
        made = contents.decision
        what = f"is {made.decision}" if made else "cannot be read"
        return (
            f"The run is decided already: decision.json {what}. A new view of it is a decision "
            f"that supersedes this one: factory-tui decide {contents.run_id} DECISION --supersede"
        )
    return _under_way(contents)


def closed_to_new_view(contents: RunContents) -> str | None:
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


def free_name(contents: RunContents) -> str:
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


_STRICT_WHEN_MADE_HERE = frozenset({"ship-gate", "override-unrouted"})
"""Rules that may warn about another tool's decision; a ship that is made here is held to them."""


def refusals(would_be: RunContents, decision: Decision) -> list[tuple[str, str]]:
    """Why the folder that this decision makes would not be valid, and the way out of each."""
    shipping = decision.decision == DecisionKind.SHIP
    found = []
    for finding in checks.run(would_be):
        strict = finding.rule in _STRICT_WHEN_MADE_HERE and finding.severity != Severity.INFO
        if not strict and (finding.severity != Severity.ERROR or finding.rule in _NOT_A_REASON):
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


def contents_with(
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
