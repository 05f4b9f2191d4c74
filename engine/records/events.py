"""``events.jsonl``: what happened, one JSON object a line, append-only, one writer.

Each line has ``seq`` (0, 1, 2, … without gaps), ``t`` (UTC, ISO 8601) and
``kind``; most have ``stage``. A child sends the same objects without ``seq``,
``t`` and ``stage`` over its event pipe; the supervisor adds those.

A number that is not finite is written as the string "nan", "inf" or "-inf":
JSON has no other way to say it, and a loss that became NaN must be seen.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from engine.records.base import Record, UtcTime

NonFinite = Literal["nan", "inf", "-inf"]
MetricValue = float | NonFinite | None


def encode_number(value: float) -> float | NonFinite:
    """A float as events hold it."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def decode_number(value: MetricValue) -> float:
    """The float that an event means; ``None`` (not measured) becomes NaN."""
    return math.nan if value is None else float(value)


class _Event(Record):
    seq: int = Field(default=-1, ge=-1)
    t: UtcTime | None = None
    stage: str | None = None


class RunCreated(_Event):
    """The first line of every run of ours: what was frozen at creation."""

    kind: Literal["run-created"] = "run-created"
    run_id: str
    threshold: dict[str, Any]
    suites: dict[str, str]
    sealed: str | None = None
    """The hash of the target's sealed suite."""
    plan_sha256: str


class PhaseChanged(_Event):
    kind: Literal["phase"] = "phase"
    from_phase: str
    to_phase: str


class Queued(_Event):
    """The run waits for the accelerator. ``position`` is 1 for the next in line."""

    kind: Literal["queued"] = "queued"
    position: int
    waiting_for: str


class StageStarted(_Event):
    kind: Literal["stage-start"] = "stage-start"
    command: list[str]
    pid: int
    attempt: int = 1
    resumed_from_step: int | None = None


class StageEnded(_Event):
    """``outcome`` is done, failed or cancelled; memory in bytes, see StageStatus."""

    kind: Literal["stage-end"] = "stage-end"
    outcome: str
    duration_s: float
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    peak_tree_rss_bytes: int | None = None
    peak_process_rss_bytes: int | None = None
    peak_mlx_bytes: int | None = None


class Metric(_Event):
    """Named numbers at a step.

    Names in use: loss, learning_rate, it_s (iterations a second), tok_s (real
    tokens a second), tokens (trained so far), mlx_peak_bytes, val_loss,
    grad_norm. Any other name of a custom command is kept and drawn as well.
    """

    kind: Literal["metric"] = "metric"
    step: int
    values: dict[str, MetricValue]


class Progress(_Event):
    """``done`` of ``total`` (None where unknown) in ``unit`` (steps, rows, tokens)."""

    kind: Literal["progress"] = "progress"
    done: float
    total: float | None = None
    unit: str = "steps"


class Memory(_Event):
    """A sample of the child's process tree, in bytes."""

    kind: Literal["memory"] = "memory"
    tree_rss_bytes: int
    processes: int
    available_bytes: int | None = None
    swap_used_bytes: int | None = None


class Example(_Event):
    """One scored example; long texts are clipped here and whole in the rows file."""

    kind: Literal["example"] = "example"
    suite: str
    id: str
    score: float
    correct: bool
    prompt: str = ""
    expected: str = ""
    got: str = ""
    error: str | None = None
    slice: str | None = None


class Checkpoint(_Event):
    """``path`` is relative to the run folder; ``reason`` is periodic, best, signal or final."""

    kind: Literal["checkpoint"] = "checkpoint"
    step: int
    path: str
    reason: str
    val_loss: MetricValue = None


class Message(_Event):
    """Something a person should read, once, in words.

    ``code`` is a stable name: silence, nan-loss, early-stop, memory-pressure,
    not-restored, oom, orphan, …
    """

    kind: Literal["message"] = "message"
    level: Literal["info", "warning", "error"] = "info"
    code: str
    text: str


class RecordWritten(_Event):
    """A record of the folder (``file``) is complete. ``sha256`` is of its bytes as written: whoever
    changes the file later has to explain this line."""

    kind: Literal["record"] = "record"
    file: str
    sha256: str | None = None


class SuiteOpened(_Event):
    """A sealed suite was opened for this run. ``before`` counts how often it had been already."""

    kind: Literal["suite-opened"] = "suite-opened"
    suite: str
    sha256: str
    before: int = 0
    reason: str | None = None


class Decided(_Event):
    """``supersedes`` names the file of the earlier decision where this one is a new view."""

    kind: Literal["decided"] = "decided"
    decision: str
    supersedes: str | None = None
    routed: bool = False
    """Whether what is shipped may be used only where its routing constraint says."""


class DecisionWithdrawn(_Event):
    """A decision was taken back by whoever had just made it. ``stands`` is the earlier decision
    that counts again, None where the run is undecided."""

    kind: Literal["decision-withdrawn"] = "decision-withdrawn"
    decision: str
    stands: str | None = None


Event = Annotated[
    RunCreated
    | PhaseChanged
    | Queued
    | StageStarted
    | StageEnded
    | Metric
    | Progress
    | Memory
    | Example
    | Checkpoint
    | Message
    | RecordWritten
    | SuiteOpened
    | Decided
    | DecisionWithdrawn,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Validates one event. Readers that only draw skip it and read plain dicts."""
