"""Tries as commits: each is kept by a ref of its campaign, the kept ones stand on its branch.

Nothing here touches a file of the worktree: after a ``keep``, ``restore`` brings the files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine.loops.research.snapshot import Entry, Snapshot
from engine.loops.research.surface import mutable_files
from engine.loops.research.worktree import REFS, Worktree
from engine.records.protocol import Protocol

TRAILER = "Factory-Try"
"""Names the iteration in a commit's message, so that it is found again and not made twice."""

DESCRIPTION = 200
"""So many characters of a description stand in a subject."""

_INDEX = "campaign-commit-index"
_FALLBACK = (("user.name", "factory-tui"), ("user.email", "factory-tui@localhost"))


def ref_of(loop_id: str, iteration: int, variant: str = "") -> str:
    """The ref of a try, or of a variant of it."""
    return f"{REFS}/{loop_id}/try-{iteration:03d}" + (f"-{variant}" if variant else "")


def record(
    tree: Worktree, snapshot: Snapshot, iteration: int, description: str, *, variant: str = ""
) -> str:
    """The commit of a try, on top of the campaign's head and kept by its ref; the branch stays.

    ``variant`` names another state of the same try (its batch halved), which has a ref of its own.
    Made once: the same tree on the same head is the same commit. TreeError where git fails.
    """
    ref = ref_of(tree.loop_id, iteration, variant)
    there = tree.git.commit_of(ref)
    if there is not None:
        found = tree.git.text("show", "-s", "--format=%T %P", there)
        if found == f"{snapshot.tree} {snapshot.head}":
            return there
    message = f"Try: {_line(description)}\n\n{TRAILER}: {tree.loop_id}/{iteration}\n"
    commit = _commit(tree, snapshot.tree, snapshot.head, message)
    tree.git.text("update-ref", ref, commit)
    return commit


def kept(tree: Worktree, base: str, iteration: int) -> str | None:
    """The commit on the branch that kept an iteration, after ``base``; None where there is none."""
    wanted = f"{tree.loop_id}/{iteration}"
    form = f"--format=%H%x00%(trailers:key={TRAILER},valueonly,separator=%x2C)"
    for line in tree.git.text("log", "--first-parent", form, f"{base}..{tree.head()}").split("\n"):
        commit, _, values = line.partition("\0")
        if wanted in values.split(","):
            return commit
    return None


def keep(
    tree: Worktree,
    protocol: Protocol,
    commit: str,
    *,
    base: str,
    iteration: int,
    message: str,
    log: bytes | None = None,
) -> str:
    """Put a try on the branch: one commit with its mutable files and the results log, nothing else.

    ``commit`` is the try's, ``base`` what the campaign began from, ``log`` the results log as it is
    then (None: as it was). Done already, it is found and returned; where nothing differs from the
    head there is no new commit and the head is returned. TreeError where git fails.
    """
    if done := kept(tree, base, iteration):
        return done
    head = tree.head()
    now = mutable_files(tree.files(head), protocol)
    wanted: dict[str, Entry | None] = dict.fromkeys(now)
    wanted |= mutable_files(tree.files(commit), protocol)
    if log is not None:
        wanted |= _log_entry(tree, protocol.provenance.results_log.path, log)
    text = f"{message}\n\n{TRAILER}: {tree.loop_id}/{iteration}\n"
    return _on_top(tree, head, wanted, text) or head


def commit_log(tree: Worktree, protocol: Protocol, log: bytes, message: str) -> str | None:
    """Commit the results log alone; None where git has it so already, or ignores it."""
    entry = _log_entry(tree, protocol.provenance.results_log.path, log)
    return _on_top(tree, tree.head(), entry, message + "\n")


def message_of(metric: str, before: float | None, after: float | None, description: str) -> str:
    """``val_bpb 2.534 → 2.498: a smaller learning rate``, in one line; what was not measured is
    left out."""
    values = " → ".join(f"{one:.5g}" for one in (before, after) if one is not None)
    return _line(f"{metric} {values or 'not measured'}: {description}")


def _on_top(
    tree: Worktree, head: str, wanted: Mapping[str, Entry | None], message: str
) -> str | None:
    """A commit of the head with other files, which the branch is moved to; None: no difference."""
    index = tree.git.admin / _INDEX
    index.with_name(f"{_INDEX}.lock").unlink(missing_ok=True)
    tree.git.raw("read-tree", "--reset", head, index=index)
    zero = "0" * len(head)
    lines = [
        f"{one.mode if one else '0'} {one.blob if one else zero}\t{name}\0"
        for name, one in sorted(wanted.items(), key=lambda item: item[1] is not None)
    ]
    given = os.fsencode("".join(lines))
    tree.git.raw(
        "update-index", "--add", "--replace", "-z", "--index-info", given=given, index=index
    )
    made = tree.git.text("write-tree", index=index)
    if made == tree.git.text("rev-parse", f"{head}^{{tree}}"):
        return None
    commit = _commit(tree, made, head, message)
    tree.move(commit, expected=head)
    return commit


def _log_entry(tree: Worktree, path: str, log: bytes) -> dict[str, Entry | None]:
    """The results log as a file of a tree; nothing where git ignores it and does not have it."""
    known = tree.git.ask("cat-file", "-e", f"{tree.head()}:{path}").returncode == 0
    if not known and tree.git.ask("check-ignore", "-q", "--no-index", path).returncode == 0:
        return {}
    blob = tree.git.text("hash-object", "-w", "--stdin", given=log)
    return {path: Entry("100644", blob)}


def _commit(tree: Worktree, made: str, parent: str, message: str) -> str:
    who: list[str] = []
    for name, value in _FALLBACK:
        if not tree.git.ask("config", name).stdout.strip():
            who += ["-c", f"{name}={value}"]
    given = message.encode("utf-8", "replace")
    return tree.git.text(*who, "commit-tree", made, "-p", parent, given=given)


def _line(text: str) -> str:
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return words if len(words) <= DESCRIPTION else words[: DESCRIPTION - 1].rstrip() + "…"
