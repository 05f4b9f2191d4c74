"""The commands on loops: list, show, watch, pause, stop, cancel, resume, approve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    print_json,
    print_table,
    printable,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engine.loops.folder import LoopFolder, Request

app = typer.Typer(
    name="loop",
    help="Loops: flywheels on a target and research campaigns.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LoopArgument = Annotated[str, typer.Argument(help="A loop's id, or the beginning of it.")]

CANCEL_WAIT_S = 60.0


@app.command(name="list")
def list_loops(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """The loops of the workspace, newest first."""
    from engine import numbers
    from engine.cli.loop_follow import as_plain
    from engine.folder import FolderError
    from engine.loops.folder import find_loops
    from engine.loops.words import state_words

    place = open_workspace(workspace)
    rows, plain = [], []
    for folder in find_loops(place):
        try:
            status = folder.status()
            if as_json:
                plain.append(as_plain(folder))
            state = printable(state_words(status))
            rows.append((folder.loop_id, numbers.score(status.best_score), state))
        except FolderError as error:
            narrate(f"  ⚠ {folder.loop_id}: {error}")
    if as_json:
        print_json(plain)
    elif rows:
        print_table(("LOOP", "BEST", "STATE"), rows)
    else:
        narrate("No loops. Begin one: factory-tui flywheel TARGET, or research PROTOCOL")


@app.command()
def show(
    loop: LoopArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """A loop and its tries."""
    from engine.cli.loop_follow import as_plain, show_loop

    folder = find_loop(workspace, loop)
    if as_json:
        print_json(as_plain(folder))
    else:
        show_loop(folder)


@app.command()
def watch(loop: LoopArgument, workspace: WorkspaceOption = None) -> None:
    """Follow a loop until it ends or waits. Ctrl-C leaves it running."""
    from engine.cli.loop_follow import follow_loop

    follow_loop(find_loop(workspace, loop))


@app.command()
def pause(loop: LoopArgument, workspace: WorkspaceOption = None) -> None:
    """Pause after the step at hand."""
    from engine.loops.folder import Request

    _ask(workspace, loop, Request.PAUSE, "pauses after its step")


@app.command()
def stop(loop: LoopArgument, workspace: WorkspaceOption = None) -> None:
    """Stop after the iteration at hand."""
    from engine.loops.folder import Request

    _ask(workspace, loop, Request.STOP, "stops after its iteration")


@app.command()
def cancel(loop: LoopArgument, workspace: WorkspaceOption = None) -> None:
    """Stop now: the run saves a checkpoint and is cancelled."""
    from engine.loops.launch import cancel_loop
    from engine.supervise.launch import LaunchError

    folder = find_loop(workspace, loop)
    try:
        status = cancel_loop(folder, wait_s=CANCEL_WAIT_S)
    except LaunchError as error:
        fail(str(error), Exit.NO)
    narrate(f"{folder.loop_id} is {status.phase}. Go on: factory-tui loop resume {folder.loop_id}")


@app.command()
def resume(
    loop: LoopArgument,
    workspace: WorkspaceOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree to what it executes without being asked.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return at once.")] = False,
) -> None:
    """Go on with a loop that paused, died, failed or was cancelled."""
    from engine.cli.loop_follow import follow_loop
    from engine.loops.launch import launch_loop
    from engine.supervise.launch import LaunchError

    folder = find_loop(workspace, loop)
    _agree(folder, yes)
    try:
        launch_loop(folder)
    except LaunchError as error:
        fail(str(error), Exit.NO)
    if detach:
        print(folder.loop_id)
        return
    follow_loop(folder)


@app.command()
def approve(
    loop: LoopArgument,
    workspace: WorkspaceOption = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="Change a patch of the plan first: lora.r=32"),
    ] = None,
    hypothesis: Annotated[str | None, typer.Option(help="Another hypothesis.")] = None,
) -> None:
    """Approve the plan that waits, as it is or changed, and go on."""
    from engine.loops.flywheel.planning import PlanError, changed, read_draft
    from engine.loops.launch import launch_loop
    from engine.supervise.launch import LaunchError
    from engine.target import TargetError, load_target, parse_value

    folder = find_loop(workspace, loop)
    number = folder.status().iteration
    plan = read_draft(folder, number)
    if plan is None:
        fail(f"{folder.loop_id}: no plan waits.", Exit.NO)
    words: dict[str, Any] = {"approved": True}
    try:
        if sets:
            pairs = (one.partition("=") for one in sets)
            words["patches"] = plan.patches | {k.strip(): parse_value(v) for k, _, v in pairs}
        if hypothesis:
            words["hypothesis"] = hypothesis
        target = load_target((folder.workspace.path / folder.loop().target_dir).resolve())
        changed(folder, target, number, **words)
        launch_loop(folder)
    except (PlanError, TargetError, LaunchError) as error:
        fail(str(error), Exit.NO)
    narrate(f"Iteration {number} of {folder.loop_id} goes on. Watch: factory-tui loop watch …")


def _ask(workspace: Path | None, loop: str, request: Request, words: str) -> None:
    from engine.loops.launch import alive

    folder = find_loop(workspace, loop)
    if alive(folder.status()) != "running":
        fail(f"{folder.loop_id} does not run.", Exit.NO)
    folder.ask(request)
    narrate(f"{folder.loop_id} {words}.")


def _agree(folder: LoopFolder, yes: bool) -> None:
    """What the loop executes is agreed to before it goes on."""
    from engine.cli.agreeing import agree_on
    from engine.folder import FolderError
    from engine.loops.agreeing import loop_not_agreed, place_of
    from engine.protocols.reading import ProtocolError
    from engine.target import TargetError

    try:
        programs = loop_not_agreed(folder)
        place = place_of(folder)
    except (FolderError, ProtocolError, TargetError, OSError) as error:
        fail(str(error))
    agree_on(folder.workspace, place, programs, yes)


def find_loop(workspace: Path | None, name: str) -> LoopFolder:
    from engine.folder import FolderError
    from engine.loops.folder import find_loops

    place = open_workspace(workspace)
    known = list(find_loops(place))
    fits = [one for one in known if one.loop_id == name]
    fits = fits or [one for one in known if one.loop_id.startswith(name)]
    if len(fits) > 1:
        fail(f"{name} fits {len(fits)} loops: {', '.join(one.loop_id for one in fits[:5])}.")
    if not fits:
        there = ", ".join(one.loop_id for one in known[:5]) or "none"
        fail(f"No loop {printable(name)}. Loops of this workspace: {there}.")
    try:
        fits[0].status()
    except FolderError as error:
        fail(f"{fits[0].loop_id}: {error}.")
    return fits[0]
