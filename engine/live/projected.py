"""The parts of a projection: plain values, one class for each thing that a run shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.live.pace import Pace
from engine.live.series import Series


@dataclass(slots=True)
class StageView:
    """One stage: its state, its clock and what it reported.

    ``spent_s`` is the time that its attempts ran, without the time between them, and ``base_s``
    what of it was spent before this attempt; ``started`` and ``last`` are seconds since the epoch.
    """

    name: str
    state: str = "pending"
    attempt: int = 0
    started: float | None = None
    last: float | None = None
    spent_s: float = 0.0
    resumed_from_step: int | None = None
    reason: str | None = None
    exit_code: int | None = None
    peak_tree_rss_bytes: int | None = None
    peak_process_rss_bytes: int | None = None
    peak_mlx_bytes: int | None = None
    step: float = 0.0
    tokens: float = 0.0
    series: dict[str, Series] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    base_s: float = 0.0
    attempts: list[tuple[float, float]] = field(default_factory=list)
    """(when it started, the stage's clock then) of the newest attempts."""

    def when(self, seconds: float) -> float | None:
        """The time (epoch) at which the stage's clock showed this; None where that is unknown."""
        for started, base_s in reversed(self.attempts):
            if base_s < seconds:
                return started + seconds - base_s
        # The clock stands between attempts: the first to show a time is the one that reached it.
        first = self.attempts[0] if self.attempts else None
        return first[0] if first and first[1] == seconds else None

    def clock_s(self, now: float | None = None) -> float:
        """Seconds that the stage has run; with ``now`` (epoch) counting on while it runs."""
        if self.state == "running" and now is not None and self.started is not None:
            return max(self.spent_s, self.base_s + now - self.started)
        return self.spent_s

    def seconds_left(self, now: float | None = None) -> float | None:
        """Seconds to the end of the stage, None while that cannot be told."""
        return self.pace.seconds_left(self.clock_s(now)) if self.state == "running" else None


@dataclass(slots=True)
class SuiteView:
    """What was scored so far of one suite in one stage."""

    stage: str
    name: str
    n: int = 0
    correct: int = 0
    total_score: float = 0.0
    graded: bool = False
    """Whether a score was neither right (1) nor wrong (0): then it has a mean and no share."""

    @property
    def score(self) -> float | None:
        """The mean score so far, None before the first example."""
        return self.total_score / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class ExampleView:
    """One scored example."""

    stage: str
    suite: str
    id: str
    score: float
    correct: bool
    prompt: str
    expected: str
    got: str
    error: str | None
    number: int
    """Its place in the order of scoring, from 1 in each run."""


@dataclass(slots=True)
class MessageView:
    """Something to be read once. ``times`` counts the same words said again right after."""

    t: float | None
    stage: str
    level: str
    code: str
    text: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class CheckpointView:
    stage: str
    step: float
    path: str
    reason: str
    val_loss: float | None
