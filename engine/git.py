"""Calls git: in another folder than ours, without waiting for anybody, and for a limited time.

The folder may have come from elsewhere, and git runs programs that a folder's own configuration
names: monitors, filters, hooks, helpers of transports and signatures. None of them runs here, and
git has no secrets of the environment that it could hand on:

- what is never wanted is off for every call (``SAFE``), hooks among it, also those of the person;
- no transport is open, so a clone that lacks objects does not fetch them (``_CLOSED``);
- a folder that looks like git's own is not taken for a repository, unless ``GIT_DIR`` names it;
- each program that the folder's configuration names (``.git/config``, what that includes, and
  ``config.worktree``) is set back to what the person's own configuration has under that name, or
  to nothing. It is read before each call, which runs nothing.

The person's own configuration (``~/.gitconfig`` and the system's) is theirs: filters that stand
there, such as git-lfs after ``git lfs install``, run as ever, but git-lfs does not where the folder
gives it programs. A repository that sets up git-lfs for itself alone (``git lfs install --local``)
has its pointers only. Needs git 2.31; an older one is refused in words.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Container, Mapping
from pathlib import Path

from engine.private import umask_of_the_user
from engine.secrecy import without_secrets

SECONDS = 60.0
"""How long git may take; a filter or a signature that waits for somebody ends there."""

SAFE = (
    "--no-pager",
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "log.showSignature=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "diff.ignoreSubmodules=dirty"),
    *("-c", "status.submoduleSummary=false"),
)
"""So that nothing runs beside the git that was asked. A submodule has a configuration of its own,
so nobody looks into one: who asks for the status says ``--ignore-submodules=dirty`` as well, which
the folder's configuration cannot take back."""

_CLOSED = {
    "GIT_ALLOW_PROTOCOL": "",  # nothing of ours fetches or clones; a worktree needs no transport
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": ":",
    "LC_ALL": "C",
}

_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")

_PROGRAM = re.compile(
    r"\.(?:clean|smudge|process|textconv|external|driver|vcs|pager|editor|askpass|gitproxy"
    r"|uploadpack|receivepack|difffilter|\w*(?:command|cmd|program|helper|hook))$"
)
"""Settings whose value git runs, by the last part of their names: by what they end in, so that one
of a git to come is likely among them."""

_LFS_PROGRAM = re.compile(
    r"^lfs\.(?:.*\.)?(?:extension\..*|customtransfer\..*|\w*agent)$", re.S | re.I
)
_NOTHING = {"clean": "", "smudge": "", "process": "", "required": "false"}
"""A filter that does nothing: git takes an empty command for none."""

_PERSONS = ("system", "global", "command")
"""Where settings come from that are the person's own or ours."""

_USAGE = 129
"""How git ends that does not know an option."""

_TOO_OLD = b"This git is too old. Install git 2.31 or newer."

Done = subprocess.CompletedProcess[bytes]


def call(
    folder: Path,
    *arguments: str,
    given: bytes = b"",
    extra: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Done:
    """What git answered in ``folder``; ``extra`` are environment variables of this call. No program
    of the folder's runs, see the module. Where its configuration cannot be read, what git said of
    that is the answer.

    OSError where git cannot be run, subprocess.TimeoutExpired after ``seconds`` (None: SECONDS).
    """
    environment = _environment() | dict(extra or {})
    limit = SECONDS if seconds is None else seconds
    asked = ("config", "--list", "--includes", "--show-scope", "--null")
    read = _run(folder, (*SAFE, *asked), environment, limit)
    if read.returncode == _USAGE:
        read.stderr = _TOO_OLD
    if read.returncode:
        return read
    settings = set_back(read.stdout)
    # By variables: with -c a name that has an equals sign would end there.
    values = {f"GIT_FACTORY_{at}": value for at, value in enumerate(settings.values())}
    words = [f"--config-env={key}={name}" for key, name in zip(settings, values, strict=True)]
    return _run(folder, (*SAFE, *words, *arguments), environment | values, limit, given)


def set_back(listed: bytes) -> dict[str, str]:
    """The settings, by name, that take the folder's programs out of its configuration; ``listed``
    is what ``git config --list --show-scope --null`` answered."""
    mine: dict[str, str] = {}
    theirs: set[str] = set()
    parts = iter(os.fsdecode(listed).split("\0"))
    for scope, (key, _, value) in zip(parts, (one.partition("\n") for one in parts), strict=False):
        if scope in _PERSONS:
            mine[key] = value
        else:
            theirs.add(key)
    back: dict[str, str] = {}
    for key in sorted(theirs):
        section, name = key.partition(".")[0], key.rpartition(".")[0]
        if section == "filter":
            back |= _filter(name, mine, theirs)
        elif section == "hook":
            back[f"{name}.enabled"] = "false"
        elif _PROGRAM.search(key):
            back[key] = mine.get(key, "")
    if any(_LFS_PROGRAM.search(key) for key in theirs):
        back |= _no_filter("filter.lfs")
    return back


def said(done: Done) -> str:
    """The first line of what git said, fit to be shown."""
    text = (done.stderr or done.stdout).decode("utf-8", "replace")
    line = next((one.strip() for one in text.splitlines() if one.strip()), "it gave no reason")
    return "".join(one for one in line if one.isprintable())[:300]


def _environment() -> dict[str, str]:
    # Whoever started this may have been a git hook: its repository is not the one that is meant.
    plain = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # git starts in the folder: with ./bin in PATH its own bin/git would be the git.
    path = [one for one in plain.get("PATH", "").split(os.pathsep) if Path(one).is_absolute()]
    found = {"PATH": os.pathsep.join(path) or os.defpath}
    return without_secrets(plain, named=()) | found | kept | _CLOSED


def _filter(name: str, mine: Mapping[str, str], theirs: Container[str]) -> dict[str, str]:
    """The person's own filter again, where each setting of theirs has one of the person's to take
    its place; else none: an empty ``process`` would be in the way of the person's ``clean``."""
    named = [key for one in _NOTHING if (key := f"{name}.{one}") in theirs]
    whole = all(key in mine for key in named)
    return {key: mine[key] for key in named} if whole else _no_filter(name)


def _no_filter(name: str) -> dict[str, str]:
    return {f"{name}.{one}": value for one, value in _NOTHING.items()}


def _run(
    folder: Path,
    words: tuple[str, ...],
    environment: Mapping[str, str],
    seconds: float,
    given: bytes = b"",
) -> Done:
    return subprocess.run(
        ["git", *words],
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        timeout=seconds,
        check=False,
        umask=umask_of_the_user(),
    )
