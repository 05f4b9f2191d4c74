"""How the command line speaks: data to stdout, narration to stderr, errors as sentences."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from engine.cli.harmless import json_text
from engine.remote import mirrors
from engine.workspace import Workspace, WorkspaceError


class Exit(IntEnum):
    """Exit codes, an interface of the program."""

    DONE = 0
    NO = 1
    USAGE = 2
    NOT_THERE = 3


WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        help="The workspace's directory; without it the nearest one upward from here.",
        show_default=False,
    ),
]
RunArgument = Annotated[str, typer.Argument(help="A run's id, or the beginning of it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


WHOLE_S = 120.0
"""So long a command waits for the copy of another machine's workspace to be whole."""


def narrate(text: str) -> None:
    """A line for the person who watches; never data."""
    shown = "\n".join(printable(line) for line in text.split("\n"))
    print(shown, file=sys.stderr, flush=True)


def fail(text: str, code: Exit = Exit.NOT_THERE) -> NoReturn:
    """End with a sentence."""
    narrate(text)
    raise typer.Exit(int(code))


def print_json(value: Any) -> None:
    """One JSON document on stdout, readable as it is by any JSON reader."""
    text = json_text(value, indent=2)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a terminal of few signs
        text = json.dumps(value, indent=2, default=str)
    print(text)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest cell; numbers are the caller's to align."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def open_workspace(option: Path | None) -> Workspace:
    """The workspace that was named or is the nearest; ends with a sentence where there is none."""
    try:
        if option is None:
            return Workspace.find(Path.cwd())
        if str(option).startswith("ssh:"):
            return _open_elsewhere(str(option))
        if not option.is_dir():
            fail(f"{option} is not a directory. Make it first: mkdir -p {option}")
        return Workspace(option)
    except WorkspaceError as error:
        fail(str(error))


def _open_elsewhere(address: str) -> Workspace:
    """The workspace at another machine, by its copy; ends with a sentence where it cannot be."""
    from engine.remote.address import AddressError
    from engine.remote.opening import CannotOpen, open_copy

    try:
        line = open_copy(address)
    except (AddressError, CannotOpen) as error:
        fail(str(error))
    root = line.copy.path
    if line.problem is None and (state := mirrors.line_state(root)).get("state") != "up":
        why = str(state.get("words")).rstrip(".")
        narrate(f"{line.copy.address}: {why}. This is how it was when last told.")
    elif not line.whole.wait(WHOLE_S):
        narrate("Not all of it is copied yet; the rest is missing below, and comes with time.")
    return Workspace(root)


def only_there(words: Sequence[str]) -> str | None:
    """Why these words, which name a workspace at another machine, are no command for it."""
    from engine.remote.opening import COMMANDS

    pairs = zip(words, [*words[1:], ""], strict=True)
    asked = any(
        (one in ("-w", "--workspace") and after.startswith("ssh:"))
        or one.startswith(("--workspace=ssh:", "-wssh:"))
        for one, after in pairs
    )
    if not asked or words[0] in COMMANDS:
        return None
    known = ", ".join(sorted(COMMANDS))
    return f"{words[0]} works only on the machine itself: log in there. From here: {known}."


def run_path(workspace: Path | None, run: str) -> Path:
    """A run by id, by a unique beginning of it, or by the path of its folder."""
    path = Path(run)
    if ("/" in run or run in (".", "..")) and path.is_dir():
        return path.resolve()
    with not_there():
        return open_workspace(workspace).run_path(run)


def option_for(path: Path) -> str:
    """The option that names the machine of a run that is shown by its copy; '' for one here."""
    if (root := mirrors.root_of(path)) is None:
        return ""
    try:
        return f" -w {mirrors.address_of(root)}"
    except (OSError, ValueError, KeyError, TypeError):  # a copy that does not say whose it is
        return ""


@contextlib.contextmanager
def not_there() -> Iterator[None]:
    """Turns the workspace's errors into sentences and the exit code for them."""
    try:
        yield
    except WorkspaceError as error:
        fail(str(error))


def printable(text: str) -> str:
    """Text from a file or model, safe for a terminal: control characters become visible signs."""
    return "".join(
        char if char.isprintable() else " " if char in "\n\t\r" else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
