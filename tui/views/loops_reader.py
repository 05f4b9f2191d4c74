"""Reads a loop again and again, each time only what changed: what Loops shows. For worker threads.

Records of iterations are renamed into their folders, which changes the folders' time: a look at a
loop of a thousand iterations that stands still costs a thousand stats. The scores' intervals and
what failed come from the runs, a bounded number of them at each look, the newest first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from engine.comparing.reader import EvidenceReader, run_folder
from engine.folder import FolderError
from engine.live.tail import EventTail
from engine.loops.folder import EVENTS, LoopFolder, Request
from engine.loops.launch import Alive, alive
from engine.loops.story import LoopStory, Said, StepTime
from engine.plain_file import read_plain
from engine.records.loop import (
    IterationCommit,
    IterationData,
    IterationPlan,
    IterationRun,
    IterationVerdict,
    Loop,
    LoopKind,
    LoopStatus,
)
from engine.records.research import TryCommit, TryProposal, TryRuns, TryVerdict
from tui.views.loops_failures import Failures, read_failures
from tui.views.loops_target import Origins, TargetReader

MEASURE_S = 0.3
"""How long runs' scores and rows are read at one look; at least one is."""

MAX_LOG_BYTES = 4 * 2**20

Pair = tuple[float, float]
RecordT = TypeVar("RecordT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run's own records say beyond the verdict; None is not recorded."""

    interval: Pair | None = None
    failures: Failures | None = None


@dataclass(frozen=True, slots=True)
class Iteration:
    """One iteration: a record for each step that is done, None for the others.

    ``draft``: the plan is a draft that has not been run. ``measured`` is None while the run was not
    looked at; ``problems`` are sentences about records that cannot be read.
    """

    number: int
    plan: IterationPlan | None = None
    draft: bool = False
    run: str | None = None
    trained: bool | None = None
    retried: str | None = None
    verdict: IterationVerdict | None = None
    data: IterationData | None = None
    commit: IterationCommit | None = None
    tried: TryRuns | None = None
    """Of a research campaign: every measurement of the try."""
    measured: Measured | None = None
    problems: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether its plan waits for a person, where the loop asks for one."""
        return self.draft and self.plan is not None and not self.plan.approved


@dataclass(frozen=True, slots=True)
class LoopView:
    """A loop as it was at one look. ``problem`` says why its records cannot be read."""

    loop_id: str
    path: Path
    loop: Loop | None = None
    status: LoopStatus | None = None
    state: Alive = "idle"
    problem: str = ""
    iterations: tuple[Iteration, ...] = ()
    steps: Mapping[str, StepTime] = field(default_factory=dict)
    """Of the iteration at hand."""
    sitting: float | None = None
    said: tuple[Said, ...] = ()
    asked: frozenset[Request] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The target's own values of what a plan may change."""
    origins: Origins | None = None
    opening: str | None = None
    """The run in which gold is judged now, at the loop's end."""
    gold: Pair | None = None
    """The interval of the score on gold."""
    gold_decision: str | None = None
    """What became of the run that was judged on gold; None while nobody has decided."""
    last_words: str = ""
    """What a runner that died printed last; empty while it lives."""
    reading: bool = False
    """Whether runs are left to be measured at the next look."""

    def at(self, number: int) -> Iteration | None:
        """The iteration of that number."""
        return next((one for one in reversed(self.iterations) if one.number == number), None)

    @property
    def research(self) -> bool:
        """Whether it is a research campaign, whose iterations are tries under a protocol."""
        return self.loop is not None and self.loop.kind is LoopKind.RESEARCH

    @property
    def now(self) -> Iteration | None:
        """The iteration at hand, else the last one."""
        return self.iterations[-1] if self.iterations else None

    @property
    def running(self) -> str | None:
        """The run that is waited for now; None where none is."""
        if self.state != "running" or self.opening is not None:
            return self.opening if self.state == "running" else None
        return self.now.run if self.now is not None and self.now.verdict is None else None

    @property
    def waiting(self) -> Iteration | None:
        """The iteration whose plan waits to be approved; None where nothing waits."""
        last = self.now
        asks = self.loop is not None and self.loop.approve and self.state != "running"
        return last if asks and last is not None and last.waits else None

    def worked_s(self, now: float) -> float | None:
        """Seconds of work over all sittings; ``now`` is the time since the epoch."""
        if self.status is None:
            return None
        here = self.state == "running" and self.sitting is not None
        return self.status.worked_s + (max(0.0, now - (self.sitting or now)) if here else 0.0)


class LoopReader:
    """One loop, looked at again and again. For one thread at a time."""

    def __init__(self, folder: LoopFolder) -> None:
        self.folder = folder
        self._tail = EventTail(folder.path / EVENTS)
        self._story = LoopStory()
        self._loop: tuple[int, Loop] | None = None
        self._known: dict[int, tuple[int, Iteration]] = {}
        self._measured: dict[str, Measured] = {}
        self._evidence = EvidenceReader(folder.workspace)
        self._target = TargetReader(folder.loop_id)

    def read(self, anew: bool = False) -> LoopView:
        """The loop as it is now; ``anew`` looks at every run again."""
        if anew:
            self._measured.clear()
            self._known.clear()
        view = LoopView(self.folder.loop_id, self.folder.path)
        self._story.apply_all(self._tail.read_all())
        try:
            loop, status = self._frozen(), self.folder.status()
        except (FolderError, OSError) as error:
            return replace(view, problem=f"{error}.", iterations=self._iterations())
        iterations = self._iterations()
        research = loop.kind is LoopKind.RESEARCH  # its records hold every number themselves
        iterations, left = (iterations, False) if research else self._with_measured(iterations)
        gold = self._evidence.read(status.gold_run) if status.gold_run else None
        opening = self._story.gold if status.gold_run is None else None
        own = self._target.read(self.folder.workspace.path / loop.target_dir)
        return replace(
            view,
            loop=loop,
            status=status,
            state=alive(status),
            iterations=iterations,
            steps=dict(self._story.steps.get(status.iteration, {})),
            sitting=self._story.sitting,
            said=tuple(self._story.said),
            asked=frozenset(one for one in Request if self.folder.asked(one)),
            settings=own.settings,
            origins=own.origins,
            opening=opening,
            gold=gold.primary.interval if gold and gold.primary else None,
            gold_decision=gold.summary.decided_as if gold else None,
            last_words=self._last_words() if alive(status) == "dead" else "",
            reading=left,
        )

    def _last_words(self) -> str:
        """The last line of the runner's log; empty where there is none."""
        try:
            text = read_plain(self.folder.path / "runner.log", MAX_LOG_BYTES)
        except OSError:
            return ""
        lines = text.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def _frozen(self) -> Loop:
        """loop.json, which does not change once it is written."""
        at = (self.folder.path / "loop.json").stat().st_mtime_ns
        if self._loop is None or self._loop[0] != at:
            self._loop = (at, self.folder.loop())
        return self._loop[1]

    # --- iterations -----------------------------------------------------------------

    def _iterations(self) -> tuple[Iteration, ...]:
        found = []
        numbers = self.folder.iterations()
        for number in numbers:
            try:
                at = self.folder.iteration(number).stat().st_mtime_ns
            except OSError:  # removed since it was listed
                continue
            known = self._known.get(number)
            # Two writes within a tick of the clock leave one time: what may move is read anyway.
            if known is None or known[0] != at or number in numbers[-2:]:
                known = (at, self._iteration(number))
            one = known[1]
            run = self._story.runs.get(number)
            if one.run is None and run is not None:
                one = replace(one, run=run)
            self._known[number] = (known[0], one)
            found.append(one)
        return tuple(found)

    def _iteration(self, number: int) -> Iteration:
        problems: list[str] = []

        def of(kind: type[RecordT]) -> RecordT | None:
            try:
                return self.folder.done(number, kind)
            except (FolderError, OSError) as error:
                problems.append(f"{error}.")
                return None

        research = self._loop is not None and self._loop[1].kind is LoopKind.RESEARCH
        plan = of(TryProposal if research else IterationPlan)
        run = of(TryRuns if research else IterationRun)
        draft = plan is None and not problems and not research
        if draft:
            # Not for the thread that draws: planning knows teachers, which takes long to import.
            from engine.loops.flywheel.planning import read_draft

            try:
                plan = read_draft(self.folder, number)
            except (FolderError, OSError) as error:
                problems.append(f"{error}.")
        return Iteration(
            number=number,
            plan=plan,
            draft=draft and plan is not None,
            run=run.run_id if run else None,
            trained=run.trained if run else None,
            retried=run.retried if run else None,
            verdict=of(TryVerdict if research else IterationVerdict),
            data=of(IterationData),
            commit=of(TryCommit if research else IterationCommit),
            tried=run if isinstance(run, TryRuns) else None,
            problems=tuple(problems),
        )

    # --- what their runs say ---------------------------------------------------------

    def _with_measured(self, found: tuple[Iteration, ...]) -> tuple[tuple[Iteration, ...], bool]:
        """The iterations with what their runs say, and whether some are left for the next look."""
        end = time.monotonic() + MEASURE_S
        measured = 0
        whole = list(found)
        left = False
        for at in range(len(found) - 1, -1, -1):
            one = found[at]
            if one.measured is not None or one.verdict is None or one.run is None:
                continue
            if one.run not in self._measured:
                if measured and time.monotonic() > end:
                    left = True
                    continue
                measured += 1
                self._measured[one.run] = self._measure(one.run)
            whole[at] = replace(one, measured=self._measured[one.run])
            self._known[one.number] = (self._known[one.number][0], whole[at])
        return tuple(whole), left

    def _measure(self, run: str) -> Measured:
        path = run_folder(self.folder.workspace, run)
        if path is None:
            return Measured()
        return Measured(self._interval(run), read_failures(path))

    def _interval(self, run: str) -> Pair | None:
        evidence = self._evidence.read(run)
        score = evidence.primary if evidence is not None else None
        return score.interval if score is not None else None
