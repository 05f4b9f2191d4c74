"""The records of a research campaign: what a loop of the kind ``research`` keeps beside the ones
that every loop has.

``loops/<id>/protocol.json`` is the protocol, byte for byte as it was agreed to;
``loops/<id>/worktree/`` the campaign's own checkout. Iteration 1 measures the recipe as it is (the
baseline); try n is iteration n + 1. The step records extend those of every loop, so a screen that
knows loops can show a campaign.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from engine.records.base import Record, Sha256, Text
from engine.records.loop import IterationCommit, IterationPlan, IterationRun, IterationVerdict

PROTOCOL_FILE = "protocol.json"
WORKTREE = "worktree"
CHANGE_FILE = "change.diff"
"""In the folder of an iteration: the try as a unified diff against the best before it."""


class Proposer(Record):
    """Who proposes what to try."""

    kind: Literal["settings", "person", "command", "teacher"] = "settings"
    """``settings``: the constants of the mutable files, by the built-in sampler."""
    argv: list[str] = Field(default_factory=list)
    """Of a command: its words, no shell. The prompt comes on stdin, the worktree is its cwd."""
    teacher: str | None = None
    """The teacher's name."""
    limit_s: float = Field(default=600.0, gt=0)
    """How long a command or a teacher may take for one proposal."""
    goal: str | None = None
    """What a person wants of the campaign, in a sentence; the protocol's purpose where None."""


class Campaign(Record):
    """``Loop.spec`` of a research campaign; frozen when it is made."""

    protocol_sha256: Sha256
    repo: Text
    """The user's repository; absolute, or relative to the workspace where it lies inside it."""
    base_commit: Text
    """What the campaign began from: HEAD of the repository then."""
    branch: Text
    seeds: int = Field(default=3, ge=1)
    """How often a try is measured before it can be kept; repetition k has the seed
    ``Loop.seed + k``."""
    baseline_seeds: int = Field(default=5, ge=1)
    """How often the baseline is measured: this gives the noise."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """A try is kept when it is better than the best with at least this probability."""
    proposer: Proposer = Field(default_factory=Proposer)
    disk_bytes: int = Field(default=2 * 2**30, gt=0)
    """How much a try may add to its worktree before it is stopped."""
    results_before: str | None = None
    """The text of the results log as it was when the campaign was made; its rows are continued."""


class TryWish(Record):
    """``wishes/NNN.json``: what a person wants of a try that is done. Each becomes an iteration of
    its own, before anybody proposes: what was concluded is never written over."""

    kind: Literal["accept", "discard", "rerun", "replay"]
    """``accept``: keep it against the rule; ``discard``: take back a try that was kept; ``rerun``:
    measure it with more seeds and judge it anew; ``replay``: measure the best again."""
    iteration: int = Field(ge=1)
    """The one that it is about."""
    reason: str | None = None
    seeds: int = Field(default=1, ge=1)
    """How many more measurements, of ``rerun`` and ``replay``."""


class Violation(Record):
    """A rule of the protocol that a try broke."""

    rule: Literal[
        "glob",
        "kind",
        "harness",
        "dependency",
        "repeat",
        "empty",
        "size",
        "changed-while-running",
        "too-quick",
        "metric-twice",
        "apply",
    ]
    path: str | None = None
    text: Text
    """What was done, and what the rule is, as a sentence."""


class TryProposal(IterationPlan):
    """``plan.json`` of an iteration. ``hypothesis`` is the one line that describes the try;
    ``patches`` are constants that were changed, by ``file:NAME``."""

    files: list[str] = Field(default_factory=list)
    """The mutable files that it changes."""
    mutable_sha256: Sha256
    """Over all mutable files as the try has them: no state is run twice."""
    lines: int = Field(ge=0)
    """Lines of the mutable files that are neither blank nor a comment, with the try."""
    lines_before: int = Field(ge=0)
    commit: str | None = None
    """The try as a commit of the repository, kept by a ref of the campaign; None for the baseline
    and for a try that was refused."""
    violations: list[Violation] = Field(default_factory=list)
    """Why it was not run; empty for a try that was."""
    wish: TryWish | None = None
    """What a person wanted, where this iteration is no new try."""
    wish_file: str | None = None
    """The wish that is done with this iteration."""


class Measurement(Record):
    """One execution of the protocol's command: a run."""

    run_id: Text
    repeat: int = Field(ge=0)
    seed: int
    value: float | None = None
    """The primary metric; None where there is no number that counts."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """The secondary metrics."""
    seconds: float | None = None
    memory_gb: float | None = None
    """Peak of the process tree in units of 2**30 bytes, or what the recipe says of itself."""
    cause: str | None = None
    """Why there is no value: ``oom``, ``time-limit``, ``no-metric``, ``metric-twice``, ``exit``,
    ``signal``, ``nan``, ``disk``, ``rule``."""
    trace: list[str] = Field(default_factory=list)
    """The last lines that it printed, where it crashed."""
    violations: list[Violation] = Field(default_factory=list)
    """Rules that were found broken after it ran."""


class TryRuns(IterationRun):
    """``run.json`` of an iteration: ``run_id`` is the first of its runs; for a try that was refused
    there is none and ``run_id`` is ``none``."""

    measurements: list[Measurement] = Field(default_factory=list)
    dropped_early: str | None = None
    """Why not all repetitions were run: it was a clear loser; a sentence."""
    batch: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Constants that were halved after it ran out of memory once: (before, after)."""
    commit: str | None = None
    """The try with its batch halved, where it was: what is kept when it is."""
    mutable_sha256: Sha256 | None = None
    """The state that was measured, where it is not the proposal's."""


class TryStatus(StrEnum):
    KEEP = "keep"
    DISCARD = "discard"
    CRASH = "crash"


class TryVerdict(IterationVerdict):
    """``verdict.json`` of an iteration. ``score`` is the mean of the primary metric,
    ``difference`` try minus best before, with its interval at the campaign's confidence."""

    status: TryStatus
    cause: str | None = None
    """Of a crash, as in Measurement; of a discard by rule: the rule."""
    probability: float | None = Field(default=None, ge=0, le=1)
    """That the try is better than the best before it, given what was measured."""
    interval: tuple[float, float] | None = None
    """Of the try's own mean."""
    noise: float | None = None
    """Standard deviation of one measurement, pooled over all tries so far."""
    lines_saved: int | None = None
    simpler: bool = False
    """Kept since it is as good with fewer lines."""
    by_person: str | None = None
    """A person accepted or discarded it against the rule; the reason that was given."""


class TryCommit(IterationCommit):
    """``commit.json`` of an iteration: ``commit`` is on the campaign's branch for a try that was
    kept. ``row`` is its row in the results log, by column."""

    row: dict[str, str] = Field(default_factory=dict)


class ResultsRow(Record):
    """One row of a results log, as its cells are; values that are no numbers are None."""

    cells: dict[str, str]
    commit: str | None = None
    value: float | None = None
    memory_gb: float | None = None
    status: str | None = None
    description: str = ""
    line: int = Field(ge=1)
