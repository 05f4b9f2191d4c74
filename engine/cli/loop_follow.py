"""Following a loop on the command line: a line for each iteration, and its run as it goes."""

from __future__ import annotations

import time
from typing import Any, NoReturn

import typer

from engine import numbers
from engine.cli.console import Exit, fail, narrate, print_json, print_table, printable
from engine.cli.project_rows import spent_words
from engine.folder import FolderError
from engine.live.tail import EventTail
from engine.loops.folder import EVENTS, LoopFolder
from engine.loops.launch import alive
from engine.loops.words import state_words
from engine.records.loop import (
    IterationData,
    IterationPlan,
    IterationVerdict,
    LoopKind,
    LoopPhase,
)

POLL_S = 0.5

_SIGNS = {"kept": "✔", "dropped": "·", "crashed": "✘"}


def start_loop(folder: LoopFolder, *, detach: bool, as_json: bool) -> None:
    """Launch a loop, and follow it or name it and return; LaunchError ends with its words."""
    from engine.loops.launch import launch_loop
    from engine.supervise.launch import LaunchError

    try:
        launch_loop(folder)
    except LaunchError as error:
        fail(str(error), Exit.NO)
    if not detach:
        follow_loop(folder, as_json=as_json)
    narrate(f"It runs on its own. Watch it: factory-tui loop watch {folder.loop_id}")
    if as_json:
        print_json({"loop": folder.loop_id, "path": str(folder.path)})
    else:
        print(folder.loop_id)


def follow_loop(folder: LoopFolder, *, as_json: bool = False) -> NoReturn:
    """Tell what a loop does until it ends or waits, then its tries; exits with its outcome."""
    tail = EventTail(folder.path / EVENTS)
    is_campaign = folder.loop().kind is LoopKind.RESEARCH
    try:
        while True:
            over = alive(folder.status()) != "running"
            for event in tail.read_all():
                _say(event, is_campaign)
            if over:
                break
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        narrate(f"Left {folder.loop_id} going. Stop it: factory-tui loop cancel {folder.loop_id}")
        raise typer.Exit(int(Exit.DONE)) from None
    if as_json:
        print_json(as_plain(folder))
    else:
        show_loop(folder)
    status = folder.status()
    bad = status.phase in (LoopPhase.FAILED, LoopPhase.CANCELLED) or status.runner is not None
    raise typer.Exit(int(Exit.NO if bad else Exit.DONE))


def _say(event: dict[str, Any], is_campaign: bool) -> None:
    kind, number = event.get("kind"), event.get("iteration")
    if is_campaign:
        from engine.loops.research.acts import label_of

        number = label_of(number if isinstance(number, int) else 0)
    if kind == "plan":
        narrate(f"  {number}  plan: {event.get('hypothesis')}")
    elif kind == "run-created":
        narrate(f"  {number}  run {event.get('run')}")
    elif kind == "verdict":
        sign = _SIGNS.get(str(event.get("outcome")), "?")
        narrate(f"  {number}  {sign} {event.get('outcome')}: {event.get('reason')}")
    elif kind == "message":
        narrate(f"  {number}  {event.get('text')}")
    elif kind == "loop-ended":
        narrate(f"  {event.get('phase')}: {event.get('reason')}")


def show_loop(folder: LoopFolder) -> None:
    """The loop and its tries as a table on stdout."""
    status = folder.status()
    print(f"{folder.loop_id}: {printable(state_words(status))}")
    if status.last_error is not None and status.last_error.fix:
        print(f"→ {printable(status.last_error.fix)}")
    if folder.loop().kind is LoopKind.RESEARCH:
        from engine.cli.research_table import print_tries

        print_tries(folder)
    else:
        _print_iterations(folder)
    if status.spent.calls:
        print(f"Teachers took {spent_words(status.spent)}")


def _print_iterations(folder: LoopFolder) -> None:
    rows = []
    for number in folder.iterations():
        plan, verdict = (
            _read(folder, number, IterationPlan),
            _read(folder, number, IterationVerdict),
        )
        data = _read(folder, number, IterationData)
        rows.append(
            (
                str(number),
                verdict.outcome if verdict else "open",
                numbers.score(verdict.score if verdict else None),
                numbers.change(_gain(verdict), verdict.score if verdict else None),
                f"+{data.added}" if data else "",
                printable(plan.hypothesis)[:80] if plan else "",
            )
        )
    if rows:
        print_table(("TRY", "OUTCOME", "DEV", "Δ BEST", "ROWS", "HYPOTHESIS"), rows)


def as_plain(folder: LoopFolder) -> dict[str, Any]:
    """The loop as plain values, for JSON."""
    iterations = []
    for number in folder.iterations():
        found: dict[str, Any] = {"iteration": number}
        for name, kind in (
            ("plan", IterationPlan),
            ("verdict", IterationVerdict),
            ("data", IterationData),
        ):
            record = _read(folder, number, kind)
            found[name] = record.model_dump(mode="json") if record else None
        iterations.append(found)
    return {
        "loop": folder.loop().model_dump(mode="json"),
        "status": folder.status().model_dump(mode="json"),
        "iterations": iterations,
    }


def _read(folder: LoopFolder, number: int, kind: type[Any]) -> Any:
    try:
        return folder.done(number, kind)
    except FolderError as error:
        narrate(f"  ⚠ {error}")
        return None


def _gain(verdict: IterationVerdict | None) -> float | None:
    if verdict is None or verdict.difference is None:
        return None
    return verdict.difference[0]
