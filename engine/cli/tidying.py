"""Commands that keep a workspace tidy: tags, and the trash with its way back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

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
    print_table,
    printable,
    run_path,
)


def tag(
    run: RunArgument,
    add: Annotated[list[str] | None, typer.Argument(help="Tags to give it.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", "-r", help="A tag to take away.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tag a run, also one that is decided; without tags, says those that it has."""
    from engine.catalogue.tags import TagError, edit_tags

    path = run_path(workspace, run)
    try:
        _, tags = edit_tags(path, add or (), remove or ())
    except TagError as error:
        fail(str(error), Exit.USAGE)
    if as_json:
        print_json({"run": path.name, "tags": tags})
    elif tags:
        print(" ".join(printable(one) for one in tags))
    else:
        narrate(f"{path.name} has no tags.")


def delete(
    runs: Annotated[list[str], typer.Argument(help="Whole ids of runs.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Move runs to the trash of the workspace. Nothing is removed from there by itself."""
    from engine.catalogue.trash import Trash, TrashError

    trash = Trash(open_workspace(workspace))
    for run_id in runs:
        try:
            trash.put(run_id)
        except TrashError as error:
            fail(str(error), Exit.NO)
        narrate(f"{run_id} is in the trash. Bring it back: factory-tui restore {run_id}")


def restore(run: RunArgument, workspace: WorkspaceOption = None) -> None:
    """Bring a run back from the trash; of several of one name the one that was deleted last."""
    from engine.catalogue.trash import Trash, TrashError

    trash = Trash(open_workspace(workspace))
    entries = [entry for entry in trash.entries() if entry.run_id.startswith(run)]
    exact = [entry for entry in entries if entry.run_id == run]
    names = sorted({entry.run_id for entry in exact or entries})
    if not names:
        fail(f"No run {run} in the trash. See what is there: factory-tui trash")
    if len(names) > 1:
        fail(f"{run} fits {len(names)} runs in the trash: {', '.join(names[:5])}.")
    try:
        path = trash.restore((exact or entries)[0])
    except TrashError as error:
        fail(str(error), Exit.NO)
    print(path.name)


def trash(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """What is in the trash, deleted last first. To remove it for good, press T in the screen."""
    from engine import numbers
    from engine.catalogue.trash import Trash, size_of

    found = [(entry, size_of(entry.path)) for entry in Trash(open_workspace(workspace)).entries()]
    if as_json:
        print_json(
            [
                {"run": one.run_id, "deleted": one.when, "bytes": size, "path": str(one.path)}
                for one, size in found
            ]
        )
        return
    if not found:
        narrate("The trash is empty.")
        return
    now = datetime.now(UTC)
    rows = [
        (printable(one.run_id), f"{(now - one.when).days} days ago", numbers.size(size))
        for one, size in found
    ]
    print_table(("RUN", "DELETED", "SIZE"), rows)
