"""An entry, read and rendered: the one place of the journal that looks into run folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.checks.contents import RunContents
from engine.loops.folder import LoopFolder
from engine.publish.card.curves import loss_curves
from engine.publish.journal import loop_entry, run_entry
from engine.publish.journal.contents import read_run
from engine.publish.journal.listing import Listed, loop_records
from engine.publish.journal.run_entry import Seen
from engine.publish.journal.step import Step, step_of_loop, step_of_run
from engine.publish.site.homes import without_homes
from engine.publish.standing import Standing, standings
from engine.records.plan import StageKind


@dataclass(frozen=True, slots=True)
class Made:
    """An entry with its text, without notes, and its step."""

    entry: Listed
    lines: tuple[str, ...]
    step: Step


def make(entry: Listed, root: str = "") -> Made:
    """One entry. Never raises for what its folder holds: what is wrong is said in it."""
    if entry.run is None:
        lines = loop_entry.render(entry, root)
        return Made(entry, _without_homes(lines), step_of(entry))
    path = entry.run.path
    contents, problem = _read(path)
    suites = standings(contents) if contents else ()
    losses = loss_curves(path, _train_stages(contents)).curves if contents else ()
    lines = run_entry.render(entry, Seen(contents, suites, losses, problem), root)
    return Made(entry, _without_homes(lines), step_of_run(entry, contents, suites))


def step_of(entry: Listed) -> Step:
    """The step alone, which is quicker than the whole entry."""
    if entry.run is not None:
        contents, _ = _read(entry.run.path)
        return step_of_run(entry, contents, _suites(contents))
    _, status = loop_records(LoopFolder(entry.path) if entry.path else None)
    gold, best = (status.gold_run, status.best_run) if status else (None, None)
    by_name = {one.run.run_id: one.run.path for one in entry.members}
    where = by_name.get(gold or best or "")
    tries = f"{len(entry.members)} runs"
    # One run of a campaign is one of several measurements: its own records have the mean.
    if where is not None and not entry.campaign:
        contents, _ = _read(where)
        suites = _suites(contents)
        if contents is not None and suites and suites[0].record is not None:
            note = f"{tries}; {'judged on gold' if gold else 'its best'}: {where.name}"
            return step_of_run(entry, contents, suites, note)
    return step_of_loop(entry, tries if best is None else f"{tries}; its best: {best}")


def make_all(entries: Iterable[Listed], root: str = "") -> Iterator[Made]:
    """The entries one after the other: whoever waits for thousands can say how far it is."""
    for one in entries:
        yield make(one, root)


def _read(path: Path) -> tuple[RunContents | None, str]:
    try:
        return read_run(path), ""
    except OSError as error:
        return None, f"{path.name}: the folder cannot be read ({error.strerror})."


def _suites(contents: RunContents | None) -> Sequence[Standing]:
    return standings(contents) if contents else ()


def _train_stages(contents: RunContents | None) -> list[str]:
    plan = contents.plan if contents else None
    return [one.name for one in plan.stages if one.kind is StageKind.TRAIN] if plan else []


def _without_homes(lines: Iterable[str]) -> tuple[str, ...]:
    """Nobody's business is in which home directory something lay."""
    return tuple(without_homes("\n".join(lines)).split("\n"))
