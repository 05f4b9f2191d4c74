"""``run-status.json``: where a run is, which revision that is, and who drives it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.records.base import Record, Text, UtcTime


class Phase(StrEnum):
    """The phases of a run, in order; failed and cancelled are reached from any not final."""

    CREATED = "created"
    DATA_READY = "data-ready"
    TRAINING = "training"
    TRAINED = "trained"
    EVALUATING = "evaluating"
    EVALUATED = "evaluated"
    PACKAGING = "packaging"
    PACKAGED = "packaged"
    REPORTING = "reporting"
    DECIDED = "decided"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in _FINAL

    def may_become(self, other: Phase) -> bool:
        """Whether a run may move to ``other``: forward only, never out of a final phase."""
        if self.final:
            return False
        if other in (Phase.FAILED, Phase.CANCELLED):
            return True
        return _ORDER.index(other) > _ORDER.index(self)


_FINAL = frozenset({Phase.DECIDED, Phase.FAILED, Phase.CANCELLED})
_ORDER: list[Phase] = [phase for phase in Phase if phase not in (Phase.FAILED, Phase.CANCELLED)]


class StageState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REUSED = "reused"
    """Its records were taken over from the parent run."""


class ProcessId(Record):
    """A process, told apart from a later one with the same number by its start time.

    ``started`` is in seconds since the epoch, as psutil's ``create_time`` gives it.
    """

    pid: int = Field(gt=0)
    started: float
    host: str | None = None


class StageStatus(Record):
    state: StageState = StageState.PENDING
    started: UtcTime | None = None
    ended: UtcTime | None = None
    attempts: int = 0
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    peak_tree_rss_bytes: int | None = None
    """Highest sum of resident sizes over the process tree, sampled every 0.5 s."""
    peak_process_rss_bytes: int | None = None
    """Exact peak of the largest single process, from the operating system at exit."""
    peak_mlx_bytes: int | None = None
    """MLX's own peak of active memory, where the child reported it."""


class LastError(Record):
    """What went wrong, as a sentence, and what to do."""

    stage: str | None = None
    message: Text
    fix: str | None = None
    code: str | None = None
    """What kind of trouble, for programs: ``not-agreed`` where a stage was refused."""


class RunStatus(Record):
    """``run-status.json``. ``revision`` rises by one with each write."""

    run_id: Text
    phase: Phase = Phase.CREATED
    revision: int = Field(default=0, ge=0)
    created: UtcTime
    updated: UtcTime
    started: UtcTime | None = None
    ended: UtcTime | None = None
    supervisor: ProcessId | None = None
    stage: str | None = None
    child: ProcessId | None = None
    stages: dict[str, StageStatus] = Field(default_factory=dict)
    waiting_for: str | None = None
    """Why a run that was asked for has not started yet, in words."""
    last_error: LastError | None = None
