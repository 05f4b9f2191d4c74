"""Commits what an iteration made, in the target's own repository, and nothing else of it.

The repository's top directory must be the target itself: in one that begins further up, other
people's files are staged and their ``.env`` lies about. Only named files are committed, so what
somebody has staged stays staged; a file that had changes of somebody's own before the iteration
touched it is left out, and said. Weights, ``.env`` and everything that git ignores never go in.

The target may come from elsewhere, so no hook runs for such a commit and no program that the
target's git configuration names (``engine.git``). A signature is the person's own to ask for.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from engine import git

HYPOTHESIS = 60
"""So many characters of the hypothesis stand in the message."""

_STATUS = ("status", "--porcelain=v1", "-z", "--ignore-submodules=dirty")
_COMMIT = ("commit", "--quiet", "--only", "--allow-empty")
"""Whether something changed is asked before: a git that finds nothing to commit goes on to tell the
status of everything, and asks in each submodule for it, with that one's configuration."""
_NEVER_NAMES = (".env", ".git", ".netrc")
_NEVER_SUFFIXES = (".safetensors", ".gguf", ".npz", ".bin", ".pt", ".pem", ".key")


class Place(StrEnum):
    """Where commits of a target would go."""

    OWN = "own"
    PARENT = "parent"
    NONE = "none"
    NO_GIT = "no-git"


@dataclass(frozen=True, slots=True)
class Committed:
    """``commit`` is its hash, None where nothing was committed; ``reason`` then says why.

    ``left_out`` are files that were named and are not in it, each with its reason.
    """

    commit: str | None
    reason: str | None = None
    left_out: tuple[str, ...] = ()


def place_of(target: Path) -> Place:
    """Whose repository the target's folder stands in."""
    try:
        done = git.call(target, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return Place.NO_GIT
    except (OSError, subprocess.TimeoutExpired):
        return Place.NONE
    if done.returncode != 0:
        return Place.NONE
    top = Path(os.fsdecode(done.stdout.rstrip(b"\n"))).resolve()
    return Place.OWN if top == target.resolve() else Place.PARENT


def why_not(place: Place) -> str | None:
    """Why nothing is committed there, as a sentence; None for the target's own repository."""
    return {
        Place.OWN: None,
        Place.PARENT: "The target lies inside somebody else's repository, so nothing is committed "
        "there. Give it one of its own: git init, in the target's folder.",
        Place.NONE: "The target is no git repository, so nothing is committed. Make it one: "
        "git init, in the target's folder.",
        Place.NO_GIT: "git is not installed, so nothing is committed.",
    }[place]


def dirty(target: Path) -> frozenset[str] | None:
    """Files with changes of somebody's own (staged or not, and new ones), relative to the target.

    To be asked before an iteration touches anything. None where git does not answer.
    """
    try:
        done = git.call(target, *_STATUS, "--untracked-files=all")
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    found: set[str] = set()
    parts = iter(done.stdout.split(b"\0"))
    for part in parts:
        if len(part) < 4:
            continue
        found.add(os.fsdecode(part[3:]))
        if part[:1] in b"RC" or part[1:2] in b"RC":
            found.add(os.fsdecode(next(parts, b"")))
    return frozenset(found)


def message_of(iteration: int, accuracy: float | None, hypothesis: str) -> str:
    """``forge iter 3: 87.3% — hypothesis…``, in one line. ``accuracy`` is a share, or None."""
    words = " ".join("".join(one if one.isprintable() else " " for one in hypothesis).split())
    short = words if len(words) <= HYPOTHESIS else words[: HYPOTHESIS - 1].rstrip() + "…"
    score = "not measured" if accuracy is None else f"{100 * accuracy:.1f}%"
    return f"forge iter {iteration}: {score}" + (f" — {short}" if short else "")


def commit(
    target: Path, files: Iterable[str], message: str, before: frozenset[str] = frozenset()
) -> Committed:
    """Commit ``files`` (relative to the target) with ``message``; see the module.

    ``before`` is what ``dirty`` said before the iteration. Never raises for what git says: a commit
    that could not be made is said, and the loop goes on.
    """
    if reason := why_not(place_of(target)):
        return Committed(None, reason)
    wanted, left_out = _sorted_out(target, files, before)
    if not wanted:
        return Committed(None, "There was nothing of its own to commit.", tuple(left_out))
    try:
        ignored = _ignored(target, wanted)
        left_out += [f"{name}: git ignores it" for name in sorted(ignored)]
        wanted = [name for name in wanted if name not in ignored]
        if not wanted:
            return Committed(None, "There was nothing of its own to commit.", tuple(left_out))
        # Literal: a file called "*" or ":(top)" is a file, not a pattern.
        added = git.call(target, "--literal-pathspecs", "add", "--", *wanted)
        if added.returncode:
            return Committed(None, f"git add failed: {git.said(added)}", tuple(left_out))
        if not _changed(target, wanted):
            return Committed(None, "Nothing changed since the last commit.", tuple(left_out))
        done = git.call(target, "--literal-pathspecs", *_COMMIT, "-m", message, "--", *wanted)
        if done.returncode:
            return Committed(None, f"git commit failed: {git.said(done)}", tuple(left_out))
        head = git.call(target, "rev-parse", "HEAD")
        return Committed(os.fsdecode(head.stdout.strip()), None, tuple(left_out))
    except subprocess.TimeoutExpired:
        return Committed(
            None, f"git took over {git.SECONDS:.0f} s and was stopped.", tuple(left_out)
        )
    except OSError as error:
        return Committed(None, f"git cannot be run ({error.strerror}).", tuple(left_out))


def last_message(target: Path) -> str | None:
    """The subject of the newest commit; None where there is none."""
    try:
        done = git.call(target, "log", "-1", "--format=%s")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None


def _sorted_out(
    target: Path, files: Iterable[str], before: frozenset[str]
) -> tuple[list[str], list[str]]:
    wanted: list[str] = []
    left_out: list[str] = []
    home = target.resolve()
    for name in dict.fromkeys(files):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            left_out.append(f"{name}: it lies outside the target")
        elif _never(path):
            left_out.append(f"{name}: weights and secrets are never committed")
        elif name in before:
            left_out.append(f"{name}: it had changes of somebody's own before")
        elif not (target / name).resolve().is_relative_to(home):
            left_out.append(f"{name}: it is a link to a place outside the target")
        elif (target / name).is_file():
            wanted.append(name)
    return wanted, left_out


def _never(path: PurePosixPath) -> bool:
    return path.suffix in _NEVER_SUFFIXES or any(
        part in _NEVER_NAMES or part.startswith(".env.") for part in path.parts
    )


def _ignored(target: Path, names: Sequence[str]) -> set[str]:
    asked = b"\0".join(os.fsencode(name) for name in names) + b"\0"
    done = git.call(target, "check-ignore", "-z", "--stdin", "--no-index", given=asked)
    return {os.fsdecode(one) for one in done.stdout.split(b"\0") if one}


def _changed(target: Path, names: Sequence[str]) -> bool:
    done = git.call(target, "--literal-pathspecs", *_STATUS, "--", *names)
    return bool(done.stdout)
