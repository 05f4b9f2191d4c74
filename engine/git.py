"""Calls git: in another folder than ours, without waiting for anybody, and for a limited time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from engine.private import umask_of_the_user

SECONDS = 60.0
"""How long git may take; a hook or a signature that waits for somebody ends there."""

_KEPT = ("GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")

Done = subprocess.CompletedProcess[bytes]


def call(
    folder: Path,
    *arguments: str,
    given: bytes = b"",
    extra: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Done:
    """What git answered in ``folder``; ``extra`` are environment variables of this call.

    OSError where git cannot be run, subprocess.TimeoutExpired after ``seconds`` (None: SECONDS).
    """
    # Whoever started this may have been a git hook: its repository is not the one that is meant.
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    environment |= {name: os.environ[name] for name in _KEPT if name in os.environ}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment | dict(extra or {}),
        input=given,
        capture_output=True,
        timeout=SECONDS if seconds is None else seconds,
        check=False,
        umask=umask_of_the_user(),
    )


def said(done: Done) -> str:
    """The first line of what git said, fit to be shown."""
    text = (done.stderr or done.stdout).decode("utf-8", "replace")
    line = next((one.strip() for one in text.splitlines() if one.strip()), "it gave no reason")
    return "".join(one for one in line if one.isprintable())[:300]
