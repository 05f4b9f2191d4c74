"""``provenance.json``: how the numbers of a run came about."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime


class Machine(Record):
    system: str
    release: str | None = None
    machine: str | None = None
    chip: str | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    accelerator: str | None = None
    """What MLX computes on, for example "gpu (Metal)" or "cpu (OpenBLAS)"."""


class StageCommand(Record):
    """What was executed. ``{python}``, ``{run}``, ``{workspace}`` and ``{target}`` stand for this
    machine's own paths, and *** for a secret."""

    argv: list[str]
    cwd: str
    started: UtcTime
    exit_code: int | None = None


class Provenance(Record):
    run_id: Text
    written: UtcTime
    commands: dict[str, list[StageCommand]] = Field(default_factory=dict)
    """Stage name to its attempts, oldest first."""
    git_commit: str | None = None
    git_dirty: bool | None = None
    python: str | None = None
    packages: dict[str, str] = Field(default_factory=dict)
    machine: Machine | None = None
    mlx: dict[str, Any] = Field(default_factory=dict)
    """What the workers said of MLX: device, blas, compile."""
    adapters: dict[str, Sha256] = Field(default_factory=dict)
    """Path to SHA-256 of the adapter files that a train stage left, as they were when it ended."""
    frozen_sha256: Sha256 | None = None
    """Of the first line of events.jsonl, which says what was frozen, as it was when the run
    started."""
    datasets: dict[str, str] = Field(default_factory=dict)
    """Path to SHA-256 of every data file that was read."""
