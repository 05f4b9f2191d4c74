"""How a loop asks a teacher: one ledger, one budget, and what it cost in the loop's status.

What teachers cost is counted from the ledger, so a loop that was killed in the middle of a call
knows that it was made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.loops.folder import LoopFolder
from engine.loops.runner import Runner
from engine.records.loop import LoopStatus, Spent
from engine.teaching.budget import Budget, Caps
from engine.teaching.errors import TeachingError
from engine.teaching.ledger import LEDGER, spent_in
from engine.workspace import Workspace


def _go_on() -> None:
    """Nobody wants it to stop."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Which teacher is asked, and where its calls are kept. ``check`` ends the wait by raising."""

    teacher: str
    ledger: Path
    workspace: Workspace | None = None
    budget: Budget | None = None
    check: Callable[[], None] = _go_on


@contextlib.contextmanager
def asking(runner: Runner, name: str) -> Iterator[Asking]:
    """How a teacher of this loop is asked. What it cost stands in the loop's status afterwards,
    whatever became of it, and while it is asked."""
    ledger = ledger_of(runner.folder)
    limits = runner.loop.limits
    budget = Budget(Caps(tokens=limits.tokens, usd=limits.usd), spent_in(ledger))

    def check() -> None:
        runner.check_stop()
        _note(runner, budget.spent)

    full = False
    try:
        yield Asking(name, ledger, runner.folder.workspace, budget, check)
    except TeachingError as error:
        full = error.code == "budget"
        raise
    finally:
        count(runner, full=full)


def count(runner: Runner, *, full: bool = False) -> None:
    """Bring the status up to what the ledger says; ``full``: there was no room for a call."""
    _note(runner, spent_in(ledger_of(runner.folder)), full=full)


def ledger_of(folder: LoopFolder) -> Path:
    """Where a loop's questions and answers are kept."""
    return folder.path / LEDGER


def _note(runner: Runner, spent: Spent, *, full: bool = False) -> None:
    before = runner.status.spent
    now = spent.model_copy(update={"full": before.full or full})
    if now == before:
        return

    def change(status: LoopStatus) -> None:
        status.spent = now

    runner.update(change)
