"""What proposers ask git about the campaign's worktree: where HEAD is, and what was changed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.loops.research.proposers.proposed import ProposerError

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Head:
    """``branch`` is a full name (``refs/heads/…``), None where HEAD is detached."""

    commit: str
    branch: str | None


def head_of(worktree: Path) -> Head:
    """Where HEAD is; ProposerError (``git``) where git does not say."""
    commit = _text(worktree, "rev-parse", "--verify", "HEAD")
    done = _git(worktree, "symbolic-ref", "--quiet", "HEAD")
    return Head(commit, os.fsdecode(done.stdout).strip() if done.returncode == 0 else None)


def put_back(worktree: Path, head: Head) -> None:
    """Set HEAD, and its branch, to what they were. The files stay as they are."""
    if head.branch is None:
        _text(worktree, "update-ref", "--no-deref", "HEAD", head.commit)
    else:
        _text(worktree, "symbolic-ref", "HEAD", head.branch)
        _text(worktree, "update-ref", head.branch, head.commit)


def diff_of(worktree: Path) -> bytes:
    """Everything that differs from HEAD, new files too, what git ignores not; empty where nothing
    does. Neither the index nor a file is touched. ProposerError (``git``)."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        for step in (("read-tree", "HEAD"), ("add", "--all")):
            done = _git(worktree, *step, more=index)
            if done.returncode != 0:
                raise _failed(step[0], done)
        plain = ("--cached", "--binary", "--no-ext-diff", "--no-color", "--no-renames", "HEAD")
        done = _git(worktree, "diff", *plain, more=index)
        if done.returncode != 0:
            raise _failed("diff", done)
        return done.stdout


def apply_exactly(worktree: Path, diff: bytes) -> None:
    """Apply what ``diff_of`` gave; ProposerError (``apply``) where the files are others by now."""
    done = _git(worktree, "apply", "--whitespace=nowarn", "-", given=diff)
    if done.returncode != 0:
        raise ProposerError(
            f"The change does not fit the files as they are now: {_said(done)}.", "apply"
        )


def files_in(worktree: Path, allowed: Sequence[str], forbidden: Sequence[str] = ()) -> list[str]:
    """The files of HEAD's tree that these globs allow, by name. ProposerError (``git``)."""
    wanted = [f":(glob){one}" for one in allowed] + [f":(exclude,glob){one}" for one in forbidden]
    done = _git(worktree, "ls-files", "-z", "--", *wanted)
    if done.returncode != 0:
        raise _failed("ls-files", done)
    return sorted(os.fsdecode(one) for one in done.stdout.split(b"\0") if one)


def summary_of(diff: bytes) -> str:
    """What a diff changes, for a description that nobody wrote: ``train.py: +3 −1``."""
    counts: dict[str, list[int]] = {}
    name, inside = "", False
    for line in diff.decode("utf-8", "replace").splitlines():
        if line.startswith("diff --git "):
            name, inside = line.split(" b/", 1)[-1], False
            counts[name] = [0, 0]
        elif line.startswith("@@"):
            inside = True
        elif inside and line[:1] in ("+", "-"):
            counts[name][line[0] == "-"] += 1
    parts = [f"{name}: +{more} \N{MINUS SIGN}{less}" for name, (more, less) in counts.items()]
    return ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")


def _text(worktree: Path, *arguments: str) -> str:
    done = _git(worktree, *arguments)
    if done.returncode != 0:
        raise _failed(arguments[0], done)
    return os.fsdecode(done.stdout).strip()


def _failed(what: str, done: subprocess.CompletedProcess[bytes]) -> ProposerError:
    return ProposerError(f"git {what} failed in the campaign's worktree: {_said(done)}.", "git")


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    text = done.stderr.decode("utf-8", "replace").strip()
    line = text.splitlines()[0] if text else "it gave no reason"
    return "".join(one for one in line if one.isprintable())[:300].rstrip(".")


def _git(
    worktree: Path, *arguments: str, given: bytes = b"", more: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(more or {})}
    # A hook or a monitor that an agent has set up is not run by our looking.
    safe = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
    try:
        return subprocess.run(
            ["git", *safe, *arguments],
            cwd=worktree,
            env=environment,
            input=given,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProposerError(f"git cannot be asked about {worktree}: {error}.", "git") from error
