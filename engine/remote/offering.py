"""What this machine says when it is asked to take a run: who comes before, and its target."""

from __future__ import annotations

import os
from pathlib import Path

from engine.folder import sha256_file
from engine.remote.choosing import Offer
from engine.workspace import Workspace

MAX_FILES = 2000
MAX_BYTES = 4 * 2**30
"""A target of more is not compared: it holds something that is no target's."""

_MADE = frozenset({"output", "__pycache__"})
"""Folders that runs and commands make: they do not say what the target is."""


class NotCompared(Exception):
    """The files of a target cannot be told; the text says why."""


def offer(workspace: Workspace, target: str) -> Offer:
    """What this machine offers for a target of ``workspace``, by its name. NotCompared, OSError."""
    known = {path.name: path for path in workspace.target_paths()}
    files = target_hashes(known[target]) if target in known else None
    return Offer(before(workspace), files)


def before(workspace: Workspace) -> tuple[str, ...]:
    """The runs of a workspace that have the accelerator, wait for it, or go on and will want it:
    a run draws its ticket only when its first stage needs one."""
    from engine.catalogue.run_reader import all_runs
    from engine.supervise.queue import state

    queue = state(workspace.path)
    names = {ticket.run_id for ticket in (queue.owner, *queue.waiting) if ticket is not None}
    names |= {run.run_id for run in all_runs(workspace) if run.liveness in ("running", "waiting")}
    return tuple(sorted(names))


def target_hashes(target: Path) -> dict[str, str]:
    """The SHA-256 of every plain file of a target, by its path in it: settings, suites, data,
    programs, prompts. Hidden ones and what is made there (``output/``) are left out."""
    found: dict[str, str] = {}
    size = 0
    for top, folders, names in os.walk(target):
        folders[:] = sorted(one for one in folders if one[0] != "." and one not in _MADE)
        for path in (Path(top, name) for name in sorted(names) if name[0] != "."):
            if not path.is_file():
                continue
            size += path.stat().st_size
            if len(found) == MAX_FILES or size > MAX_BYTES:
                raise NotCompared(
                    f"The target {target.name} is too large to be compared: at most "
                    f"{MAX_FILES:,} files and {MAX_BYTES / 2**30:.0f} GB."
                )
            found[path.relative_to(target).as_posix()] = sha256_file(path)
    return found
