"""Carries a change onto the best, which may be another one by now than the change was made on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.loops.research.constants import ConstantError, all_constants, apply_changes
from engine.loops.research.surface import mutable_files
from engine.loops.research.worktree import Worktree
from engine.records.protocol import Protocol
from engine.records.research import Violation

OUTDONE = (
    "Later tries gave its constants other values: nothing of it is left to take back. Take those "
    "back first."
)


def carry(
    tree: Worktree, protocol: Protocol, before: str, after: str, *, takes_back: bool = False
) -> Violation | None:
    """Do to the mutable files of the worktree what leads from one commit to another; why not, where
    it does not fit.

    A change of constants alone is made constant by constant: they stand in neighbouring lines,
    where a diff would not fit any more. ``takes_back``: constants that have another value by now
    than ``before`` gave them belong to later tries and stay. TreeError where git fails.
    """
    old = mutable_files(tree.files(before), protocol)
    new = mutable_files(tree.files(after), protocol)
    now = mutable_files(tree.snapshot().files, protocol)
    if now != old and old.keys() == new.keys():
        texts_old, texts_new, texts_now = tree.texts(old), tree.texts(new), tree.texts(now)
        changes = constants_between(texts_old, texts_new)
        if changes and _leads_to(texts_old, texts_new, changes):
            if takes_back:
                later = constants_between(texts_old, texts_now)
                changes = {key: one for key, one in changes.items() if key not in later}
            if not changes:
                return Violation(rule="apply", text=OUTDONE)
            written = _written(texts_now, changes)
            if written is not None:
                for name, data in written.items():
                    (tree.path / name).write_bytes(data)
                return None
    diff = tree.diff_between(before, after, sorted({*old, *new}))
    return tree.apply(diff) if diff else None


def constants_between(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, Any]:
    """The constants that a change gives other values, whoever made it, by ``file:NAME``."""
    was = {one.key: one.value for name in before for one in all_constants(name, before[name])}
    now = {one.key: one.value for name in after for one in all_constants(name, after[name])}
    return {key: value for key, value in now.items() if key in was and was[key] != value}


def _leads_to(
    before: Mapping[str, bytes], after: Mapping[str, bytes], changes: Mapping[str, Any]
) -> bool:
    """Whether these constants are all that the change is."""
    written = _written(before, changes)
    return written is not None and {**before, **written} == dict(after)


def _written(files: Mapping[str, bytes], changes: Mapping[str, Any]) -> dict[str, bytes] | None:
    try:
        return apply_changes(files, changes)
    except ConstantError:
        return None  # one of them is not there, or of another kind: then a diff has to do
