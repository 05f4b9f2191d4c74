"""What a worktree holds at a moment, as a tree of git, and in what it differs from a commit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from engine.git import said
from engine.loops.research.tree_git import TreeError, TreeGit

LARGEST = 2**20
"""Bytes. A larger file is named, not stored: weights do not go into somebody's repository."""

_MODES = {"120000": "link", "160000": "repository"}


class Act(StrEnum):
    """What was done to a file."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a tree: git's mode (``100644``, ``100755``, ``120000``) and the hash of its
    bytes."""

    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class Change:
    """A path that differs from the commit.

    ``form`` is ``text``, ``binary``, ``link``, ``repository`` (one within another) or ``special``
    (a pipe, a device); of a deleted file ``text``. ``size`` in bytes, 0 of one that is gone.
    ``stored`` tells whether the snapshot's tree has it.
    """

    path: str
    act: Act
    form: str = "text"
    size: int = 0
    mode_only: bool = False
    stored: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``tree`` is the tree's hash, ``head`` the commit's that ``changes`` are against."""

    head: str
    tree: str
    files: dict[str, Entry]
    changes: tuple[Change, ...]

    @property
    def clean(self) -> bool:
        return not self.changes


def take(git: TreeGit, head: str, apart: Iterable[str]) -> Snapshot:
    """The worktree as it is, against the commit ``head``.

    ``apart`` are files that belong to the campaign and not to the recipe (the results log). What
    git ignores is not looked at. TreeError where git fails.
    """
    git.raw("read-tree", "--reset", head)
    before = entries(git, head)
    changed = changed_paths(git, before, set(apart))
    looked = {name: _look(git.path, name, before.get(name)) for name in changed}
    stored = [change for change in looked.values() if change.stored]
    gone = [change.path for change in stored if change.act is Act.DELETE]
    there = [change.path for change in stored if change.act is not Act.DELETE]
    for names, how in ((gone, ("--force-remove",)), (there, ("--add", "--replace"))):
        if names:
            git.raw("update-index", *how, "-z", "--stdin", given=listed(names))
    if not stored:
        tree, files = git.text("rev-parse", f"{head}^{{tree}}"), before
    else:
        tree = git.text("write-tree")
        files = entries(git, tree)
    changes = [
        _mode_only(change, before.get(name), files.get(name))
        for name, change in sorted(looked.items())
        if not (change.stored and name in before and before[name] == files.get(name))
    ]
    return Snapshot(head, tree, files, tuple(changes))


def changed_paths(git: TreeGit, before: Iterable[str], apart: set[str]) -> list[str]:
    """The paths that differ from the campaign's index, and the new ones, but for ``apart``;
    ``before`` are the files of the commit."""
    git.ask("update-index", "-q", "--refresh")
    how = ("--name-only", "--no-renames", "--ignore-submodules=dirty", "-z")
    tracked = git.raw("diff-files", *how)
    new = git.ask("ls-files", "--others", "--exclude-standard", "-z")
    if b"ermission denied" in new.stderr:  # git goes on without what it may not read
        raise TreeError(f"git may not read everything in {git.path}: {said(new)}")
    names = {os.fsdecode(name).rstrip("/") for name in (tracked + new.stdout).split(b"\0") if name}
    return sorted((names | set(_unlisted(git.path, before))) - apart)


def _unlisted(top: Path, before: Iterable[str]) -> Iterator[str]:
    """What git does not list beside its files: what is called ``.git``, pipes, devices, and a new
    ``.gitignore``, which would hide itself and others."""
    known = set(before)
    for folder in {parent for name in known for parent in PurePosixPath(name).parents}:
        inside = folder != PurePosixPath(".")
        try:
            with os.scandir(top / folder) as found:
                for one in found:
                    plain = one.is_dir() or one.is_file() or one.is_symlink()
                    name = str(folder / one.name)
                    hides = one.name == ".gitignore" and name not in known
                    if not plain or hides or (inside and one.name == ".git"):
                        yield name
        except (FileNotFoundError, NotADirectoryError):
            continue  # deleted: git lists its files


def listed(names: Iterable[str]) -> bytes:
    """Names as git takes them with ``-z --stdin``."""
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def entries(git: TreeGit, tree: str) -> dict[str, Entry]:
    """The files of a tree or a commit, by path."""
    return dict(_parsed(git.raw("ls-tree", "-r", "-z", "--full-tree", tree)))


def contents(git: TreeGit, files: Iterable[Entry]) -> dict[str, bytes]:
    """The bytes of files of a tree, by their hash."""
    wanted = sorted({one.blob for one in files if one.mode != "160000"})
    if not wanted:
        return {}
    answer = git.raw("cat-file", "--batch", given="\n".join(wanted).encode() + b"\n")
    found: dict[str, bytes] = {}
    at = 0
    for blob in wanted:
        line = answer.index(b"\n", at)
        about = answer[at:line].split()
        if about[-1] == b"missing":
            raise TreeError(f"The repository lacks the object {blob}: git fsck says more.")
        size = int(about[2])
        found[blob] = answer[line + 1 : line + 1 + size]
        at = line + size + 2
    return found


def _parsed(answer: bytes) -> Iterator[tuple[str, Entry]]:
    for line in answer.split(b"\0"):
        if line:
            about, name = line.split(b"\t", 1)
            mode, _, blob = about.decode().split(" ")
            yield os.fsdecode(name), Entry(mode, blob)


def _look(top: Path, name: str, before: Entry | None) -> Change:
    """What stands at a path that differs. Follows no link."""
    act = Act.MODIFY if before else Act.ADD
    path = top / name
    try:
        if any((top / parent).is_symlink() for parent in PurePosixPath(name).parents):
            raise FileNotFoundError  # what lies behind a link is not the repository's
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Change(name, Act.DELETE, _MODES.get(before.mode if before else "", "text"))
    if path.name == ".git":
        return Change(name, act, "repository", stored=False)
    if stat.S_ISLNK(found.st_mode):
        return Change(name, act, "link", found.st_size)
    if stat.S_ISDIR(found.st_mode):
        if before is None or before.mode == "160000":
            return Change(name, act, "repository", stored=False)
        return Change(name, Act.DELETE)
    if not stat.S_ISREG(found.st_mode):
        return Change(name, act, "special", stored=False)
    large = found.st_size > LARGEST
    form = "binary" if large or not _is_text(path) else "text"
    return Change(name, act, form, found.st_size, stored=not large)


def _is_text(path: Path) -> bool:
    data = path.read_bytes()
    if b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _mode_only(change: Change, before: Entry | None, after: Entry | None) -> Change:
    if before is None or after is None or before.blob != after.blob:
        return change
    return Change(change.path, change.act, change.form, change.size, True, change.stored)
