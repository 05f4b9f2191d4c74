"""The teachers of a loop: which ones it has, and how they are asked: one ledger, one budget.

What they cost is counted from the ledger, so a loop that was killed in the middle of a call knows
that it was made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.loops.flywheel.writing import Asking
from engine.records.loop import LoopStatus, Spent
from engine.serving.endpoint import EndpointError, address_of, is_loopback, key_of
from engine.target import Target
from engine.teaching.budget import Budget, Caps
from engine.teaching.errors import TeachingError
from engine.teaching.keys import environment
from engine.teaching.ledger import LEDGER, spent_in
from engine.teaching.naming import TeacherSpec, spec_for
from engine.teaching.tasks import Brief
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel

SETTINGS = "settings"
"""The planner that is built in."""

GENERATOR = "generator"
"""Rows come from the target's own generator."""

TEACHER = "teacher"
"""The one that forge.yaml names: flywheel.planner_model, flywheel.datagen_model."""

NOBODY = "none"
"""Nobody writes rows."""


# --- who ---------------------------------------------------------------------------------


def planner_of(target: Target, wanted: str | None, workspace: Workspace) -> str:
    """Who plans, from what a person said; TeachingError for a teacher that cannot be asked."""
    if wanted in (None, SETTINGS):
        return SETTINGS
    name = target.forge.flywheel.planner_model if wanted == TEACHER else str(wanted)
    return _askable(name, target, workspace).name


def writer_of(target: Target, wanted: str | None, workspace: Workspace) -> str | None:
    """Who writes rows, None for nobody; TeachingError for one that cannot.

    Left open, it is the target's generator; where there is none, the teacher that forge.yaml names,
    if a key for it is there or it is on this machine: nothing is sent to an address that nobody
    here chose.
    """
    has_generator = target.forge.factory.data.generator is not None
    named = target.forge.flywheel.datagen_model
    if wanted is None:
        return GENERATOR if has_generator else _usual(named, target, workspace)
    if wanted == NOBODY:
        return None
    if wanted == GENERATOR:
        if not has_generator:
            raise TeachingError(
                "The target has no generator (factory.data.generator in forge.yaml): name a "
                "teacher, or none.",
                "name",
            )
        return GENERATOR
    _scorer_of(target).check_writable()
    return _askable(named if wanted == TEACHER else wanted, target, workspace).name


def _usual(name: str, target: Target, workspace: Workspace) -> str | None:
    try:
        _scorer_of(target).check_writable()
        spec = _askable(name, target, workspace)
    except TeachingError:
        return None
    ours = spec.key_variable is not None or is_loopback(address_of(spec.endpoint).host)
    return spec.name if ours else None


def _scorer_of(target: Target) -> Brief:
    return Brief(scorer=target.primary.scorer or target.forge.eval.scorer)


def _askable(name: str, target: Target, workspace: Workspace) -> TeacherSpec:
    """Who that is; TeachingError where nobody is called that, or its key is missing. Nothing is
    sent."""
    spec = spec_for(name, workspace)
    try:
        key_of(spec.endpoint, address_of(spec.endpoint), environment(target.path))
    except EndpointError as error:
        raise TeachingError(f"{error} Or put it into the target's .env.", "key") from error
    return spec


# --- asking ------------------------------------------------------------------------------


@contextlib.contextmanager
def asking(wheel: Flywheel, name: str) -> Iterator[Asking]:
    """How a teacher of this loop is asked. What it cost stands in the loop's status afterwards,
    whatever became of it, and while it is asked."""
    ledger = ledger_of(wheel)
    limits = wheel.loop.limits
    budget = Budget(Caps(tokens=limits.tokens, usd=limits.usd), spent_in(ledger))

    def check() -> None:
        wheel.runner.check_stop()
        _note(wheel, budget.spent)

    full = False
    try:
        yield Asking(name, ledger, wheel.folder.workspace, budget, check)
    except TeachingError as error:
        full = error.code == "budget"
        raise
    finally:
        count(wheel, full=full)


def count(wheel: Flywheel, *, full: bool = False) -> None:
    """Bring the status up to what the ledger says; ``full``: there was no room for a call."""
    _note(wheel, spent_in(ledger_of(wheel)), full=full)


def ledger_of(wheel: Flywheel) -> Path:
    return wheel.folder.path / LEDGER


def _note(wheel: Flywheel, spent: Spent, *, full: bool = False) -> None:
    before = wheel.runner.status.spent
    now = spent.model_copy(update={"full": before.full or full})
    if now == before:
        return

    def change(status: LoopStatus) -> None:
        status.spent = now

    wheel.runner.update(change)
