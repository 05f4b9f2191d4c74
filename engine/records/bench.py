"""``.factory/bench/*.json``: what a model costs on this machine, as measured."""

from __future__ import annotations

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime
from engine.records.provenance import Machine


class BenchPoint(Record):
    """Training steps of one shape: rows of ``seq_len`` tokens each, none of them padding.

    ``layers`` is how many of the last layers had adapters. ``seconds_per_iteration`` is the median
    over ``iterations`` steps after one that was not counted; ``mlx_peak_bytes`` is what MLX had
    allocated at most, the model among it, without Python and its libraries.
    """

    batch_size: int = Field(ge=1)
    seq_len: int = Field(ge=1)
    layers: int = Field(ge=1)
    grad_checkpoint: bool = False
    iterations: int = Field(ge=1)
    seconds_per_iteration: float = Field(gt=0)
    mlx_peak_bytes: int | None = Field(default=None, ge=0)
    measured: UtcTime

    @property
    def tokens_per_second(self) -> float:
        """Trained tokens a second."""
        return self.batch_size * self.seq_len / self.seconds_per_iteration


class Benchmark(Record):
    """Everything that was measured of one model on one machine. Absent is "not measured"."""

    model_id: Text
    model_sha256: Sha256
    """Over config.json and the headers of the weight files: shapes and precision, not values."""
    parameters: int | None = Field(default=None, ge=0)
    layers: int = Field(ge=1)
    machine: Machine
    limit_bytes: int | None = Field(default=None, ge=0)
    """The memory that the accelerator should use at most, where it names one (Metal does)."""
    date: UtcTime
    mlx: str | None = None
    lora_rank: int = Field(ge=1)
    lora_keys: list[str] | None = None
    """What had adapters; None is every linear layer."""
    trainable_parameters: int | None = Field(default=None, ge=0)
    """Of the adapters on all layers, at ``lora_rank``."""
    overhead_bytes: int | None = Field(default=None, ge=0)
    """The worker's resident size before it loads the model: Python and its libraries."""
    model_bytes: int | None = Field(default=None, ge=0)
    load_seconds: float | None = Field(default=None, ge=0)
    """From the start of the child to a loaded model."""
    points: list[BenchPoint] = Field(default_factory=list)
    forward_tokens_per_second: float | None = Field(default=None, gt=0)
    """Of a loss without its gradient, as a validation computes it."""
    prompt_tokens_per_second: float | None = Field(default=None, gt=0)
    generation_tokens_per_second: float | None = Field(default=None, gt=0)
    """One answer at a time."""
    duration_s: float | None = Field(default=None, ge=0)
    notes: list[str] = Field(default_factory=list)
    """What was left out, and why, in sentences."""
