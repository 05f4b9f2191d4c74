"""The command of the flywheel: begin a loop on a target, or go on with the one that is open."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import (
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    not_there,
    open_workspace,
)

if TYPE_CHECKING:
    from engine.loops.folder import LoopFolder
    from engine.workspace import Workspace


def flywheel(
    target: Annotated[str, typer.Argument(help="A target of the workspace, or a folder.")],
    workspace: WorkspaceOption = None,
    iters: Annotated[
        int | None,
        typer.Option(
            min=1, help="So many iterations at most.", show_default="flywheel.max_iterations"
        ),
    ] = None,
    skip_train: Annotated[
        bool,
        typer.Option("--skip-train", help="In the first iteration judge the best adapter again."),
    ] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Wait for a person before each plan is run.")
    ] = False,
    hours: Annotated[
        float | None, typer.Option(min=0.01, help="End after so many hours of work.")
    ] = None,
    plateau: Annotated[
        int, typer.Option(min=0, help="End after so many iterations without a better; 0: never.")
    ] = 5,
    planner: Annotated[
        str | None,
        typer.Option(
            help="Who plans: settings (built in), teacher (of forge.yaml), or a teacher's name.",
            show_default="settings",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Who writes rows for failures: generator, teacher (of forge.yaml), none, or a "
            "teacher's name.",
            show_default="the generator, else a teacher whose key is there",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="End once teachers have no room in so many tokens.")
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option(min=0, help="The same in US dollars, where prices are known.")
    ] = None,
    gold_every: Annotated[
        int | None,
        typer.Option(
            min=1, help="Judge the best on gold after every so many.", show_default="at the end"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of data, settings and batches.")] = 0,
    new: Annotated[
        bool, typer.Option("--new", help="Begin a new loop, also where one is open.")
    ] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Yes to what is asked: the target's programs, commits."),
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return at once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Improve a target again and again: plan, train, judge, add rows for what failed, commit.

    An open loop of the target goes on where it was. Iterations are judged on dataset/dev.jsonl;
    gold stays sealed until its last candidate. Ctrl-C leaves the loop running.
    """
    from engine.cli.loop_follow import start_loop
    from engine.loops.launch import open_flywheel

    place = _workspace(workspace, target)
    with not_there():
        path = place.target_path(target)
    _agree(place, path, yes)
    open_one = None if new else open_flywheel(place, path)
    if open_one is not None:
        folder = open_one
        narrate(f"{folder.loop_id} is open and goes on where it was. (--new begins another.)")
    else:
        folder = _make(
            place,
            path,
            iterations=iters,
            skip_training=skip_train,
            approve=approve,
            hours=hours,
            plateau=plateau or None,
            gold_every=gold_every,
            planner=planner,
            data_from=data,
            tokens=max_tokens,
            usd=max_usd,
            seed=seed,
            commits=_commits(path, yes),
        )
    start_loop(folder, detach=detach, as_json=as_json)


def _workspace(option: Path | None, target: str) -> Workspace:
    """The workspace that was named, else the nearest of the target's folder, else of here."""
    from engine.workspace import Workspace, WorkspaceError

    if option is None and (Path(target) / "forge.yaml").is_file():
        try:
            return Workspace.find(Path(target).resolve())
        except WorkspaceError:
            return open_workspace(None)
    return open_workspace(option)


def _agree(place: Workspace, path: Path, yes: bool) -> None:
    """What the target brings is agreed to before a loop runs it, also where the loop is open and
    the target was changed since."""
    from engine.cli.agreeing import agree_on
    from engine.plans.programs import not_agreed
    from engine.target import TargetError, load_target

    try:
        programs = not_agreed(place, load_target(path))
    except (TargetError, OSError) as error:
        fail(str(error))
    agree_on(place, path, programs, yes)


def _make(place: Workspace, path: Path, **wish: object) -> LoopFolder:
    from engine.loops.flywheel.making import MakeError, Wish, make_flywheel

    try:
        folder = make_flywheel(place, path, Wish(**wish))  # type: ignore[arg-type]
    except MakeError as error:
        fail(str(error))
    _say_who(place, folder)
    return folder


def _say_who(place: Workspace, folder: LoopFolder) -> None:
    """Which teachers are asked, and where: what is known of the target is sent there."""
    from engine.loops.flywheel.teachers import GENERATOR, SETTINGS
    from engine.teaching.naming import spec_for

    loop = folder.loop()
    for name, what in ((loop.planner, "plans"), (loop.data_from, "writes rows")):
        if name not in (SETTINGS, GENERATOR, None):
            spec = spec_for(name, place)
            narrate(f"{name} at {spec.url} {what}; it is told what the target's documents say.")
    if loop.data_from is None:
        narrate("Nobody writes rows for what fails. (--data names who does.)")


def _commits(target: Path, yes: bool) -> bool:
    """Whether iterations are committed: only in the target's own repository, and asked."""
    from engine.loops.commits import Place, place_of, why_not

    where = place_of(target)
    if where is not Place.OWN:
        narrate(f"{why_not(where)}")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        narrate("No commits are made: nobody can be asked. (--yes makes them.)")
        return False
    return typer.confirm("Commit each iteration in the target's repository?", default=True)
