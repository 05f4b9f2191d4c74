"""A campaign's own checkout of somebody's repository: made, put back, made again.

The user's checkout, index, HEAD, stash and settings stay as they are. What the branch should be at
is kept by a ref of the campaign (``refs/factory/<loop>/head``), so a try that commits, switches
branches or damages ``.git`` is put back like one that edits a file. What git ignores stays: setup
made it (environments, caches, data).
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from engine.folder import write_bytes_atomic
from engine.loops.research.applying import apply
from engine.loops.research.snapshot import (
    Entry,
    Snapshot,
    changed_paths,
    contents,
    entries,
    listed,
    take,
)
from engine.loops.research.tree_git import TreeError, TreeGit, ask, told
from engine.records.research import Violation

REFS = "refs/factory"
"""Below it each campaign has its own: ``head`` and a ref for each try."""

Answer = TypeVar("Answer")


def branch_name(repo: Path, wanted: str) -> str:
    """A branch's name that is free: ``wanted``, with ``-2`` and so on where that is taken.
    TreeError where git takes no such name."""
    if ask(repo, "check-ref-format", "--branch", wanted).returncode:
        raise TreeError(f"{wanted!r} is no name that git takes for a branch.")
    taken = set(told(repo, "for-each-ref", "--format=%(refname:short)", "refs/heads/").split("\n"))

    def free(one: str) -> bool:
        # A branch is a file: a/b and a cannot be both.
        return not any(
            one == other or one.startswith(other + "/") or other.startswith(one + "/")
            for other in taken
            if other
        )

    number, found = 1, wanted
    while not free(found):
        number += 1
        found = f"{wanted}-{number}"
        if number > 9999:
            raise TreeError(f"Branches stand in the way of {wanted!r}: git branch shows them.")
    return found


@dataclass(frozen=True, slots=True)
class Worktree:
    """The checkout at ``git.path``; ``apart`` are files of the campaign in it (the results log, the
    baseline's log), which no try is blamed for and nothing puts back."""

    git: TreeGit
    branch: str
    loop_id: str
    apart: frozenset[str] = frozenset()

    @property
    def path(self) -> Path:
        return self.git.path

    @property
    def head_ref(self) -> str:
        return f"{REFS}/{self.loop_id}/head"

    def head(self) -> str:
        """The commit that the campaign is at: its best. TreeError where nothing tells."""
        found = self.git.commit_of(self.head_ref) or self.git.commit_of(f"refs/heads/{self.branch}")
        if found is None:
            raise TreeError(f"The branch {self.branch} of the campaign is gone from {self.path}.")
        return found

    def snapshot(self) -> Snapshot:
        """What is there, against ``head``."""
        return self._opened(lambda: take(self.git, self.head(), self.apart))

    def is_clean(self) -> bool:
        """Nothing differs from ``head`` but what git ignores and what is the campaign's own."""
        return self.snapshot().clean

    def diff(self, snapshot: Snapshot | None = None) -> bytes:
        """All that differs from ``head`` as a unified diff, new and binary files too, no renames.
        Large files are not in it."""
        found = snapshot or self.snapshot()
        return self.diff_between(found.head, found.tree)

    def diff_between(self, before: str, after: str, names: Sequence[str] = ()) -> bytes:
        """The diff from one commit or tree to another; of the files ``names`` where there are
        any."""
        how = ("--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv")
        prefixes = ("--no-color", "--src-prefix=a/", "--dst-prefix=b/")
        wanted = ("--", *(f":(literal){name}" for name in names)) if names else ()
        return self.git.raw("diff-tree", "-r", "-p", *how, *prefixes, before, after, *wanted)

    def blob_of(self, data: bytes) -> str:
        """The hash that git has of these bytes; nothing is stored."""
        return self.git.text("hash-object", "--no-filters", "--stdin", given=data)

    def restore(self) -> None:
        """Put everything back to ``head``. TreeError says what could not be."""
        self._mend()
        self._opened(self._put_back)
        left = self.snapshot()
        if not left.clean:
            _open_up(self.path)
            self._put_back()
            left = self.snapshot()
        if not left.clean:
            names = ", ".join(one.path for one in left.changes[:5])
            raise TreeError(f"{self.path} could not be put back: {names}.")
        # Whoever looks with git sees what is so: nothing changed.
        shutil.copyfile(self.git.index, self.git.admin / "index")

    def move(self, commit: str, *, expected: str | None = None) -> None:
        """Set the branch and the campaign's head to a commit, both or none; ``expected`` is where
        the head must be. The files are not touched: ``restore`` brings them."""
        old = f" {expected}" if expected else ""
        order = f"update {self.head_ref} {commit}{old}\nupdate refs/heads/{self.branch} {commit}\n"
        self.git.text("update-ref", "--stdin", given=order.encode())

    def texts(self, files: Mapping[str, Entry]) -> dict[str, bytes]:
        """The bytes of files of a snapshot or a commit, by path."""
        found = contents(self.git, files.values())
        return {name: found[one.blob] for name, one in files.items() if one.blob in found}

    def files(self, commit: str) -> dict[str, Entry]:
        """The files of a commit, by path."""
        return entries(self.git, commit)

    def apply(self, diff: bytes | str) -> Violation | None:
        """Apply somebody's diff to the files; why not, where it was not. See ``applying``."""
        return self._opened(lambda: apply(self.git, diff))

    def remove(self) -> None:
        """Take the checkout away; branch and refs stay."""
        _open_up(self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.rmtree(self.git.admin, ignore_errors=True)
        if self.path.exists():
            raise TreeError(f"{self.path} could not be removed.")

    def _opened(self, act: Callable[[], Answer]) -> Answer:
        # What a try took rights from is found by failing: the whole tree is walked only then.
        try:
            return act()
        except (PermissionError, TreeError):
            _open_up(self.path)
            _unlock(self.git)
            return act()

    def _mend(self) -> None:
        """The files by which git knows the worktree, as they should be."""
        link = self.path / ".git"
        wanted = f"gitdir: {self.git.admin}\n".encode()
        if not _holds(link, wanted):
            _remove(self.path, ".git")
            link.write_bytes(wanted)
        for name, text in (
            ("HEAD", f"ref: refs/heads/{self.branch}\n"),
            ("commondir", "../..\n"),
            ("gitdir", f"{link}\n"),
        ):
            self.git.admin.mkdir(parents=True, exist_ok=True)
            if not _holds(self.git.admin / name, text.encode()):
                _remove(self.git.admin, name)
                write_bytes_atomic(self.git.admin / name, text.encode())
        for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"):
            (self.git.admin / name).unlink(missing_ok=True)
        for name in ("rebase-merge", "rebase-apply", "sequencer"):
            shutil.rmtree(self.git.admin / name, ignore_errors=True)
        _unlock(self.git)
        head = self.head()
        if self.git.commit_of(f"refs/heads/{self.branch}") != head or not self.git.commit_of(
            self.head_ref
        ):
            self.move(head)

    def _put_back(self) -> None:
        head = self.head()
        if self.git.ask("read-tree", "--reset", head).returncode:
            self.git.index.unlink(missing_ok=True)
            self.git.raw("read-tree", "--reset", head)
        before = entries(self.git, head)
        changed = changed_paths(self.git, before, set(self.apart))
        # New things first: a link in the place of a folder must be gone before its files are made.
        for name in sorted(changed, key=lambda one: one in before):
            _remove(self.path, name)
        back = [name for name in changed if name in before and before[name].mode != "160000"]
        for name in back:
            _make_room(self.path, name)
        if back:
            self.git.raw("checkout-index", "-f", "-u", "-z", "--stdin", given=listed(back))
        for name in (name for name, one in before.items() if one.mode == "160000"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        for name in self.apart:
            # A log that is a link would have the campaign read and write somewhere else.
            if os.path.lexists(self.path / name) and not _is_plain(self.path / name):
                _remove(self.path, name)
        kept = [f"--exclude=/{_literal(name)}" for name in sorted(self.apart)]
        self.git.ask("clean", "-ffdq", *kept)


def make_worktree(
    repo: Path, path: Path, branch: str, commit: str, loop_id: str, apart: Iterable[str] = ()
) -> Worktree:
    """The campaign's checkout at ``path`` (an absolute path), on ``branch``, which begins at
    ``commit`` where it is not there yet. One that is there is taken up, whatever state it is in;
    one that was removed, or half made, is made again at the campaign's head.

    TreeError where git refuses.
    """
    path = path.parent.resolve() / path.name
    common = Path(told(repo, "rev-parse", "--git-common-dir"))
    common = common.resolve() if common.is_absolute() else (repo / common).resolve()
    admin = _admin_of(common, path)
    if admin is None or not path.is_dir() or path.is_symlink():
        admin = _add(repo, common, path, branch, commit, loop_id)
    tree = Worktree(TreeGit(path, admin, common), branch, loop_id, frozenset(apart))
    if ask(common, "show-ref", "--verify", "--quiet", tree.head_ref).returncode:
        at = tree.git.commit_of(f"refs/heads/{branch}") or commit
        told(common, "update-ref", tree.head_ref, at, GIT_DIR=str(common))
    tree.restore()
    return tree


def _add(repo: Path, common: Path, path: Path, branch: str, commit: str, loop_id: str) -> Path:
    if path.is_symlink() or path.exists():
        _open_up(path)
        _remove(path.parent, path.name)
    if stale := _admin_of(common, path):
        shutil.rmtree(stale)
    path.parent.mkdir(parents=True, exist_ok=True)
    head = ask(repo, "rev-parse", "--verify", "--quiet", f"{REFS}/{loop_id}/head^{{commit}}")
    began = commit if head.returncode else os.fsdecode(head.stdout).strip()
    at = told(repo, "rev-parse", "--verify", f"{began}^{{commit}}")
    there = ask(repo, "show-ref", "--verify", "--quiet", f"refs/heads/{branch}").returncode == 0
    if not there:
        told(repo, "update-ref", f"refs/heads/{branch}", at, "0" * len(at))
    # No files yet: they come by restore, which can be begun again.
    told(repo, "worktree", "add", "--force", "--no-checkout", str(path), branch)
    admin = _admin_of(common, path)
    if admin is None:
        raise TreeError(f"git made no worktree at {path}.")
    return admin


def _admin_of(common: Path, path: Path) -> Path | None:
    """Where git keeps the worktree at ``path``; None where it knows none."""
    try:
        found = sorted((common / "worktrees").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return None
    wanted = os.fsencode(path / ".git")
    for one in found:
        try:
            if (one / "gitdir").read_bytes().rstrip(b"\n") == wanted:
                return one
        except OSError:
            continue  # another worktree's place, half made
    return None


def _unlock(git: TreeGit) -> None:
    """Locks of a git that was killed: nobody but the campaign works in this checkout, and nothing
    of a try is alive when its tree is looked at."""
    for name in (git.index.name, "index", "HEAD"):
        (git.admin / f"{name}.lock").unlink(missing_ok=True)


def _holds(path: Path, wanted: bytes) -> bool:
    try:
        return _is_plain(path) and path.read_bytes() == wanted
    except OSError:
        return False


def _is_plain(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _remove(top: Path, name: str) -> None:
    """Remove what stands at ``name``, whatever it is. Follows no link."""
    path = top / name
    if any((top / parent).is_symlink() for parent in PurePosixPath(name).parents):
        return  # it stands somewhere else
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(found.st_mode):
        _open_up(path)
        shutil.rmtree(path)
    else:
        path.unlink()


def _make_room(top: Path, name: str) -> None:
    """Folders for a file: a link or a file that stands where one must be goes."""
    for parent in reversed(PurePosixPath(name).parents[:-1]):
        place = top / parent
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            place.unlink()
    (top / name).parent.mkdir(parents=True, exist_ok=True)


def _open_up(top: Path) -> None:
    """Give the owner back what a try took from them: folders to enter, files to read and write."""
    if not top.is_dir() or top.is_symlink():
        return
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        _allow(folder, folder.lstat(), stat.S_IRWXU)
        with os.scandir(folder) as found:
            for one in found:
                if one.is_dir(follow_symlinks=False):
                    waiting.append(Path(one.path))
                elif one.is_file(follow_symlinks=False):
                    _allow(Path(one.path), one.stat(follow_symlinks=False), stat.S_IREAD)


def _allow(path: Path, found: os.stat_result, wanted: int) -> None:
    if found.st_mode & wanted != wanted:
        path.chmod(stat.S_IMODE(found.st_mode) | wanted)


def _literal(name: str) -> str:
    """A path as a pattern of git that means just this path."""
    return "".join(f"\\{one}" if one in "\\*?[]! #" else one for one in name)
