"""``artifacts/<id>.yaml``: a public artifact, which is to be understood outside of its workspace.

The state says how far it may be used; the outcome says how its decision ended, whatever the state.
A number in a table points at the record that it was read from, or says that it is historical (of
public record, measured before there were records), or is not there at all.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from engine.records.base import Record, Sha256, Text

ArtifactId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]

MOST_ROWS = 10**12
"""No count of examples is larger."""

Whole = Annotated[int, Field(ge=-(10**18), le=10**18)]
"""A whole number of a table: one of four hundred digits can be reckoned with by nobody."""


class ArtifactState(StrEnum):
    RELEASE_READY_METADATA = "release-ready-metadata"
    """Small committed metadata exists; large weights may still be elsewhere."""
    RELEASE_READY_WEIGHTS = "release-ready-weights"
    CANDIDATE_CURRENT_BEST = "candidate-current-best"
    """The best measured candidate, not yet a package that was shipped."""
    REPORT_ONLY = "report-only"
    """A write-up; nobody should use a model of it directly."""
    BLOCKED = "blocked"
    """Needs a named unblocker before anything more is published."""
    PARKED = "parked"


MAY_FOLLOW: dict[ArtifactState, frozenset[ArtifactState]] = {
    ArtifactState.REPORT_ONLY: frozenset(
        {
            ArtifactState.CANDIDATE_CURRENT_BEST,
            ArtifactState.BLOCKED,
            ArtifactState.PARKED,
        }
    ),
    ArtifactState.CANDIDATE_CURRENT_BEST: frozenset(
        {
            ArtifactState.RELEASE_READY_METADATA,
            ArtifactState.REPORT_ONLY,
            ArtifactState.BLOCKED,
            ArtifactState.PARKED,
        }
    ),
    ArtifactState.BLOCKED: frozenset(
        {
            ArtifactState.CANDIDATE_CURRENT_BEST,
            ArtifactState.REPORT_ONLY,
            ArtifactState.PARKED,
        }
    ),
    ArtifactState.RELEASE_READY_METADATA: frozenset(
        {
            ArtifactState.RELEASE_READY_WEIGHTS,
            ArtifactState.BLOCKED,
            ArtifactState.PARKED,
        }
    ),
    ArtifactState.RELEASE_READY_WEIGHTS: frozenset({ArtifactState.BLOCKED, ArtifactState.PARKED}),
    ArtifactState.PARKED: frozenset(
        {
            ArtifactState.REPORT_ONLY,
            ArtifactState.CANDIDATE_CURRENT_BEST,
            ArtifactState.BLOCKED,
        }
    ),
}
"""Which states may follow a state; an artifact may begin in any."""

STATE_ORDER = (
    ArtifactState.RELEASE_READY_WEIGHTS,
    ArtifactState.RELEASE_READY_METADATA,
    ArtifactState.CANDIDATE_CURRENT_BEST,
    ArtifactState.REPORT_ONLY,
    ArtifactState.BLOCKED,
    ArtifactState.PARKED,
)
"""As lists show them: what is ready first, parked last."""


class Outcome(StrEnum):
    """How the decision ended. ``routed`` was shipped for its lane alone."""

    SHIPPED = "shipped"
    ROUTED = "routed"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


class Comparable(StrEnum):
    DIRECT = "Direct"
    """Same fixture, prompt and evaluation setup, metric and scorer."""
    DIRECTIONAL = "Directional"
    """Context of market or method, not the same evaluation."""
    NOT_COMPARABLE = "Not comparable"


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("is true or false; a cell holds a number or words")
    return value


class Cell(Record):
    """One value of a table.

    ``record`` is a file of the workspace with a JSON pointer:
    ``runs/<id>/eval-candidate.json#/score``.
    Of ``record`` and ``historical`` one is given for a number; a cell with neither is text. A
    value of None is "not recorded".
    """

    value: Annotated[float | Whole | str | None, BeforeValidator(_no_truth)] = None
    unit: Literal["share", "percent", "pp", "count", "ms", "s", "MB", "GB", "tok/s"] | None = None
    """``share`` is in [0, 1]."""
    high: float | None = None
    """The upper end where the value is a range."""
    n: int | None = Field(default=None, ge=1, le=MOST_ROWS)
    """How many examples it was measured on."""
    interval: tuple[float, float] | None = None
    record: str | None = None
    historical: bool = False


class TableRow(Record):
    label: Text
    cells: list[Cell]
    """One for each column."""


class Table(Record):
    title: Text
    columns: list[Text] = Field(min_length=1)
    """Without the first, which holds the rows' labels (``label_column``)."""
    label_column: Text = "Gate"
    rows: list[TableRow] = Field(min_length=1)
    note: str | None = None


class Setup(Record):
    """What makes two scores comparable: equal in all of them."""

    suite: Text
    suite_sha256: Sha256 | None = None
    """Of the frozen fixture; historical rows name the fixture by ``suite`` and ``rows`` alone."""
    rows: int | None = Field(default=None, ge=1, le=MOST_ROWS)
    scorer: Text
    metric: Text
    prompt: str | None = None
    """The prompt and settings of the evaluation, or their hash."""


class Competitor(Record):
    """A system beside ours, on one metric."""

    system: Text
    metric: Text
    score: Cell
    ours: Cell | None = None
    """Our score on the same metric; required where the row is Direct."""
    comparable: Comparable
    setup: Setup | None = None
    """Theirs; required where the row is Direct."""
    ours_setup: Setup | None = None
    p: float | None = Field(default=None, ge=0, le=1)
    """Of the paired difference, where the rows of both are known."""
    readout: str | None = None
    source: str | None = None
    """The name of one of ``sources``."""


class Rejected(Record):
    """An attempt that did not become the artifact."""

    attempt: Text
    cells: list[Cell] = Field(default_factory=list)
    """One for each of ``rejected_columns``."""
    decision: Text
    why: str | None = None
    run: str | None = None


class Blocker(Record):
    blocker: Text
    why: Text
    """Why it matters."""
    unblock: Text
    """The action that unblocks."""


class PublicSource(Record):
    name: Text
    href: str | None = None
    """A web address, or a path relative to the workspace."""
    note: str | None = None


class DataLicence(Record):
    """A data set that training or evaluation used."""

    name: Text
    licence: str | None = None
    provenance: str | None = None
    """Where its rows come from, in a sentence."""


class Link(Record):
    label: Text
    href: Text


class PublicArtifact(Record):
    """``artifacts/<id>.yaml``. What the release rule wants and is not there yet may be left out or
    empty here; ``artifacts check`` says so."""

    id: ArtifactId
    title: str | None = None
    type: str = ""
    state: ArtifactState
    outcome: Outcome
    target: str | None = None
    """The target of the workspace that it belongs to."""
    summary: str = ""
    public_value: str = ""
    publishable_now: list[str] = Field(default_factory=list)
    headline: Cell | None = None
    headline_label: str | None = None
    """What the headline number is: "file-ops hard gate, from 0.58"."""
    evidence: list[Table] = Field(default_factory=list)
    performance: Table | None = None
    """Latency, memory, tok/s, time of evaluation."""
    competition: list[Competitor] = Field(default_factory=list)
    rejected_columns: list[Text] = Field(default_factory=list)
    rejected: list[Rejected] = Field(default_factory=list)
    blockers: list[Blocker] = Field(default_factory=list)
    sources: list[PublicSource] = Field(default_factory=list)
    data: list[DataLicence] = Field(default_factory=list)
    licence: str | None = None
    """Of what is published."""
    limits: list[str] = Field(default_factory=list)
    routing: str | None = None
    """Where alone it may be used, in a sentence; required where the outcome is ``routed``."""
    next_action: str = ""
    runs: list[str] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)
    package: str | None = None
    """``specialists/<id>`` of the workspace, where there is a package."""
    previous_state: ArtifactState | None = None
    updated: date | None = None
