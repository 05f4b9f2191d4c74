"""The records of a loop: ``loops/<YYYY-MM-DD>-<target>-<kind>[-n]/``.

``loop.json`` says what the loop is, frozen when it was made; ``loop-status.json`` where it is;
``iterations/<NNN>/`` holds what each iteration planned and what became of it, a file a step. A step
whose file is there is done, so a loop that was killed goes on at the first step without one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime
from engine.records.status import LastError, ProcessId


class LoopKind(StrEnum):
    FLYWHEEL = "flywheel"
    RESEARCH = "research"


class LoopPhase(StrEnum):
    """``paused`` waits for a person; the last three are final until the loop is resumed."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing is expected to happen any more by itself."""
        return self in (LoopPhase.COMPLETED, LoopPhase.FAILED, LoopPhase.CANCELLED)


class Limits(Record):
    """Where a loop ends. None is no limit; ``hours`` of wall clock, money in US dollars."""

    iterations: int = Field(default=10, ge=1)
    target_score: float | None = None
    """Of the dev suite; reached when the score's interval does not lie below it."""
    plateau: int | None = Field(default=None, ge=1)
    """So many iterations in a row that were not kept end the loop."""
    hours: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, ge=0)
    usd: float | None = Field(default=None, ge=0)


class DevSuite(Record):
    """The rows that iterations are judged on, so that gold stays unseen."""

    file: Text
    sha256: Sha256
    rows: int = Field(ge=1)
    made_from: Text


class Loop(Record):
    """``loop.json``. ``target_dir`` is relative to the workspace where it lies inside it."""

    loop_id: Text
    kind: LoopKind
    target: Text
    target_dir: Text
    created: UtcTime
    seed: int = 0
    limits: Limits = Field(default_factory=Limits)
    planner: Text = "settings"
    """Who proposes: ``settings`` is the built-in sampler, anything else names a teacher."""
    data_from: Text | None = "generator"
    """Who writes rows for failures: the target's generator, a teacher, or None for nobody."""
    approve: bool = False
    """Whether each plan waits for a person before it runs."""
    commits: bool = False
    """Whether iterations are committed in the target's own repository."""
    skip_first_training: bool = False
    gold_every: int | None = Field(default=None, ge=1)
    """After every so many iterations a new best is judged on gold as well; None: at the end."""
    locked: dict[str, Sha256] = Field(default_factory=dict)
    """Files that may not change while the loop runs (gold, suites, scorer), with their hashes."""
    dev: DevSuite | None = None
    target_dirty: list[str] = Field(default_factory=list)
    """Files of the target that had changes of somebody's own when the loop was made."""
    spec: dict[str, Any] = Field(default_factory=dict)
    """What only this kind of loop knows."""


class Spent(Record):
    """What teachers cost so far; ``usd`` counts calls whose price is known."""

    calls: int = Field(default=0, ge=0)
    tokens: int = Field(default=0, ge=0)
    usd: float = Field(default=0.0, ge=0)
    full: bool = False
    """A call was not made, since it could have passed a limit."""


class LoopStatus(Record):
    """``loop-status.json``. ``revision`` rises by one with each write."""

    loop_id: Text
    phase: LoopPhase = LoopPhase.CREATED
    revision: int = Field(default=0, ge=0)
    created: UtcTime
    updated: UtcTime
    started: UtcTime | None = None
    ended: UtcTime | None = None
    runner: ProcessId | None = None
    iteration: int = Field(default=0, ge=0)
    """The one at hand, from 1; 0 before the first."""
    step: str | None = None
    reason: str | None = None
    """Why it is paused or ended, as a sentence."""
    best_run: str | None = None
    best_score: float | None = None
    """On the dev suite."""
    gold_run: str | None = None
    """The run that judged the best candidate on gold, at the end."""
    gold_score: float | None = None
    spent: Spent = Field(default_factory=Spent)
    worked_s: float = Field(default=0.0, ge=0)
    """Wall clock of earlier sittings, in seconds; pauses do not count."""
    last_error: LastError | None = None


# --- one iteration: a file a step --------------------------------------------------------


class RefusedPatch(Record):
    name: str
    value: Any = None
    reason: Text


class IterationPlan(Record):
    """``plan.json``. ``patches`` hold for this iteration alone, ``permanent`` ones are written into
    forge.yaml once its run has an end that is no crash; both are flat names of the allow-list, each
    within its bounds."""

    iteration: int = Field(ge=1)
    by: Text
    hypothesis: Text
    rationale: str | None = None
    patches: dict[str, Any] = Field(default_factory=dict)
    permanent: dict[str, Any] = Field(default_factory=dict)
    refused: list[RefusedPatch] = Field(default_factory=list)
    background: str | None = None
    """What is added to BACKGROUND.md."""
    augment_focus: str | None = None
    augment_n: int | None = Field(default=None, ge=0)
    expected_pp: float | None = None
    approved: bool | None = None
    """None while nobody was asked."""
    edited: bool = False
    made: UtcTime

    @property
    def settings(self) -> dict[str, Any]:
        """What its run has other than forge.yaml as it was."""
        return {**self.permanent, **self.patches}


class IterationRun(Record):
    """``run.json``: the run of an iteration; ``retried`` after it ran out of memory once."""

    run_id: Text
    trained: bool = True
    retried: str | None = None


Outcome = Literal["kept", "dropped", "crashed"]


class IterationVerdict(Record):
    """``verdict.json``: what became of the hypothesis. Scores are of the dev suite."""

    outcome: Outcome
    reason: Text
    score: float | None = None
    best_before: float | None = None
    difference: tuple[float, float, float] | None = None
    """(value, low, high) of this run minus the best before, on the same rows."""
    p: float | None = None
    fixed: int | None = None
    broken: int | None = None
    breadth_drop_pp: float | None = None
    safety_violations: int | None = None
    failures: int | None = None
    adapter: str | None = None
    """The copy of the weights that were promoted, relative to the target."""


class IterationData(Record):
    """``data.json``: the rows that were added for the failures of an iteration, and those that
    were turned away at the door, by why."""

    added: int = Field(default=0, ge=0)
    asked: int = Field(default=0, ge=0)
    refused: dict[str, int] = Field(default_factory=dict)
    by: str | None = None
    focus: str | None = None
    note: str | None = None
    canonical_rows: int | None = None


class IterationCommit(Record):
    """``commit.json``."""

    commit: str | None = None
    reason: str | None = None
    left_out: list[str] = Field(default_factory=list)


class Origin(Record):
    """Where a row of canonical.jsonl comes from: its key ``origin``. A row without one was written
    by hand."""

    kind: Literal["seed", "generated", "augmented", "patched", "audited"]
    by: Text
    """``seed.jsonl``, ``generator.py``, or the model that wrote it."""
    prompt_sha256: Sha256 | None = None
    """Of what a model was asked; the whole text is in the loop's ledger."""
    seed: int | None = None
    focus: str | None = None
    failures: list[str] = Field(default_factory=list)
    """The examples of the dev suite that it was made for."""
    loop: str | None = None
    iteration: int | None = None
    added: UtcTime | None = None
    was: str | None = None
    """Of an audited row: the kind of its origin before, or ``by hand``."""
