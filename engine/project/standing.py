"""Where a target stands: its best score, its data, its loops, and whether something runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from engine.folder import FolderError
from engine.loops.flywheel.canonical import CanonicalError, read_lines
from engine.loops.flywheel.dev import FILE as DEV
from engine.loops.folder import LoopFolder, find_loops
from engine.loops.launch import alive
from engine.project.output import Beat, Best, Experiment, beat_in, best_in, experiments_in
from engine.records.loop import LoopPhase
from engine.records.target import Forge
from engine.workspace import Workspace

SILENT_S = 6 * 3600.0
"""After so long without a beat a running iteration of a tool that we do not know is in doubt."""


@dataclass(frozen=True, slots=True)
class LoopStands:
    """A loop of the target. Scores in [0, 1]; None is not recorded."""

    loop_id: str
    phase: str
    state: str
    """``running``, ``dead`` (its runner is gone without a word) or ``idle``."""
    iteration: int
    step: str | None
    reason: str | None
    best: float | None
    gold: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """``rows`` of each data file by its role, None where the file is not there; ``origins`` counts
    canonical's rows. ``troubles`` has a sentence for what could not be read or looks wrong."""

    name: str
    best: Best | None
    last: Experiment | None
    tries: int
    beat: Beat | None
    beat_stale: str | None
    """Why the heartbeat is not to be believed, as a sentence."""
    rows: dict[str, int | None] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)
    by_whom: dict[str, int] = field(default_factory=dict)
    """Rows that were not written by hand, by who wrote them."""
    loops: list[LoopStands] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def gold(self) -> float | None:
        """The score on gold of the newest loop that opened it."""
        return next((one.gold for one in self.loops if one.gold is not None), None)


def stands(path: Path, forge: Forge, workspace: Workspace | None, now: datetime) -> Standing:
    """Where the target in ``path`` stands. Never raises for what its files hold."""
    troubles: list[str] = []
    loops = _loops(workspace, path, troubles)
    beat = beat_in(path)
    experiments = experiments_in(path)
    origins: dict[str, int] = {}
    by_whom: Counter[str] = Counter()
    rows: dict[str, int | None] = {}
    dataset = forge.dataset
    named = {"gold": dataset.gold, "dev": DEV, "seed": dataset.seed, "canonical": dataset.canonical}
    for role, name in named.items():
        file = path / name if name else None
        if file is None or not file.is_file():
            rows[role] = None
            continue
        try:
            lines = read_lines(file)
        except CanonicalError as error:
            troubles.append(str(error))
            rows[role] = None
            continue
        rows[role] = sum(line.row is not None and "suite" not in line.row for line in lines)
        if broken := sum(line.row is None for line in lines):
            troubles.append(f"{name}: {broken} lines are no rows.")
        if role == "canonical":
            origins = dict(Counter(line.kind for line in lines if line.row is not None))
            by_whom.update(line.origin.by for line in lines if line.origin is not None)
    return Standing(
        name=forge.name or path.name,
        best=best_in(path),
        last=experiments[-1] if experiments else None,
        tries=len(experiments),
        beat=beat,
        beat_stale=_stale(beat, loops, now),
        rows=rows,
        origins=origins,
        by_whom=dict(by_whom),
        loops=loops,
        troubles=troubles,
    )


def running_loop(workspace: Workspace | None, path: Path) -> str | None:
    """The loop that runs on a target now; None where none does."""
    return next(
        (one.loop_id for one in _loops(workspace, path, []) if one.state == "running"), None
    )


def _loops(workspace: Workspace | None, path: Path, troubles: list[str]) -> list[LoopStands]:
    if workspace is None:
        return []
    found = []
    for folder in find_loops(workspace):
        try:
            if (workspace.path / folder.loop().target_dir).resolve() == path.resolve():
                found.append(_stands(folder))
        except FolderError as error:
            troubles.append(f"{folder.loop_id}: {error}.")
    return found


def _stands(folder: LoopFolder) -> LoopStands:
    status = folder.status()
    return LoopStands(
        loop_id=folder.loop_id,
        phase=status.phase,
        state=alive(status),
        iteration=status.iteration,
        step=status.step,
        reason=status.reason,
        best=status.best_score,
        gold=status.gold_score,
    )


def _stale(beat: Beat | None, loops: list[LoopStands], now: datetime) -> str | None:
    if beat is None or beat.status != "running":
        return None
    if any(one.state == "running" for one in loops):
        return None
    dead = next((one for one in loops if one.state == "dead"), None)
    if dead is not None:
        return (
            f"It says running, but the runner of {dead.loop_id} is gone. "
            f"Go on: factory-tui loop resume {dead.loop_id}"
        )
    waiting = next((one for one in loops if one.phase == LoopPhase.PAUSED), None)
    if waiting is not None:
        return f"It says running; {waiting.loop_id} is paused. {waiting.reason or ''}".strip()
    if beat.when is None:
        return "It says running, and not since when: nobody knows whether that is so."
    if now - beat.when > timedelta(seconds=SILENT_S):
        hours = (now - beat.when).total_seconds() / 3600
        since = f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
        return f"It says running, but the last beat is {since} old: that loop is most likely dead."
    return None
