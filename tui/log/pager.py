"""Opens a log in the user's own pager, at a place, and keeps what it holds for the terminal.

``less`` shows codes as text, all but colours and, with ``-R``, links: so colours are asked for only
where a log holds no such thing. Other pagers hand on whatever they get, and get a copy without it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from textual.app import App, SuspendNotSupported

from tui.log.line import without_codes

COPIED = 64 * 2**20
"""Bytes of a log, around the place, that a pager other than ``less`` gets; of a link's codes so
many are searched through at once."""

_LINK = re.compile(rb"\x1b\]|\xc2\x9d|\x9d")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


def pager_command(path: Path, offset: int) -> list[str] | None:
    """The command for PAGER, or for ``less`` or ``more``; None without one.

    ``less`` opens at the byte ``offset`` and shows colours where the log is free of links; others
    open at the beginning.
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
    if _is_less(words):
        return [*words, *([] if holds_links(path) else ["-R"]), f"+{offset}P", str(path)]
    return [*words, str(path)]


def holds_links(path: Path) -> bool:
    """Whether a log holds what begins a link, a title or a write to the clipboard; True as well
    where it cannot be read."""
    try:
        with path.open("rb") as file:
            before = b""
            while data := file.read(COPIED):
                if _LINK.search(before + data):
                    return True
                before = data[-1:]
    except OSError:
        return True
    return False


@contextlib.contextmanager
def harmless_copy(path: Path, offset: int) -> Iterator[Path]:
    """A copy of a log, or of what lies around ``offset``, without codes and control characters;
    gone when the block ends. OSError as it comes."""
    with path.open("rb") as file:
        file.seek(max(0, offset - COPIED // 2))
        data = file.read(COPIED)
    with tempfile.TemporaryDirectory(prefix="factory-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(_CONTROLS.sub(b"", without_codes(data)))
        yield copy


def page(app: App[None], path: Path, offset: int) -> str | None:
    """Give the terminal to the pager until it ends; a sentence when that did not work."""
    command = pager_command(path, offset)
    if not command:
        return "No pager was found. Say which one you use, for example: export PAGER=less"
    try:
        plain = _is_less(command)
        shown = contextlib.nullcontext(path) if plain else harmless_copy(path, offset)
        with shown as file, app.suspend():
            code = subprocess.run([*command[:-1], str(file)], check=False).returncode
    except SuspendNotSupported:
        return "This terminal cannot be handed to a pager; open the file in another window."
    except OSError as error:
        return f"{command[0]} could not be started: {error.strerror}. Set PAGER to your pager."
    return None if code == 0 else f"{command[0]} ended with exit code {code}."


def _is_less(words: list[str]) -> bool:
    return bool(words) and Path(words[0]).name == "less"
