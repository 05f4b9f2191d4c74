"""Who may read what this program writes: the person who runs it, and nobody else.

A process of ours begins with ``keep_private``: folders that it makes are 0700 and files 0600,
whatever the umask was. What the person's own rights are is remembered for what is theirs: programs
of theirs (training commands, editors, git), and what is made to be published.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

VARIABLE = "FACTORY_UMASK"
"""The person's own umask, octal, for the processes that this one starts."""

_PRIVATE = 0o077
_USUAL = 0o022
_ENTER = 0o011


def keep_private() -> None:
    """From now on what this process and its children write is for its owner alone."""
    own = os.umask(_PRIVATE)
    if own != _PRIVATE or VARIABLE not in os.environ:  # else whoever started us has done it
        os.environ[VARIABLE] = f"{own:03o}"


def umask_of_the_user() -> int:
    """The umask that the person has, as ``subprocess`` takes it; -1 (leave it) where this process
    did not begin with ``keep_private``."""
    if VARIABLE not in os.environ:
        return -1
    try:
        found = int(os.environ[VARIABLE], 8)
    except ValueError:
        return _USUAL
    return found if 0 <= found <= 0o777 else _USUAL


@contextlib.contextmanager
def rights_of_the_user() -> Iterator[None]:
    """In the block new files have the rights that the person's umask gives them. For a process
    without other threads that write: a umask is one for all of them."""
    own = umask_of_the_user()
    if own < 0:
        yield
        return
    before = os.umask(own)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(top: Path, names: Iterable[str]) -> None:
    """Give a finished folder and these files in it the rights that the person's umask allows: they
    are made to be handed on. Other files keep theirs. OSError as it comes."""
    own = umask_of_the_user()
    if own < 0:
        return
    files = [top / name for name in names]
    for one in files:
        one.chmod(0o666 & ~own)
    for folder in {
        top,
        *(parent for one in files for parent in one.parents if top in parent.parents),
    }:
        folder.chmod(0o777 & ~own)


def others_may_read(workspace: Path) -> dict[str, int]:
    """How many folders of a workspace's ``runs`` and ``loops`` are open to other users, by the name
    of the folder that holds them; those that are behind a folder that is closed are not."""
    found: dict[str, int] = {}
    for name in ("runs", "loops"):
        with contextlib.suppress(OSError):
            if all(one.stat().st_mode & _ENTER for one in (workspace, workspace / name)):
                ones = [one for one in os.scandir(workspace / name) if one.is_dir()]
                count = sum(1 for one in ones if one.stat().st_mode & _PRIVATE)
                found |= {name: count} if count else {}
    return found
