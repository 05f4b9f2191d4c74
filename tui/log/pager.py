"""Opens a log in the user's own pager, at a place."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from textual.app import App, SuspendNotSupported


def pager_command(path: Path, offset: int) -> list[str] | None:
    """The command for PAGER, or for ``less`` or ``more``; None without one.

    ``less`` opens at the byte ``offset`` and shows colours; others open at the beginning.
    """
    chosen = os.environ.get("PAGER") or next(
        (name for name in ("less", "more") if shutil.which(name)), None
    )
    if not chosen:
        return None
    try:
        words = shlex.split(chosen)
    except ValueError:
        words = [chosen]
    if words and Path(words[0]).name == "less":
        return [*words, "-R", f"+{offset}P", str(path)]
    return [*words, str(path)]


def page(app: App[None], path: Path, offset: int) -> str | None:
    """Give the terminal to the pager until it ends; a sentence when that did not work."""
    command = pager_command(path, offset)
    if not command:
        return "No pager was found. Say which one you use, for example: export PAGER=less"
    try:
        with app.suspend():
            code = subprocess.run(command, check=False).returncode
    except SuspendNotSupported:
        return "This terminal cannot be handed to a pager; open the file in another window."
    except OSError as error:
        return f"{command[0]} could not be started: {error.strerror}. Set PAGER to your pager."
    return None if code == 0 else f"{command[0]} ended with exit code {code}."
