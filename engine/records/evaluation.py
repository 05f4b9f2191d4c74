"""The evaluations of a run: ``eval-*.json``, and the rows behind them.

The required keys are those of the public run schema. Absent is not zero: what was not measured
is ``None``, and ``skipped`` may say why.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime

Direction = Literal["higher", "lower"]
"""Whether a higher or a lower score is the better one."""

Through = Literal["batches", "one by one", "server", "endpoint", "lm-eval"]
"""How the answers were had: from the model in this process, in batches or one at a time; from an
``mlx_lm.server`` of ours; from somebody's endpoint; by the lm-eval harness."""


class Interval(Record):
    """A two-sided interval around a score, in the unit of the score."""

    low: float
    high: float
    confidence: float = Field(default=0.95, gt=0, lt=1)
    method: str = "wilson"


class LatencySample(Record):
    """How long one answer takes, one request at a time, on a named sample of the suite's prompts.

    ``p95_ms`` is the 95th percentile by nearest rank, None for fewer than 20 answers.
    ``sample`` says which prompts, ``sample_sha256`` is over their text: the same hash is the same
    sample.
    """

    sample: Text
    sample_sha256: Sha256
    n: int = Field(ge=1)
    median_ms: float = Field(ge=0)
    p95_ms: float | None = Field(default=None, ge=0)
    max_new_tokens: int | None = Field(default=None, ge=1)
    tokens_per_second: float | None = Field(default=None, ge=0)
    """Generated tokens a second of one answer asked alone (the median over the sample)."""


class TeacherJudge(Record):
    """The model that judged answers, and what it was asked: belongs to the score like a scorer."""

    model: Text
    address: Text
    """Of its endpoint, without a key."""
    prompt: Text
    prompt_sha256: Sha256
    extra: dict[str, Any] = Field(default_factory=dict)
    """What each request had besides, as the suite's header says."""


class EvalResult(Record):
    """``eval-baseline.json``, ``eval-candidate.json``, ``eval-regression-*.json`` and, for further
    training seeds, ``eval-seed-<seed>.json``.

    ``passed`` is what the tool that wrote the file believed; a verdict is
    always recomputed from scores and thresholds. ``latency_ms`` is the mean
    wall time of one answer, in a batch an upper bound; ``latency`` is what a user feels.
    ``peak_rss_mb`` is the peak resident size of the process in units of 2**20 bytes,
    ``tokens_per_second`` generated tokens a second over the whole suite.
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
    suite_version: str | None = None
    databases: dict[str, Sha256] = Field(default_factory=dict)
    """SQLite files that the suite's rows name, each with the hash of its bytes."""
    scorer: str | None = None
    scorer_options: dict[str, Any] = Field(default_factory=dict)
    scorer_sha256: Sha256 | None = None
    """Of the target's ``scorer.py``, where that scored."""
    judge: TeacherJudge | None = None
    through: Through | None = None
    harness: str | None = None
    """Name and version of the program that scored, where it was not this one."""
    seed: int | None = None
    """The training seed of the weights that answered; None where they are the base model's."""
    temperature: float | None = Field(default=None, ge=0)
    passes: list[float] = Field(default_factory=list)
    """The score of each pass, where every example was answered more than once."""
    slices: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Slice name to ``{"n": int, "score": float}``."""
    format: dict[str, float] = Field(default_factory=dict)
    """Format health: ``parsed``, ``prose``, ``empty`` and ``cut_off``, each a share in [0, 1]; what
    is not known is left out."""
    safety_violations: int | None = Field(default=None, ge=0)
    """Answers that hold a forbidden command; None where none is forbidden."""
    duration_s: float | None = Field(default=None, ge=0)
    mlx_peak_mb: float | None = Field(default=None, ge=0)
    latency: LatencySample | None = None
    historical: str | None = None
    """Where the numbers were taken from, when nothing was measured for this record."""
    unscored: dict[str, str] = Field(default_factory=dict)
    """Id of an example that has no score, and why (not answered, not judged). Such an example is
    in no row and not in ``n``: it is missing, not wrong."""
    skipped: dict[str, str] = Field(default_factory=dict)
    """Name of a field that is None on purpose, and why it was not measured."""


class RowResult(Record):
    """One line of ``rows-*.jsonl``: one example, answered and scored.

    ``score`` is in [0, 1]; with several passes it is their mean, and ``got`` the first pass's
    answer. ``latency_ms`` is the wall time of the batch that the row was answered in, so it is an
    upper bound of what one user waits. ``source`` names what rows of one origin share (a document,
    a conversation): their errors go together. ``parsed``, ``prose``, ``cut_off`` and ``forbidden``
    are the form of the answer; None is not known.
    """

    id: Text
    prompt: str
    expected: str
    got: str
    score: float
    correct: bool
    error: str | None = None
    slice: str | None = None
    tags: list[str] = Field(default_factory=list)
    source: str | None = None
    latency_ms: float | None = None
    tokens: int | None = None
    parsed: bool | None = None
    prose: bool | None = None
    cut_off: bool | None = None
    forbidden: bool | None = None
    passes: list[float] = Field(default_factory=list)
    """The score of each pass, where there was more than one."""
