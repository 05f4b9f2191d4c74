"""Which target a command of a project means, and in which workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import Exit, fail, narrate, not_there, open_workspace, printable

if TYPE_CHECKING:
    from engine.target import Target
    from engine.workspace import Workspace

FORGE = "forge.yaml"

TargetArgument = Annotated[
    str | None,
    typer.Argument(
        help="A target of the workspace, or a folder; without it the nearest forge.yaml upward.",
        show_default=False,
    ),
]
ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", "-p", help="The target's folder.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Place:
    """A target's folder; ``workspace`` is None where it lies in none."""

    path: Path
    workspace: Workspace | None


def place_of(target: str | None, project: Path | None, workspace: Path | None) -> Place:
    """The folder that was named, or the nearest upward; ends with a sentence where none is."""
    from engine.workspace import Workspace, WorkspaceError

    if target is not None and project is not None:
        fail("Name the target once: as the argument, or with --project.", Exit.USAGE)
    named = target if project is None else str(project)
    path = _upward() if named is None else _folder(named)
    if workspace is not None:
        place = open_workspace(workspace)
    else:
        start = path if path is not None else Path.cwd()
        try:
            place = Workspace.find(start)
        except WorkspaceError:
            if path is None:
                open_workspace(None)  # says what is missing
                raise AssertionError("it ends") from None
            return Place(path, None)
    if path is None:
        assert named is not None
        with not_there():
            path = place.target_path(named)
    elif project is None and target is not None and (place.targets_dir / target / FORGE).is_file():
        path = (place.targets_dir / target).resolve()  # a target's name comes before a folder's
    return Place(path, place)


def target_of(path: Path) -> Target:
    """The target in a folder; ends with all that is wrong with its forge.yaml."""
    from engine.target import TargetError, load_target

    try:
        return load_target(path)
    except TargetError as error:
        fail(str(error))


def workspace_of(place: Place) -> Workspace:
    """The workspace of a place; ends with a sentence where it has none."""
    return place.workspace if place.workspace is not None else open_workspace(None)


def _folder(named: str) -> Path | None:
    """The folder itself where it is one; None for what may be the name of a target."""
    path = Path(named).expanduser()
    if (path / FORGE).is_file() or (path / "output").is_dir():
        return path.resolve()
    return None


def _upward() -> Path:
    here = Path.cwd()
    found = next((one for one in (here, *here.parents) if (one / FORGE).is_file()), None)
    if found is None:
        fail(f"No {FORGE} in {here} or above it. Name a target, or: factory-tui init NAME")
    return found


def no_loop_runs(place: Place, why: str) -> None:
    """Ends with a sentence where a loop runs on the target; ``why`` that is in the way."""
    from engine.project.standing import running_loop

    loop = running_loop(place.workspace, place.path)
    if loop is not None:
        fail(
            f"{loop} runs on this target, and {why}. Wait, or: factory-tui loop stop {loop}",
            Exit.NO,
        )


def say_who(name: str, place: Place) -> None:
    """Where questions to a teacher go, where that is not this machine. A teacher that is none says
    so itself when it is asked."""
    from engine.serving.endpoint import EndpointError, address_of, is_loopback, key_of
    from engine.teaching.errors import TeachingError
    from engine.teaching.keys import environment
    from engine.teaching.naming import spec_for

    try:
        spec = spec_for(name, place.workspace)
        address = address_of(spec.endpoint)
        key_of(spec.endpoint, address, environment(place.path))
        if not is_loopback(address.host):
            narrate(f"{printable(name)} is asked: what it is told goes to {printable(spec.url)}.")
    except (TeachingError, EndpointError):
        return
