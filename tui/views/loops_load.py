"""Reads what Loops shows: which targets have tries, and the tries of one. For worker threads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import RunSummary, summarise
from engine.comparing.chain import Chain, chain
from engine.comparing.evidence import RunEvidence
from engine.comparing.reader import EvidenceReader
from engine.workspace import Workspace

ANEW_EVERY_S = 30.0
"""How often runs that have ended are read again: somebody may have decided one elsewhere."""

_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TargetTries:
    """A target of the workspace that was tried."""

    target: str
    count: int
    running: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Tries:
    """The targets, the one with the newest try first, and the tries of the one that is shown."""

    targets: tuple[TargetTries, ...] = ()
    chain: Chain | None = None


class TryReader:
    """Reads again and again what has changed. For one thread at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._evidence = EvidenceReader(workspace)
        self._known: dict[str, RunSummary] = {}
        self._marks: dict[str, int] = {}
        self._read_of: dict[str, tuple[RunSummary, RunEvidence]] = {}
        self._read_at = -ANEW_EVERY_S
        self._last: tuple[object, Chain] | None = None

    def read(self, target: str | None, anew: bool = False) -> Tries:
        """The tries of a target; of the one with the newest try where it has none or is None."""
        targets = self.targets(anew)
        if not targets:
            return Tries()
        names = {one.target for one in targets}
        return self.tries_of(
            target if target is not None and target in names else targets[0].target
        )

    def targets(self, anew: bool = False) -> list[TargetTries]:
        """Look at the runs: the targets that were tried, the one with the newest try first."""
        return targets_of(self._summaries(anew))

    def tries_of(self, target: str) -> Tries:
        """The tries of a target, by the runs as they were at the last look."""
        known = list(self._known.values())
        return Tries(tuple(targets_of(known)), self._chain(target, known))

    def _summaries(self, anew: bool) -> list[RunSummary]:
        now = time.monotonic()
        if anew or now - self._read_at >= ANEW_EVERY_S:
            self._known = {one.run_id: one for one in all_runs(self._workspace)}
            self._marks = {name: _changed_at(one.path) for name, one in self._known.items()}
            self._read_at = now
            return list(self._known.values())
        found: dict[str, RunSummary] = {}
        marks: dict[str, int] = {}
        for path in self._workspace.run_paths():
            name = path.name
            known, marks[name] = self._known.get(name), _changed_at(path)
            # Records are renamed into their folder, which changes its time.
            if known is None or known.liveness != "idle" or marks[name] != self._marks.get(name):
                known = summarise(path)
            found[name] = known
        self._known, self._marks = found, marks
        return list(found.values())

    def _chain(self, target: str, summaries: Iterable[RunSummary]) -> Chain:
        tried = sorted(
            (one for one in summaries if one.target == target),
            key=lambda one: (one.created or _OLDEST, one.run_id),
        )
        runs = [run for run in map(self._read, tried) if run is not None]
        # What a run does now changes all the time, what it is held against does not.
        mark = (target, tuple(_mark(run) for run in runs))
        if self._last is not None and self._last[0] == mark:
            by_id = {run.run_id: run for run in runs}
            before = self._last[1]
            tries = tuple(replace(one, run=by_id[one.run.run_id]) for one in before.tries)
            return replace(before, tries=tries)
        found = chain(target, runs, self._evidence.rows)
        self._last = (mark, found)
        return found

    def _read(self, summary: RunSummary) -> RunEvidence | None:
        """The evidence of a run; nothing is looked at where its summary is the one of before."""
        before, known = self._read_of.get(summary.run_id, (None, None))
        if before is not summary:
            known = self._evidence.read(summary.run_id, summary)
            if known is not None:
                self._read_of[summary.run_id] = (summary, known)
        return known


def targets_of(summaries: Iterable[RunSummary]) -> list[TargetTries]:
    """The targets that were tried, the one with the newest try first."""
    groups: dict[str, list[RunSummary]] = {}
    for one in summaries:
        if one.target:
            groups.setdefault(one.target, []).append(one)
    found = [
        TargetTries(
            target,
            len(runs),
            sum(run.liveness == "running" for run in runs),
            max((run.created for run in runs if run.created), default=None),
        )
        for target, runs in groups.items()
    ]
    return sorted(found, key=lambda one: (one.newest or _OLDEST, one.target), reverse=True)


def _changed_at(path: Path) -> int:
    """When something was last put into a folder; 0 where it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _mark(run: RunEvidence) -> tuple[object, ...]:
    """What the outcome of a try depends on."""
    summary = run.summary
    return (
        run.run_id,
        summary.liveness,
        summary.phase,
        summary.stage,
        summary.last_error,
        summary.decision,
        summary.parent_run_id,
        # These are the same objects as long as the files are; see EvidenceReader.
        id(run.scores),
        id(run.base),
        id(run.settings),
    )
