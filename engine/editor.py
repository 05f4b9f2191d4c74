"""Which editor a person uses, and how it is told a line."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

NO_EDITOR = "No editor was found. Say which one you use, for example: export EDITOR=nano"

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
