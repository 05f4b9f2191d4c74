"""Looks at this machine and at a repository for the rules of a protocol."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from engine import git
from engine.checks.protocol.around import Around, asked_of
from engine.protocols.reading import ProtocolError
from engine.records.protocol import Protocol

MAX_FILES = 100_000
"""Files of a repository that are looked at."""


def look_around(protocol: Protocol | None, repo: Path | None) -> Around:
    """What this machine has of what the protocol asks for, and the repository's files.

    ProtocolError where ``repo`` is no directory that can be listed.
    """
    asked = asked_of(protocol) if protocol is not None else []
    return Around(
        system=sys.platform,
        machine=platform.machine(),
        programs=frozenset(name for name in asked if _is_here(name)),
        files=None if repo is None else files_of(repo),
    )


def files_of(repo: Path) -> frozenset[str]:
    """The files of a repository as git lists them, new ones too; all below a plain folder."""
    if not repo.is_dir():
        raise ProtocolError(f"{repo} is not a directory.")
    command = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        done = git.call(repo, *command)
    except (OSError, subprocess.TimeoutExpired):
        return _walked(repo)
    names = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return frozenset(names) if done.returncode == 0 and names else _walked(repo)


def _walked(repo: Path) -> frozenset[str]:
    found: set[str] = set()
    for folder, folders, names in os.walk(repo):
        folders[:] = [name for name in folders if name not in (".git", ".venv", "__pycache__")]
        found |= {(Path(folder) / name).relative_to(repo).as_posix() for name in names}
        if len(found) > MAX_FILES:
            raise ProtocolError(f"{repo} has over {MAX_FILES:,} files. Is it the repository?")
    return frozenset(found)


def _is_here(name: str) -> bool:
    return ("/" not in name or name.startswith("/")) and shutil.which(name) is not None
