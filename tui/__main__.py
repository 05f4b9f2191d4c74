"""The command ``factory-tui``: the control room, or with a subcommand the engine's command line."""

from __future__ import annotations

import sys
from pathlib import Path


def open_control_room(
    workspace: Path, *, demo: bool = False, start: str = "runs", run_id: str | None = None
) -> None:
    """Run the app in this terminal until it is left."""
    from tui.app import FactoryApp

    FactoryApp(workspace, demo=demo, start=start, run_id=run_id).run()


def main() -> None:
    """The entry point of the installed command."""
    arguments = sys.argv[1:]
    if not arguments or (arguments[0] == "--workspace" and len(arguments) == 2):
        # The command line's library costs a quarter of the first paint: only load it for commands.
        from engine.workspace import Workspace, WorkspaceError

        start = Path(arguments[1]) if arguments else Path.cwd()
        try:
            workspace = Workspace.find(start)
        except WorkspaceError as error:
            print(f"factory-tui: {error}", file=sys.stderr)
            sys.exit(3)
        open_control_room(workspace.path)
        return
    from engine.cli.app import main as command_line

    command_line()


if __name__ == "__main__":
    main()
