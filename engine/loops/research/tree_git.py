"""Asks git about a campaign's worktree, whatever a try did to it.

Every call names the place where git keeps the worktree's own things, so a ``.git`` file that was
overwritten does not lead elsewhere, and an index of its own, so nothing that was staged or marked
by a try hides a change. That no program of the repository runs is ``engine.git``'s part; that no
setting of it hides a file, and that nobody is asked for a signature, is said here.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine import git

INDEX = "campaign-index"
"""The index of our own, beside the worktree's."""

PLAIN = (
    *("-c", "core.untrackedCache=false"),
    *("-c", "core.fileMode=true"),
    *("-c", "core.symlinks=true"),
    *("-c", "core.trustctime=true"),
    *("-c", "core.ignoreStat=false"),
    *("-c", "core.sparseCheckout=false"),
    *("-c", "commit.gpgSign=false"),
)
"""So that no setting of a repository hides a file, or has a commit wait for a passphrase."""


class TreeError(Exception):
    """git could not do it; the text says what, where and why."""


class TreeTimeout(TreeError):
    """git did not come to an end in time."""


def ask(
    folder: Path,
    *arguments: str,
    given: bytes = b"",
    seconds: float = git.SECONDS,
    **extra: str,
) -> git.Done:
    """git in ``folder`` with nothing of the repository's own running; TreeError where it cannot be
    run at all, TreeTimeout after ``seconds``. ``extra`` are environment variables. A folder that is
    git's own (a bare repository, or ``.git``) is named to git, which would not take it for one by
    itself."""
    if is_gits_own(folder):
        extra = {"GIT_DIR": str(folder.absolute())} | extra
    try:
        return git.call(folder, *PLAIN, *arguments, given=given, extra=extra, seconds=seconds)
    except FileNotFoundError as error:
        if folder.is_dir():
            raise TreeError("git is not installed. A campaign needs it.") from error
        raise TreeError(f"{folder} is not there.") from error
    except subprocess.TimeoutExpired as error:
        what = arguments[0]
        raise TreeTimeout(f"git {what} took over {seconds:.0f} s and was stopped.") from error
    except OSError as error:
        raise TreeError(f"git cannot be run in {folder} ({error.strerror}).") from error


def told(folder: Path, *arguments: str, given: bytes = b"", **extra: str) -> str:
    """What git answered, without the last line's end; TreeError where it failed."""
    done = ask(folder, *arguments, given=given, seconds=git.SECONDS, **extra)
    if done.returncode:
        raise TreeError(f"git {arguments[0]} failed in {folder}: {git.said(done)}")
    return os.fsdecode(done.stdout).removesuffix("\n")


def is_gits_own(folder: Path) -> bool:
    """Whether git's own files lie in the folder itself, and not in a ``.git`` of it."""
    return (
        not os.path.lexists(folder / ".git")
        and os.path.lexists(folder / "HEAD")
        and all((folder / name).is_dir() for name in ("objects", "refs"))
    )


@dataclass(frozen=True, slots=True)
class TreeGit:
    """``path`` is the worktree, ``admin`` where git keeps its HEAD, ``common`` the repository."""

    path: Path
    admin: Path
    common: Path

    @property
    def index(self) -> Path:
        return self.admin / INDEX

    def ask(
        self,
        *arguments: str,
        given: bytes = b"",
        index: Path | None = None,
        seconds: float = git.SECONDS,
    ) -> git.Done:
        """As ``ask``, in the worktree and with the campaign's own index, or the one given."""
        return ask(
            self.path,
            *arguments,
            given=given,
            seconds=seconds,
            GIT_DIR=str(self.admin),
            GIT_WORK_TREE=str(self.path),
            GIT_INDEX_FILE=str(index or self.index),
        )

    def raw(self, *arguments: str, given: bytes = b"", index: Path | None = None) -> bytes:
        """What git answered; TreeError where it failed."""
        done = self.ask(*arguments, given=given, index=index)
        if done.returncode:
            raise TreeError(f"git {arguments[0]} failed in {self.path}: {git.said(done)}")
        return done.stdout

    def text(self, *arguments: str, given: bytes = b"", index: Path | None = None) -> str:
        """The same as text, without the last line's end."""
        return os.fsdecode(self.raw(*arguments, given=given, index=index)).removesuffix("\n")

    def commit_of(self, name: str) -> str | None:
        """The commit that a ref or a hash names; None where there is none."""
        done = self.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None
