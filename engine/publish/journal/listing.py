"""Which entries the journal has: a run each, and a loop each with all of its runs. Cheap to read.

A loop's runs are one experiment: forty entries of one campaign would bury all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from engine import numbers
from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import RunSummary
from engine.folder import FolderError
from engine.loops.folder import LoopFolder, find_loops
from engine.loops.mark import LoopMark, mark_of
from engine.records.loop import IterationVerdict, Loop, LoopKind, LoopStatus
from engine.workspace import Workspace

Kind = Literal["run", "loop"]
LOOP = "loop:"
"""Before the key of a loop: its folder may have the name of a run."""


@dataclass(frozen=True, slots=True)
class Member:
    """A run of a loop and its iteration, from 1."""

    iteration: int
    run: RunSummary


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry, as a list shows it. ``decision`` is the decision, else where the run or loop is;
    scores are in their own unit, None where they are not recorded. ``created`` is UTC."""

    key: str
    kind: Kind
    name: str
    target: str
    created: datetime | None
    decision: str
    before: float | None
    after: float | None
    lower: bool = False
    run: RunSummary | None = None
    members: tuple[Member, ...] = ()
    path: Path | None = None
    """The loop's folder, None where it is not there any more."""
    campaign: bool = False
    """Whether it is a research campaign."""

    @property
    def date(self) -> str:
        return self.created.date().isoformat() if self.created else numbers.NOT_RECORDED

    @property
    def open_run(self) -> str | None:
        """The run that the entry leads to: a loop's newest one."""
        if self.run is not None:
            return self.run.run_id
        return self.members[-1].run.run_id if self.members else None

    @property
    def delta(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before


def listed(
    workspace: Workspace,
    runs: Sequence[RunSummary] | None = None,
    mark: Callable[[Path], LoopMark | None] = mark_of,
) -> list[Listed]:
    """Every entry, newest first. OSError where the runs cannot be listed."""
    found: list[Listed] = []
    members: dict[str, list[Member]] = {}
    for run in all_runs(workspace) if runs is None else runs:
        loop = mark(run.path)
        if loop is None:
            found.append(_of_run(run))
        else:
            members.setdefault(loop.loop_id, []).append(Member(loop.iteration, run))
    for folder in find_loops(workspace):
        found.append(_of_loop(folder.loop_id, folder, members.pop(folder.loop_id, [])))
    found += [_of_loop(name, None, runs_of) for name, runs_of in sorted(members.items())]
    return sorted(found, key=_order, reverse=True)


def chosen(
    entries: Iterable[Listed], *, since: date | None = None, target: str | None = None
) -> list[Listed]:
    """The entries from a day on, and of one target. What has no date is not from that day on."""
    return [
        one
        for one in entries
        if (since is None or (one.created is not None and one.created.date() >= since))
        and (target is None or one.target == target)
    ]


def runs_of(entry: Listed) -> list[RunSummary]:
    """The runs of an entry, in their order."""
    return [entry.run] if entry.run is not None else [one.run for one in entry.members]


def _order(one: Listed) -> tuple[datetime, str]:
    return one.created or datetime.min.replace(tzinfo=UTC), one.key


def _of_run(run: RunSummary) -> Listed:
    return Listed(
        run.run_id,
        "run",
        run.run_id,
        run.target,
        run.created,
        run.decided_as or run.phase or "not decided",
        run.primary_baseline,
        run.primary_candidate,
        run.direction == "lower",
        run,
    )


def _of_loop(name: str, folder: LoopFolder | None, members: list[Member]) -> Listed:
    """A loop from its records; from its runs alone where they cannot be read."""
    ordered = sorted(members, key=lambda one: (one.iteration, _created(one.run), one.run.run_id))
    loop, status = loop_records(folder)
    first = next((one.run.created for one in ordered if one.run.created), None)
    runs = [one.run for one in ordered]
    return Listed(
        LOOP + name,
        "loop",
        name,
        loop.target if loop else next((run.target for run in runs if run.target), ""),
        loop.created if loop else first,
        str(status.phase) if status else "not decided",
        None if folder is None else start_of(folder),
        status.best_score if status else None,
        any(run.direction == "lower" for run in runs),
        None,
        tuple(ordered),
        folder.path if folder else None,
        loop is not None and loop.kind is LoopKind.RESEARCH,
    )


def loop_records(folder: LoopFolder | None) -> tuple[Loop | None, LoopStatus | None]:
    """What a loop is and where it is; None for what cannot be read."""
    if folder is None:
        return None, None
    try:
        loop = folder.loop()
    except FolderError:
        loop = None
    try:
        return loop, folder.status()
    except FolderError:
        return loop, None


def start_of(folder: LoopFolder) -> float | None:
    """What the first verdict was held against; where that was nothing (a campaign measures its
    recipe first), what it says itself. None where it cannot be read."""
    for number in folder.iterations():
        try:
            verdict = folder.done(number, IterationVerdict)
        except FolderError:
            return None
        if verdict is not None:
            return verdict.score if verdict.best_before is None else verdict.best_before
    return None


def _created(run: RunSummary) -> datetime:
    return run.created or datetime.min.replace(tzinfo=UTC)
