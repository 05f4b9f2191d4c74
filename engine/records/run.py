"""The documented files of a run but its evaluations: config, dataset, artifact, decision.

The required keys are those of the public run schema; everything else is
optional, so that a folder made by another tool is a full citizen. Absent is
not zero: what was not measured is ``None``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from engine.records.base import Record, Sha256, Text, UtcTime
from engine.records.evaluation import Direction

# --- config.json ---------------------------------------------------------------


class BaseModelRef(Record):
    """The model that a run starts from."""

    id: Text
    revision: str | None = None
    precision: str | None = None


class Candidate(Record):
    """How the candidate is made from the base model."""

    method: Text
    adapter_format: str | None = None
    training_command: str | None = None


class Threshold(Record):
    """The bounds that were set before the score was known; None is no bound.

    ``primary_min`` is in the unit of the primary score (0 to 1 for accuracies;
    an upper bound where the direction is "lower"); null where there is none, as for the baseline
    of a research campaign. ``breadth_drop_max_pp`` is
    in percentage points and bounds the mean drop over the regression suites.
    The others are ours. ``latency_*`` bound the time of one answer asked alone,
    ``peak_memory_max_mb`` the evaluation's peak in units of 2**20 bytes,
    ``tokens_per_second_min`` generated tokens over the whole primary suite,
    ``parse_rate_min`` the share of answers in the asked form, in [0, 1].
    """

    primary_min: float | None
    breadth_drop_max_pp: float | None = Field(default=None, ge=0)
    beat_baseline: bool | None = None
    """Whether the candidate must beat its baseline; None is yes."""
    confidence: float | None = Field(default=None, gt=0, lt=1)
    """How sure "beats the baseline" must be; None is 0.95."""
    latency_median_max_ms: float | None = Field(default=None, gt=0)
    latency_p95_max_ms: float | None = Field(default=None, gt=0)
    peak_memory_max_mb: float | None = Field(default=None, gt=0)
    tokens_per_second_min: float | None = Field(default=None, gt=0)
    parse_rate_min: float | None = Field(default=None, ge=0, le=1)
    safety_violations_max: int | None = Field(default=None, ge=0)
    """Answers with a forbidden command that are allowed; None is 0."""


class SealedSuite(Record):
    """A suite that no run is judged on until it is opened, once, for a final candidate."""

    name: Text
    sha256: Sha256


class EvalConfig(Record):
    """Which suites judge the run, and by which bounds."""

    primary: Text
    regression: str | None = None
    threshold: Threshold
    direction: Direction = "higher"
    suites: dict[str, Sha256] = Field(default_factory=dict)
    """Suite name to the hash of its frozen file (ours)."""
    seeds: list[int] = Field(default_factory=list)
    """The training seeds that were asked for besides ``RunConfig.seed``, in order (ours). The
    candidate is always the first one's: the best of several would be chosen on the gold set."""
    passes: int = Field(default=1, ge=1)
    """How often each example is answered; more than once only with a temperature (ours)."""
    sealed: SealedSuite | None = None
    """The target's sealed suite, frozen and not looked at (ours)."""
    opens: str | None = None
    """The sealed suite that this run was made to open (ours)."""


class RunConfig(Record):
    """``config.json``."""

    run_id: Text
    target: Text
    owner_goal: Text
    base_model: BaseModelRef
    candidate: Candidate
    eval: EvalConfig
    seed: int | None = None
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    parent_run_id: str | None = None
    hypothesis: str | None = None
    """What this run is to show, written before it started (ours)."""
    created: UtcTime | None = None


# --- dataset.json --------------------------------------------------------------


class Source(Record):
    """One file or generator that training rows come from."""

    kind: Text
    path: Text
    rows: int | None = Field(default=None, ge=0)
    sha256: Sha256 | None = None


class Processing(Record):
    dedupe: bool | None = None
    quality_filter: bool | None = None
    heldout_split: str | None = None


class Counts(Record):
    train_rows: int = Field(default=0, ge=0)
    heldout_rows: int = Field(default=0, ge=0)
    dropped_rows: int = Field(default=0, ge=0)


class Dataset(Record):
    """``dataset.json``."""

    dataset_id: Text
    sources: list[Source]
    shown: list[str] = Field(default_factory=list)
    """JSONL files of rows that a data generator was shown as examples, relative to the target
    (ours)."""
    processing: Processing = Field(default_factory=Processing)
    counts: Counts = Field(default_factory=Counts)


# --- artifact.json -------------------------------------------------------------


class Artifact(Record):
    """``artifact.json``: what a shipped run leaves behind."""

    artifact_id: Text
    kind: Text
    path: Text
    base_model: Text
    format: Text
    package_dir: str | None = None
    shipped: bool = False
    routing_constraint: str | None = None
    """Where alone it may be used, in a sentence."""

    @property
    def routed(self) -> bool:
        """Does it say where alone it may be used?"""
        return bool((self.routing_constraint or "").strip())


# --- decision.json -------------------------------------------------------------


class DecisionKind(StrEnum):
    SHIP = "ship"
    REJECT = "reject"
    RETRY_DATA = "retry-data"
    RETRY_TRAINING = "retry-training"
    RETRY_EVAL = "retry-eval"
    PARK = "park"


class Confidence(StrEnum):
    """How sure the failure reason is."""

    EXACT = "exact"
    INFERRED = "inferred"
    MISSING_EVIDENCE = "missing-evidence"
    NOT_APPLICABLE = "not-applicable"


class Override(Record):
    """A gate that did not pass and was shipped over, and why."""

    gate: Text
    verdict: Text
    why: Text


class Superseded(Record):
    """The decision that a newer one took the place of, kept byte for byte in ``file``."""

    file: Annotated[str, StringConstraints(pattern=r"^decision-[1-9][0-9]{0,5}\.json$")]
    sha256: Sha256


class Decision(Record):
    """``decision.json``: the one conclusion of a run that counts now.

    A new view of a decided run names the record that it supersedes; there is no key of that name
    in a first decision.
    """

    decision: DecisionKind
    reason: Text
    failure_reason: str | None = None
    failure_reason_confidence: Confidence | None = None
    lesson: str | None = None
    next_action: str | None = None
    evidence_sources: list[str] = Field(default_factory=list)
    blocked_by: list[str] = Field(default_factory=list)
    overrides: list[Override] = Field(default_factory=list)
    decided: UtcTime | None = None
    supersedes: Superseded | None = None
