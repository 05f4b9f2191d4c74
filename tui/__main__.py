"""The command ``factory-tui``: the control room, or with a subcommand the engine's command line."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import NoReturn

from engine.cli.harmless import guard
from engine.private import keep_private


def open_control_room(workspace: Path, *, demo: bool = False, seed: int | None = None) -> None:
    """Run the app in this terminal until it is left; with ``demo`` it starts a run of the demo."""
    # What is loaded for the first paint stays: nothing of it is worth looking at for cycles.
    # `tui.ahead` turns the collector on again, once that is painted.
    gc.disable()
    from tui.app import FactoryApp
    from tui.attention import GIVE_TITLE_BACK, KEEP_TITLE

    app = FactoryApp(workspace, demo=demo, seed=seed)
    sys.stdout.write(KEEP_TITLE)
    try:
        app.run()
    finally:
        sys.stdout.write(GIVE_TITLE_BACK)
        sys.stdout.flush()
    if app.last_words:
        _fail(app.last_words, 1)


def main() -> None:
    """The entry point of the installed command.

    The control room opens without a subcommand, and for ``demo`` in a terminal. All else is the
    engine's command line, whose library is only loaded for it: it would delay the first paint.
    """
    keep_private()
    arguments = sys.argv[1:]
    if arguments == ["far-end"]:
        from engine.remote.far_end import main as far_end

        far_end()
        return
    terminal = _can_show_a_screen()
    if len(arguments) == 1 and arguments[0].startswith("ssh:"):
        arguments = ["--workspace", *arguments]
    if "--plain" in arguments and (plain := _plain_options(arguments)):
        _open_plain(*plain)
        return
    if not arguments or (arguments[0] in ("--workspace", "-w") and len(arguments) == 2):
        _open_nearest(Path(arguments[1]) if arguments else Path.cwd(), terminal)
        return
    if arguments[0] == "demo" and terminal and (options := _demo_options(arguments[1:])):
        _open_demo(*options)
        return
    from engine.cli.app import main as command_line

    command_line()


def _can_show_a_screen() -> bool:
    """Whether this is a terminal whose cursor can be moved: a dumb one prints lines only."""
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return sys.stdin.isatty() and sys.stdout.isatty() and not dumb


def _open_nearest(start: Path, terminal: bool) -> None:
    from engine.workspace import Workspace, WorkspaceError

    if str(start).startswith("ssh:"):
        _open_elsewhere(str(start), terminal)
        return
    try:
        workspace = Workspace.find(start)
    except WorkspaceError as error:
        if not terminal or not start.is_dir():
            _fail(str(error))
        _welcome(start)
        return
    if not terminal and sys.stdin.isatty() and sys.stdout.isatty():
        print("This terminal cannot move its cursor: as lines of text.", file=sys.stderr)
        _open_plain(workspace.path, None)
        return
    if not terminal:
        _fail(
            "The control room needs a terminal whose cursor can be moved. "
            "As lines of text: factory-tui --plain. One command at a time: factory-tui --help",
            2,
        )
    open_control_room(workspace.path)


def _open_elsewhere(address: str, terminal: bool) -> None:
    """The workspace at another machine, by a copy that is kept up to date meanwhile."""
    if not terminal:
        _open_plain(Path(address), None)
        return
    from engine.remote.address import AddressError
    from engine.remote.opening import CannotOpen, open_copy

    print(f"Reaching {address.replace('ssh:/', 'ssh://', 1).replace('///', '//')} …", flush=True)
    try:
        line = open_copy(address)
    except (AddressError, CannotOpen) as error:
        _fail(str(error))
    try:
        open_control_room(line.copy.path)
    finally:
        line.stop()


def _welcome(directory: Path) -> None:
    """No workspace yet: ask what to open, then open it."""
    from tui.welcome import WelcomeApp

    opening = WelcomeApp(directory).run()
    if opening is not None:
        open_control_room(opening.workspace, demo=opening.demo, seed=0 if opening.demo else None)


def _plain_options(arguments: list[str]) -> tuple[Path | None, str | None] | None:
    """Workspace and run of ``--plain``; None for what the command line is to refuse."""
    workspace, run = None, None
    rest = iter(arguments)
    for word in rest:
        if word == "--plain":
            continue
        if word in ("--workspace", "-w"):
            value = next(rest, None)
            if value is None:
                return None
            workspace = Path(value)
        elif word.startswith("-") or run is not None:
            return None
        else:
            run = word
    return workspace, run


def _open_plain(workspace: Path | None, run: str | None) -> None:
    import typer

    from engine.cli.plain import start

    guard()
    try:
        start(workspace, run)
    except typer.Exit as end:
        sys.exit(end.exit_code)


def _demo_options(arguments: list[str]) -> tuple[Path, int] | None:
    """Directory and seed of ``demo``; None where the command line is to deal with the arguments."""
    values = {"--dir": "demo", "--seed": "0"}
    rest = iter(arguments)
    for name in rest:
        value = next(rest, None)
        if name not in values or value is None:
            return None
        values[name] = value
    if not values["--seed"].isdecimal():
        return None
    return Path(values["--dir"]), int(values["--seed"])


def _open_demo(directory: Path, seed: int) -> None:
    from engine.samples import copy_samples

    try:
        workspace = copy_samples(directory)
    except OSError as error:
        _fail(f"The samples cannot be copied to {directory}: {error.strerror or error}.")
    open_control_room(workspace.path, demo=True, seed=seed)


def _fail(sentence: str, code: int = 3) -> NoReturn:
    guard()  # a sentence may repeat what a file or an exception says
    print(f"factory-tui: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
