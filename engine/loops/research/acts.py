"""What a person does with a campaign, from a screen or a command line.

Nothing that was concluded is changed: each act leaves a wish, and the campaign's runner makes an
iteration of it. A campaign that does not run is taken up for it.
"""

from __future__ import annotations

from engine.folder import FolderError
from engine.loops.folder import LoopFolder
from engine.loops.launch import alive, launch_loop
from engine.loops.research.wishes import leave
from engine.records.loop import LoopKind
from engine.records.research import TryProposal, TryRuns, TryVerdict, TryWish
from engine.supervise.launch import LaunchError


class ActError(Exception):
    """It cannot be done; the text says why."""


def accept(folder: LoopFolder, iteration: int, reason: str, *, start: bool = True) -> None:
    """Keep a try against the rule; ActError where it has no number or was kept already."""
    verdict = _verdict(folder, iteration)
    if verdict.outcome == "kept":
        raise ActError(f"{name_of(iteration)} was kept.")
    if not _values(folder, iteration):
        raise ActError(f"{name_of(iteration)} has no number, so it cannot be accepted.")
    _wish(folder, TryWish(kind="accept", iteration=iteration, reason=_said(reason)), start)


def discard(folder: LoopFolder, iteration: int, reason: str, *, start: bool = True) -> None:
    """Take back a try that was kept; ActError for the baseline and for one that was not kept."""
    verdict = _verdict(folder, iteration)
    if iteration == 1:
        raise ActError("The baseline cannot be taken back: a campaign begins from it.")
    if verdict.outcome != "kept":
        raise ActError(f"{name_of(iteration)} was not kept, so there is nothing to take back.")
    _wish(folder, TryWish(kind="discard", iteration=iteration, reason=_said(reason)), start)


def rerun(folder: LoopFolder, iteration: int, more_seeds: int, *, start: bool = True) -> None:
    """Measure a try with more seeds and judge it on all of them; ActError where it never ran."""
    _verdict(folder, iteration)
    if not _values(folder, iteration):
        raise ActError(f"{name_of(iteration)} has no number that more seeds could add to.")
    _wish(folder, TryWish(kind="rerun", iteration=iteration, seeds=max(1, more_seeds)), start)


def replay_best(folder: LoopFolder, more_seeds: int = 3, *, start: bool = True) -> None:
    """Measure the best again; ActError before there is one."""
    for number in reversed(folder.iterations()):
        verdict = _read(folder, number)
        if verdict is not None and verdict.outcome == "kept":
            wish = TryWish(kind="replay", iteration=number, seeds=max(1, more_seeds))
            _wish(folder, wish, start)
            return
    raise ActError("There is no best yet: the baseline comes first.")


def name_of(iteration: int) -> str:
    """An iteration as people name it: "The baseline", "Try 3"."""
    return "The baseline" if iteration == 1 else f"Try {iteration - 1}"


def label_of(iteration: int) -> str:
    """The same in front of a line: "baseline", "try 3", the number that the acts take. Setup comes
    before all of them."""
    if iteration < 1:
        return "setup"
    return "baseline" if iteration == 1 else f"try {iteration - 1}"


def _said(reason: str) -> str:
    if not reason.strip():
        raise ActError("Give a reason: it is kept beside the verdict.")
    return reason.strip()


def _values(folder: LoopFolder, iteration: int) -> list[float]:
    plan, runs = folder.done(iteration, TryProposal), folder.done(iteration, TryRuns)
    if plan is None or plan.violations or runs is None:
        return []
    broken = any(one.violations for one in runs.measurements)
    return [] if broken else [m.value for m in runs.measurements if m.value is not None]


def _verdict(folder: LoopFolder, iteration: int) -> TryVerdict:
    verdict = _read(folder, iteration)
    if verdict is None:
        raise ActError(f"{name_of(iteration)} has no verdict yet.")
    return verdict


def _read(folder: LoopFolder, iteration: int) -> TryVerdict | None:
    try:
        if folder.loop().kind is not LoopKind.RESEARCH:
            raise ActError(f"{folder.loop_id} is no research campaign.")
        return folder.done(iteration, TryVerdict)
    except FolderError as error:
        raise ActError(f"{folder.loop_id}: {error}.") from error


def _wish(folder: LoopFolder, wish: TryWish, start: bool) -> None:
    try:
        leave(folder, wish)
        if start and alive(folder.status()) != "running":
            launch_loop(folder)
    except (OSError, FolderError, LaunchError) as error:
        raise ActError(f"{folder.loop_id}: {error}") from error
