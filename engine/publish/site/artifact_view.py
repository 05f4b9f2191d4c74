"""A public artifact → all that its page says, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from engine.artifacts.inputs import Inputs
from engine.publish.site.cells import NOTHING, CellView, cell_view
from engine.publish.site.competition import CompetitionGroup, competition
from engine.publish.site.links import SourceView, source_view
from engine.publish.site.provenance import RunView, run_view
from engine.publish.site.records_used import RecordsUsed, RecordUsed
from engine.records.public import (
    ArtifactState,
    Blocker,
    Cell,
    DataLicence,
    Outcome,
    PublicArtifact,
    Table,
)

Tone = Literal["ready", "candidate", "report", "blocked", "parked"]
"""How a state's badge looks: each has a shape and a colour of its own beside the word."""

TONES: dict[ArtifactState, Tone] = {
    ArtifactState.RELEASE_READY_WEIGHTS: "ready",
    ArtifactState.RELEASE_READY_METADATA: "ready",
    ArtifactState.CANDIDATE_CURRENT_BEST: "candidate",
    ArtifactState.REPORT_ONLY: "report",
    ArtifactState.BLOCKED: "blocked",
    ArtifactState.PARKED: "parked",
}
"""In the order of the index: what is ready first, parked last."""

STATE_MEANING: dict[ArtifactState, str] = {
    ArtifactState.RELEASE_READY_WEIGHTS: "The weights can be had, with all that explains them.",
    ArtifactState.RELEASE_READY_METADATA: "What explains it is public; weights may be elsewhere.",
    ArtifactState.CANDIDATE_CURRENT_BEST: "The best measured so far, not a shipped package.",
    ArtifactState.REPORT_ONLY: "A write-up: no model of it should be used directly.",
    ArtifactState.BLOCKED: "Nothing more is published until a named blocker is gone.",
    ArtifactState.PARKED: "Real, and not worked on now.",
}
OUTCOME_MEANING: dict[Outcome, str] = {
    Outcome.SHIPPED: "shipped",
    Outcome.ROUTED: "routed, for its lane alone",
    Outcome.REJECTED: "rejected",
    Outcome.UNDECIDED: "not decided",
}


@dataclass(frozen=True, slots=True)
class RowView:
    label: str
    cells: tuple[CellView, ...]
    more: str = ""
    """What is said below the label."""


@dataclass(frozen=True, slots=True)
class TableView:
    title: str
    label_column: str
    columns: tuple[str, ...]
    rows: tuple[RowView, ...]
    note: str


@dataclass(frozen=True, slots=True)
class RejectedView:
    attempt: str
    cells: tuple[CellView, ...]
    decision: str
    why: str
    run: str


@dataclass(frozen=True, slots=True)
class ArtifactView:
    """``address`` is relative to the site's root. ``target``: the address of its target's page,
    None where that has none."""

    id: str
    title: str
    address: str
    type: str
    state: ArtifactState
    tone: Tone
    state_meaning: str
    outcome: Outcome
    outcome_meaning: str
    previous_state: str
    target: str
    target_address: str | None
    summary: str
    public_value: str
    publishable_now: tuple[str, ...]
    headline: CellView
    headline_label: str
    evidence: tuple[TableView, ...]
    performance: TableView | None
    competition: tuple[CompetitionGroup, ...]
    rejected_columns: tuple[str, ...]
    rejected: tuple[RejectedView, ...]
    blockers: tuple[Blocker, ...]
    limits: tuple[str, ...]
    routing: str
    next_action: str
    licence: str
    data: tuple[DataLicence, ...]
    sources: tuple[SourceView, ...]
    links: tuple[SourceView, ...]
    runs: tuple[RunView, ...]
    records: tuple[RecordUsed, ...]
    package: str
    updated: date | None
    historical: bool
    """Whether any of its numbers is of public record, from before there were records."""


def artifact_view(
    artifact: PublicArtifact,
    inputs: Inputs,
    *,
    cards: dict[str, str],
    target_address: str | None,
) -> ArtifactView:
    """``cards``: the addresses of report cards by run."""
    used = RecordsUsed(inputs)
    sources = {one.name: source_view(one.name, one.href, one.note) for one in artifact.sources}
    headline = cell_view(artifact.headline, used) if artifact.headline else NOTHING
    evidence = tuple(_table(one, used) for one in artifact.evidence)
    performance = _table(artifact.performance, used) if artifact.performance else None
    groups = tuple(competition(artifact.competition, used, sources))
    rejected = tuple(
        RejectedView(
            one.attempt,
            _cells(one.cells, len(artifact.rejected_columns), used),
            one.decision,
            one.why or "",
            one.run or "",
        )
        for one in artifact.rejected
    )
    shown = [headline, *(cell for one in rejected for cell in one.cells)]
    shown += [
        cell for one in (*evidence, performance) if one for row in one.rows for cell in row.cells
    ]
    shown += [row.theirs for group in groups for row in group.rows]
    return ArtifactView(
        id=artifact.id,
        title=artifact.title or artifact.id,
        address=page_address(artifact.id),
        type=artifact.type,
        state=artifact.state,
        tone=TONES[artifact.state],
        state_meaning=STATE_MEANING[artifact.state],
        outcome=artifact.outcome,
        outcome_meaning=OUTCOME_MEANING[artifact.outcome],
        previous_state=artifact.previous_state or "",
        target=artifact.target or "",
        target_address=target_address,
        summary=artifact.summary,
        public_value=artifact.public_value,
        publishable_now=tuple(artifact.publishable_now),
        headline=headline,
        headline_label=artifact.headline_label or "",
        evidence=evidence,
        performance=performance,
        competition=groups,
        rejected_columns=tuple(artifact.rejected_columns),
        rejected=rejected,
        blockers=tuple(artifact.blockers),
        limits=tuple(artifact.limits),
        routing=artifact.routing or "",
        next_action=artifact.next_action,
        licence=artifact.licence or "",
        data=tuple(artifact.data),
        sources=tuple(sources.values()),
        links=tuple(source_view(one.label, one.href) for one in artifact.links),
        runs=tuple(run_view(one, inputs, cards.get(one)) for one in artifact.runs),
        records=tuple(used.all()),
        package=artifact.package or "",
        updated=artifact.updated,
        historical=any(one.state == "historical" for one in shown),
    )


def page_address(artifact_id: str) -> str:
    """Where an artifact's page lies within the site."""
    return f"artifacts/{artifact_id}.html"


def in_order(views: Sequence[ArtifactView]) -> list[ArtifactView]:
    """As the index lists them: by state, parked last; within a state the newest first."""
    places = {state: number for number, state in enumerate(TONES)}
    return sorted(
        views,
        key=lambda one: (places[one.state], -(one.updated or date.min).toordinal(), one.id),
    )


def _table(table: Table, used: RecordsUsed) -> TableView:
    rows = tuple(
        RowView(row.label, _cells(row.cells, len(table.columns), used)) for row in table.rows
    )
    return TableView(table.title, table.label_column, tuple(table.columns), rows, table.note or "")


def _cells(cells: Sequence[Cell], columns: int, used: RecordsUsed) -> tuple[CellView, ...]:
    """One for each column; what is not there is not recorded."""
    found = [cell_view(one, used) for one in cells[:columns]]
    return (*found, *[NOTHING] * (columns - len(found)))
