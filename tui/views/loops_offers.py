"""What a flywheel on a target could have: planners, writers of rows, commits; and why not.

Reads files and asks git: for worker threads. Nothing is sent to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.loops.commits import place_of, why_not
from engine.loops.flywheel.teachers import (
    GENERATOR,
    NOBODY,
    SETTINGS,
    TEACHER,
    planner_of,
    writer_of,
)
from engine.loops.launch import alive, open_flywheel
from engine.loops.words import state_words
from engine.target import Target, TargetError, load_target
from engine.teaching.errors import TeachingError
from engine.teaching.naming import spec_for
from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Offer:
    """Somebody who could plan or write rows: a name as it is typed, and a sentence. ``there`` is
    False where the sentence says why not."""

    name: str
    there: bool
    words: str


@dataclass(frozen=True, slots=True)
class Offers:
    """``problem`` says why there can be no flywheel at all. ``no_commits`` is the reason, None
    where there can be some. ``open`` is a loop of the target that has not ended, in words;
    ``runs`` whether it is under way."""

    target: str
    problem: str = ""
    iterations: str = ""
    planners: tuple[Offer, ...] = ()
    writers: tuple[Offer, ...] = ()
    usual_writer: str = ""
    no_commits: str | None = None
    open: str = ""
    runs: bool = False


def offers_of(workspace: Workspace, path: Path) -> Offers:
    """What there is for the target at ``path``."""
    try:
        target = load_target(path)
    except (TargetError, OSError) as error:
        return Offers(path.name, problem=str(error))
    open_one = open_flywheel(workspace, path)
    said, runs = "", False
    if open_one is not None:
        status = open_one.status()
        runs = alive(status) == "running"
        said = f"{open_one.loop_id} is open: {state_words(status)}"
    usual = writer_of(target, None, workspace)
    return Offers(
        target=path.name,
        iterations=str(target.forge.flywheel.max_iterations),
        planners=tuple(planner_offer(target, name, workspace) for name in (SETTINGS, TEACHER)),
        writers=tuple(
            writer_offer(target, name, workspace) for name in (GENERATOR, TEACHER, NOBODY)
        ),
        usual_writer=NOBODY if usual is None else usual,
        no_commits=why_not(place_of(target.path)),
        open=said,
        runs=runs,
    )


def planner_offer(target: Target, name: str, workspace: Workspace) -> Offer:
    """Whether somebody of that name can plan."""
    if name == SETTINGS:
        return Offer(name, True, "built in: a sampler over the settings, needs no model")
    return _asked(name, lambda: planner_of(target, name, workspace), workspace)


def writer_offer(target: Target, name: str, workspace: Workspace) -> Offer:
    """Whether somebody of that name can write rows."""
    if name == NOBODY:
        return Offer(name, True, "nobody: only the settings change")
    return _asked(name, lambda: writer_of(target, name, workspace), workspace)


def _asked(name: str, look: Callable[[], str | None], workspace: Workspace) -> Offer:
    try:
        found = look()
    except TeachingError as error:
        return Offer(name, False, str(error))
    if found == GENERATOR:
        return Offer(name, True, "the target's own generator")
    where = spec_for(found, workspace).url if found is not None else ""
    return Offer(name, True, f"{found} at {where}; it is told what the target's documents say")
