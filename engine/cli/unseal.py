"""The command that opens a sealed suite for a final candidate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    RunArgument,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    print_json,
    printable,
    run_path,
)

if TYPE_CHECKING:
    from engine.plans.unsealing import Unsealing
    from engine.workspace import Workspace


def unseal(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    reason: Annotated[str | None, typer.Option(help="Why it is opened; kept with the run.")] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="It was opened before: open it all the same, with a reason."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return at once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Open the target's sealed suite, once, for the candidate of a run: makes and follows a run."""
    from engine.checks.contents import load
    from engine.cli.follow import follow
    from engine.plans.unsealing import UnsealError, open_sealed, prepare
    from engine.workspace import Workspace

    path = run_path(workspace, run)
    place = open_workspace(workspace) if workspace is not None else Workspace.of_run(path)
    try:
        ready = prepare(place, path, again=again, reason=reason)
    except UnsealError as error:
        fail(str(error), Exit.NO)
    # First: a run that is refused later has opened the suite all the same.
    _agree_on_programs(place, ready, yes)
    gates = load(path).gates
    passed = sum(gate.verdict == "pass" for gate in gates)
    narrate(
        f"{ready.sealed.name} is opened for {path.name}, of which {passed} of {len(gates)} gates "
        f"pass. It can be opened once: whatever comes of it, the next candidate needs another."
    )
    if not yes and not _agreed(ready.sealed.name):
        fail("Nothing was opened.", Exit.NO)
    try:
        folder = open_sealed(place, ready)
    except UnsealError as error:
        fail(str(error))
    if not detach:
        follow(folder.path, as_json=as_json)
        return
    narrate(f"It runs on its own. Watch it: factory-tui watch {folder.run_id}")
    if as_json:
        print_json({"run": folder.run_id, "path": str(folder.path)})
    else:
        print(folder.run_id)


def _agree_on_programs(place: Workspace, ready: Unsealing, yes: bool) -> None:
    from engine.cli.agreeing import agree_on
    from engine.plans.programs import CannotAgree, not_agreed_of

    target = ready.draft.target.path
    try:
        programs = not_agreed_of(place, target, ready.draft.plan.stages)
    except CannotAgree as error:
        fail(f"{target.name}/forge.yaml: {error}")
    except OSError as error:
        fail(f"{target.name}: what it brings cannot be read: {error.strerror or error}.")
    agree_on(place, target, programs, yes)


def _agreed(name: str) -> bool:
    """Ask whoever sits there to type the suite's name; without a terminal nobody agreed."""
    if not sys.stdin.isatty():
        narrate("Nobody is there to ask: say --yes.")
        return False
    print(f"Type {printable(name)} to open it: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == name
