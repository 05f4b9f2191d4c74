"""A proposal by a command: any coding agent's command line, working in the worktree.

It gets the prompt on stdin and the whole environment, its own API keys too: without them it could
ask nobody. What it prints is kept in the iteration's folder, with the values of such keys hidden.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from engine.folder import write_bytes_atomic
from engine.loops.research.proposers.checkout import head_is_moved, summary_of
from engine.loops.research.proposers.proposed import (
    Proposed,
    ProposerError,
    description_of,
    one_line,
)
from engine.loops.research.proposers.talk import Ended, talk
from engine.loops.research.worktree import Worktree
from engine.secrecy import Hider
from engine.supervise.command import child_environment, fill, redact
from engine.supervise.terminal import LineCleaner

PROMPT, OUT, ERR = "prompt.md", "proposer-stdout.log", "proposer-stderr.log"
"""What stays of it in the iteration's folder."""


def by_command(
    argv: Sequence[str],
    prompt: str,
    worktree: Worktree,
    folder: Path,
    *,
    limit_s: float,
    check: Callable[[], None],
    named: Iterable[str],
) -> Proposed:
    """Let the command change the worktree, which is clean and at the best.

    ``folder`` is the iteration's. ``check`` is called several times a second, and ends the command
    by raising. ``named`` are the variables that hold keys of the workspace (``key_names``).
    ProposerError as its class says; OSError where the folder cannot be written, TreeError where git
    fails.
    """
    if not argv:
        raise ProposerError("No command is named: it is the words after --.", "start")
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(folder / PROMPT, prompt.encode("utf-8", "replace"))
    env = environment()
    hide = Hider(env, named=named)
    words = [fill(one, {"{python}": sys.executable}) for one in argv]
    ended = talk(words, folder / PROMPT, cwd=worktree.path, env=env, limit_s=limit_s, check=check)
    ended = replace(ended, out=_hidden(ended.out, hide), err=_hidden(ended.err, hide))
    _keep(folder, ended)
    diff = worktree.diff()
    name = one_line(Path(words[0]).name, 60)
    _refuse(name, ended, limit_s, moved=head_is_moved(worktree), changed=bool(diff))
    if not diff:
        raise ProposerError(f"{name} changed no file.{_last_words(ended)}", "empty")
    notes = []
    if ended.left_behind:
        notes.append(f"{name} left processes behind: {ended.left_behind}. They were stopped.")
    return Proposed(
        by=name,
        description=described(ended.out) or summary_of(diff),
        notes=tuple(notes),
    )


def environment() -> dict[str, str]:
    """Everything that we have, keys too; but what git was told about another repository."""
    found = child_environment(os.environ)
    return {name: value for name, value in found.items() if name[:4] != "GIT_"}


def described(text: str) -> str:
    """The description in a command's output: its last line ``description: …``, or else the first
    line of the last block of lines. Empty where there is none."""
    lines = [line.strip() for line in _lines(text)]
    for line in reversed(lines):
        plain = line.strip("#*_`>-• \t").casefold()
        if plain.startswith("description:") and (found := description_of(line)):
            return found
    while lines and not lines[-1]:
        lines.pop()
    start = next((at + 1 for at in reversed(range(len(lines))) if not lines[at]), 0)
    return next((found for line in lines[start:] if (found := description_of(line))), "")


def _lines(text: str) -> list[str]:
    cleaner = LineCleaner()
    return [*cleaner.feed(text.encode()), *cleaner.close()]


def _refuse(name: str, ended: Ended, limit_s: float, *, moved: bool, changed: bool) -> None:
    """ProposerError for a command whose change is not taken, whatever it is."""
    if ended.late:
        raise ProposerError(
            f"{name} took over {limit_s:g} s and was stopped, with all that it had started.",
            "limit",
        )
    if ended.code != 0:
        how = f"signal {-ended.code}" if ended.code < 0 else f"exit code {ended.code}"
        left = " What it changed is not taken." if changed or moved else ""
        code = "signal" if ended.code < 0 else "exit"
        raise ProposerError(f"{name} ended with {how}.{left}{_last_words(ended)}", code)
    if moved:
        raise ProposerError(
            f"{name} committed, or moved HEAD. A proposal is a change of files, nothing more: "
            "it is not taken.",
            "moved",
        )


def _last_words(ended: Ended) -> str:
    for text in (ended.err, ended.out):
        lines = [line for one in _lines(text) if (line := one_line(one, 300))]
        if lines:
            return f" Its last words: {lines[-1]}"
    return ""


def _keep(folder: Path, ended: Ended) -> None:
    for name, text in ((OUT, ended.out), (ERR, ended.err)):
        write_bytes_atomic(folder / name, text.encode("utf-8", "replace"))


def _hidden(text: str, hide: Hider) -> str:
    # The blank keeps a text that begins with a dash from being read as an option.
    return redact([f" {text}"], hide)[0][1:]
