"""``plan.json``: the ordered stages of a run, written before the first starts."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from engine.records.base import Record, Text, UtcTime
from engine.records.status import Phase


class StageKind(StrEnum):
    """What a stage's child is. Everything but COMMAND is a program of ``engine.work``."""

    PRETRAIN = "pretrain"
    CONVERT = "convert"
    DATA = "data"
    EVAL = "eval"
    TRAIN = "train"
    FUSE = "fuse"
    REPORT = "report"
    COMMAND = "command"


class Stage(Record):
    """One subprocess of a run.

    ``argv`` may hold ``{python}``, ``{run}``, ``{workspace}`` and ``{target}``,
    filled in when the child is started, so that a workspace can be moved.
    ``spec`` is what a worker of ours reads: its whole input.
    ``enters`` is the phase that the run moves to when the stage starts,
    ``leaves`` the one it moves to when the stage has ended well.
    Times are seconds; ``None`` is no limit.
    """

    name: Text
    kind: StageKind
    argv: list[str] = Field(min_length=1)
    cwd: str = "{target}"
    env: dict[str, str] = Field(default_factory=dict)
    spec: dict[str, Any] = Field(default_factory=dict)
    enters: Phase | None = None
    leaves: Phase | None = None
    timeout_s: float | None = Field(default=None, gt=0)
    silence_s: float | None = Field(default=60.0, gt=0)
    stop_on_nan: bool = True
    needs_accelerator: bool = True
    outputs: list[str] = Field(default_factory=list)
    """Files of the run folder that the stage must have written when it ends well."""
    withholds_secrets: bool = False
    """Whether keys, tokens and passwords of the environment are kept from the child."""
    disk_bytes: int | None = Field(default=None, gt=0)
    """How much ``disk_dirs`` may grow together while the stage runs, and how long a file may be."""
    disk_dirs: list[str] = Field(default_factory=list)
    """Folders with the same placeholders as ``argv``."""


class Plan(Record):
    """``plan.json``."""

    run_id: Text
    target_dir: Text
    """The target's folder, relative to the workspace where it lies inside it."""
    created: UtcTime
    stages: list[Stage]

    def stage(self, name: str) -> Stage:
        """The stage of that name; KeyError where there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)
