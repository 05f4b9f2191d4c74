"""Asks a person before a run or a loop goes on with programs that nobody agreed to."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.acting import ask, attempt, say
from tui.screens.base import RoomScreen
from tui.widgets.agree import Agree

if TYPE_CHECKING:
    from engine.plans.programs import Program
    from engine.workspace import Workspace

QUESTION = "Run what the target brings?"
SAID_NO = "Nothing was run. What is run is agreed to once, and again when it changes."


def question_on(programs: Sequence[Program], target: Path, *words: str) -> Agree:
    """The question; ``words`` are the command line that asks the same."""
    typed = shlex.join(["factory-tui", *words])
    return Agree(QUESTION, [one.shown for one in programs], f"from {target}.", typed)


def agree_then(
    screen: RoomScreen,
    workspace: Workspace,
    programs: Sequence[Program],
    target: Path,
    words: Sequence[str],
    go_on: Callable[[], object],
) -> None:
    """Ask, in the app's own thread; a yes is written down, then ``go_on`` is called."""

    def answered(yes: bool | None) -> None:
        from engine.plans.programs import agree_to

        if not yes:
            say(screen, SAID_NO)
            return
        try:
            agree_to(workspace, programs)
        except OSError as error:
            say(screen, f"That cannot be written down: {error.strerror or error}.", "error")
        else:
            go_on()

    if not ask(screen, question_on(programs, target, *words), answered):
        say(screen, SAID_NO)


def resume_run(screen: RoomScreen, run: Path, then: Callable[[Path], object]) -> None:
    """Go on with a run, in a worker's thread; ``then`` hears in the app's own where it does. What
    it executes and nobody agreed to is asked about first."""
    from engine.supervise.resume import AgreeFirst, resume
    from engine.workspace import Workspace

    went_on: list[Path] = []
    asked: list[AgreeFirst] = []

    def go_on() -> None:
        try:
            went_on.append(resume(run))
        except AgreeFirst as first:
            asked.append(first)

    if not attempt(screen, go_on, ""):
        return
    if went_on:
        screen.app.call_from_thread(then, went_on[0])
        return
    first, place = asked[0], Workspace.of_run(run)

    def again() -> None:
        screen.run_worker(lambda: resume_run(screen, run, then), thread=True, group="resume")

    words = ("resume", run.name)
    screen.app.call_from_thread(
        agree_then, screen, place, first.programs, first.target, words, again
    )
