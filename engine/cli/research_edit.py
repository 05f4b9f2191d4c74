"""``factory-tui loop edit``: a person proposes the next try of a campaign."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import Exit, WorkspaceOption, fail, narrate, printable
from engine.cli.loops import LoopArgument, find_loop

if TYPE_CHECKING:
    from engine.loops.folder import LoopFolder


def edit(
    loop: LoopArgument,
    workspace: WorkspaceOption = None,
    description: Annotated[
        str | None,
        typer.Option("--description", "-d", help="The try in a line, for the results log."),
    ] = None,
    as_it_is: Annotated[
        bool,
        typer.Option("--as-it-is", help="Open no editor: submit what the worktree holds."),
    ] = False,
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Go on with the campaign at once.")
    ] = True,
) -> None:
    """Propose the next try of a campaign: edit its files in $EDITOR, describe it, run it."""
    from engine.folder import FolderError
    from engine.loops.research.acts import ActError
    from engine.loops.research.proposers.person import check_waits, submit, take_up_draft
    from engine.loops.research.tree_git import TreeError
    from engine.protocols.reading import ProtocolError

    folder = find_loop(workspace, loop)
    try:
        check_waits(folder)
        if take_up_draft(folder):
            narrate("Your change of last time is back in the worktree.")
        if not as_it_is:
            _open(folder)
        if description is None:
            description = _asked(folder)
        changed = submit(folder, description, start=start)
    except (ActError, FolderError, ProtocolError, TreeError, OSError) as error:
        fail(printable(str(error)), Exit.NO)
    narrate(f"Submitted to {folder.loop_id}: {printable(changed)}")
    if start:
        narrate(f"Watch: factory-tui loop watch {folder.loop_id}")


def _open(folder: LoopFolder) -> None:
    """The campaign's mutable files in the person's editor, until it ends."""
    from engine.editor import NO_EDITOR, editor_command
    from engine.loops.research.proposers.checkout import open_worktree, protocol_of
    from engine.loops.research.surface import mutable_files
    from engine.private import umask_of_the_user

    worktree = open_worktree(folder)
    names = mutable_files(worktree.files(worktree.head()), protocol_of(folder))
    if not names:
        fail(f"No file in {worktree.path} may be changed by the protocol.", Exit.NO)
    for name in names:
        command = editor_command(worktree.path / name, None)
        if command is None:
            fail(NO_EDITOR, Exit.NO)
        try:
            code = subprocess.run(command, check=False, umask=umask_of_the_user()).returncode
        except OSError as error:
            words = printable(f"{command[0]} could not be started ({error.strerror}).")
            fail(f"{words} Name your editor: export EDITOR=nano", Exit.NO)
        if code != 0:
            fail(f"{command[0]} ended with exit code {code}. Nothing was submitted.", Exit.NO)


def _asked(folder: LoopFolder) -> str:
    from engine.loops.research.proposers.checkout import open_worktree, summary_of

    worktree = open_worktree(folder)
    diff = worktree.diff()
    if not diff:
        fail(f"No file differs from the best. Change one in {worktree.path}.", Exit.NO)
    if not sys.stdin.isatty():
        fail("Nobody can be asked here: describe the try with --description.", Exit.NO)
    narrate(printable(summary_of(diff)))
    return str(typer.prompt("What did you change, in a line", err=True))
