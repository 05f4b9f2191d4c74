"""What proposers need of the campaign's worktree beside what it does itself."""

from __future__ import annotations

import os
from pathlib import Path

from engine.loops.folder import LoopFolder
from engine.loops.research.proposers.proposed import ProposerError
from engine.loops.research.tree_git import TreeGit, told
from engine.loops.research.worktree import Worktree
from engine.protocols.reading import read_protocol
from engine.records.protocol import Protocol
from engine.records.research import PROTOCOL_FILE, WORKTREE, Campaign


def protocol_of(folder: LoopFolder) -> Protocol:
    """The protocol that a campaign runs by; ProtocolError where it cannot be read."""
    return read_protocol(folder.path / PROTOCOL_FILE).protocol


def open_worktree(folder: LoopFolder) -> Worktree:
    """The campaign's worktree as it is, without putting it back: a person may be at work in it.

    FolderError, ValueError and ProtocolError where the campaign cannot be read; TreeError.
    """
    campaign = Campaign.model_validate(folder.loop().spec)
    log = protocol_of(folder).provenance
    apart = {log.results_log.path, log.baseline_artifact_path} - {None}
    path = folder.path.resolve() / WORKTREE
    admin = Path(told(path, "rev-parse", "--absolute-git-dir"))
    common = (path / told(path, "rev-parse", "--git-common-dir")).resolve()
    git = TreeGit(path, admin, common)
    return Worktree(git, campaign.branch, folder.loop_id, frozenset(one for one in apart if one))


def head_is_moved(worktree: Worktree) -> bool:
    """Whether somebody has committed in the worktree, or switched to something else."""
    commit = worktree.git.ask("rev-parse", "--verify", "--quiet", "HEAD").stdout
    branch = worktree.git.ask("symbolic-ref", "--quiet", "HEAD").stdout
    at = (os.fsdecode(commit).strip(), os.fsdecode(branch).strip())
    return at != (worktree.head(), f"refs/heads/{worktree.branch}")


def apply_to(worktree: Worktree, diff: bytes | str) -> str:
    """Apply a diff; what it changed, in words. ProposerError (``apply``, ``empty``)."""
    violation = worktree.apply(diff)
    if violation is not None:
        raise ProposerError(violation.text, "apply")
    changed = worktree.diff()
    if not changed:
        raise ProposerError("The diff changes nothing.", "empty")
    return summary_of(changed)


def summary_of(diff: bytes) -> str:
    """What a diff changes, for a description that nobody wrote: ``train.py: +3 −1``."""
    counts: dict[str, list[int]] = {}
    name, inside = "", False
    for line in diff.decode("utf-8", "replace").split("\n"):
        if line.startswith("diff --git "):
            name, inside = line.split(" b/", 1)[-1], False
            counts[name] = [0, 0]
        elif line.startswith("@@"):
            inside = True
        elif inside and line[:1] in ("+", "-"):
            counts[name][line[0] == "-"] += 1
    parts = [f"{name}: +{more} \N{MINUS SIGN}{less}" for name, (more, less) in counts.items()]
    return ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")
