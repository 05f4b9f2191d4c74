"""Opens a file in the user's own editor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from textual.app import App, SuspendNotSupported

_TAKES_PLUS_LINE = frozenset(
    {
        "vi",
        "vim",
        "nvim",
        "view",
        "nano",
        "pico",
        "emacs",
        "emacsclient",
        "micro",
        "kak",
        "joe",
        "ne",
    }
)
_TAKES_GOTO = frozenset({"code", "codium", "cursor"})


def editor_command(path: Path, line: int | None) -> list[str] | None:
    """The command for VISUAL, EDITOR, or the first usual editor there is; None without one."""
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not chosen:
        chosen = next((name for name in ("nano", "vim", "vi") if shutil.which(name)), None)
    if not chosen:
        return None
    try:
        words = shlex.split(chosen)
    except ValueError:
        words = [chosen]
    name = Path(words[0]).name
    if line and name in _TAKES_PLUS_LINE:
        return [*words, f"+{line}", str(path)]
    if name in _TAKES_GOTO:
        wait = [] if "--wait" in words or "-w" in words else ["--wait"]
        return [*words, *wait, "--goto", f"{path}:{line or 1}"]
    if line and name in ("hx", "helix", "subl"):
        return [*words, f"{path}:{line}"]
    return [*words, str(path)]


def edit(app: App[None], path: Path, line: int | None) -> str | None:
    """Give the terminal to the editor until it ends; a sentence when that did not work."""
    command = editor_command(path, line)
    if command is None:
        return "No editor was found. Say which one you use, for example: export EDITOR=nano"
    try:
        with app.suspend():
            code = subprocess.run(command, check=False).returncode
    except SuspendNotSupported:
        return "This terminal cannot be handed to an editor; open the file in another window."
    except OSError as error:
        return f"{command[0]} could not be started: {error.strerror}. Set EDITOR to your editor."
    return None if code == 0 else f"{command[0]} ended with exit code {code}."
