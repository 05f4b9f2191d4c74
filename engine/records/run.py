"""The documented files of a run: config, dataset, evals, artifact, decision.

The required keys are those of the public run schema; everything else is
optional, so that a folder made by another tool is a full citizen. Absent is
not zero: what was not measured is ``None``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from engine.records.base import Record, Sha256, Text, UtcTime

Direction = Literal["higher", "lower"]
"""Whether a higher or a lower score is the better one."""


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
    """The bounds that were set before the score was known.

    ``primary_min`` is in the unit of the primary score (0 to 1 for accuracies;
    an upper bound where the direction is "lower"). ``breadth_drop_max_pp`` is
    in percentage points and bounds the mean drop over the regression suites.
    """

    primary_min: float
    breadth_drop_max_pp: float | None = Field(default=None, ge=0)


class EvalConfig(Record):
    """Which suites judge the run, and by which bounds."""

    primary: Text
    regression: str | None = None
    threshold: Threshold
    direction: Direction = "higher"
    suites: dict[str, Sha256] = Field(default_factory=dict)
    """Suite name to the hash of its frozen file (ours)."""


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
    processing: Processing = Field(default_factory=Processing)
    counts: Counts = Field(default_factory=Counts)


# --- eval-*.json ---------------------------------------------------------------


class Interval(Record):
    """A two-sided interval around a score, in the unit of the score."""

    low: float
    high: float
    confidence: float = Field(default=0.95, gt=0, lt=1)
    method: str = "wilson"


class EvalResult(Record):
    """``eval-baseline.json``, ``eval-candidate.json`` and ``eval-regression-*.json``.

    ``passed`` is what the tool that wrote the file believed; a verdict is
    always recomputed from scores and thresholds. ``latency_ms`` is the mean
    wall time of one answer, ``peak_rss_mb`` the peak resident size of the
    process in units of 2**20 bytes, ``tokens_per_second`` generated tokens a
    second over the whole suite.
    """

    model_id: Text
    command: Text
    suite: Text
    score: float
    passed: bool | None = None
    date: UtcTime | Text
    latency_ms: float | None = Field(default=None, ge=0)
    peak_rss_mb: float | None = Field(default=None, ge=0)
    tokens_per_second: float | None = Field(default=None, ge=0)
    notes: str | list[str] | None = None
    # ours
    n: int | None = Field(default=None, ge=0)
    metric: str | None = None
    direction: Direction | None = None
    interval: Interval | None = None
    rows_file: str | None = None
    rows_sha256: Sha256 | None = None
    suite_sha256: Sha256 | None = None
    scorer: str | None = None
    slices: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Slice name to ``{"n": int, "score": float}``."""
    format: dict[str, float] = Field(default_factory=dict)
    """Format health: ``parsed``, ``prose``, ``empty`` and ``cut_off``, each a share in [0, 1]."""
    safety_violations: int | None = Field(default=None, ge=0)
    """Answers that hold a forbidden command; None where none is forbidden."""
    duration_s: float | None = Field(default=None, ge=0)
    mlx_peak_mb: float | None = Field(default=None, ge=0)


class RowResult(Record):
    """One line of ``rows-*.jsonl``: one example, answered and scored.

    ``score`` is in [0, 1]; ``latency_ms`` is the wall time of the batch that
    the row was answered in, so it is an upper bound of what one user waits.
    """

    id: Text
    prompt: str
    expected: str
    got: str
    score: float
    correct: bool
    error: str | None = None
    slice: str | None = None
    latency_ms: float | None = None
    tokens: int | None = None


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
