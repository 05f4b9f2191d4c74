"""Opens a file in the user's own editor."""

from __future__ import annotations

import subprocess
from pathlib import Path

from textual.app import App, SuspendNotSupported

from engine.editor import NO_EDITOR, editor_command
from engine.private import umask_of_the_user


def edit(app: App[None], path: Path, line: int | None) -> str | None:
    """Give the terminal to the editor until it ends; a sentence when that did not work."""
    command = editor_command(path, line)
    if command is None:
        return NO_EDITOR
    try:
        with app.suspend():
            code = subprocess.run(command, check=False, umask=umask_of_the_user()).returncode
    except SuspendNotSupported:
        return "This terminal cannot be handed to an editor; open the file in another window."
    except OSError as error:
        return f"{command[0]} could not be started: {error.strerror}. Set EDITOR to your editor."
    return None if code == 0 else f"{command[0]} ended with exit code {code}."
