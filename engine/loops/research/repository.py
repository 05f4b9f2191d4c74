"""Looks at somebody's repository before a campaign works in it: from which commit it would begin,
and what will not be as expected. Changes nothing, but for ``initialise``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.globs import matches
from engine.loops.research.results_log import LogError, read_text
from engine.loops.research.surface import is_mutable
from engine.loops.research.tree_git import TreeError, ask, is_gits_own, told
from engine.records.protocol import Protocol

_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """``commit`` is what a campaign would begin from; ``problem`` why none can, as a sentence.

    ``needs_init``: it is a plain folder, which ``initialise`` makes a repository of.
    ``warnings`` are sentences.
    """

    commit: str | None = None
    problem: str | None = None
    needs_init: bool = False
    warnings: tuple[str, ...] = ()


def look(repo: Path, protocol: Protocol) -> Repository:
    """What a campaign of the protocol would find in the folder ``repo``. Never raises for what git
    says."""
    try:
        return _look(repo, protocol)
    except TreeError as error:
        return Repository(problem=str(error))


def initialise(repo: Path) -> None:
    """Make a plain folder a repository with one commit of what is in it. OSError where git
    refuses."""
    try:
        if not (repo / ".git").exists():
            told(repo, "init", "-q")
        told(repo, "add", "-A")
        who = [] if _knows_user(repo) else ["-c", "user.name=factory-tui"]
        who += [] if _knows_user(repo) else ["-c", "user.email=factory-tui@localhost"]
        message = "The recipe as it is, before its first campaign"
        told(repo, *who, "commit", "-q", "--no-verify", "--allow-empty", "-m", message)
    except TreeError as error:
        raise OSError(str(error)) from error


def results_before(repo: Path, protocol: Protocol) -> str | None:
    """The text of the results log in the user's checkout; None where there is none. OSError where
    it cannot be read."""
    try:
        text = read_text(repo / protocol.provenance.results_log.path)
    except LogError as error:
        raise OSError(str(error)) from error
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if text else None


def _look(repo: Path, protocol: Protocol) -> Repository:
    bare = ask(repo, "rev-parse", "--is-bare-repository")
    if bare.returncode:
        words = bare.stderr.decode("utf-8", "replace")
        if "not a git repository" in words:
            return Repository(needs_init=True)
        return Repository(problem=f"git does not open {repo}: {words.strip()[:300]}")
    is_bare = bare.stdout.strip() == b"true"
    if not is_bare and is_gits_own(repo):
        return Repository(
            problem=f"{repo} has git's own files (HEAD, objects, refs) among its own and says that "
            "it is not bare. No campaign begins there: clone it, and name the clone."
        )
    if not is_bare:
        top = Path(told(repo, "rev-parse", "--show-toplevel"))
        if top.resolve() != repo.resolve():
            return _within(repo, top)
    head = ask(repo, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head.returncode:
        return Repository(
            problem=f"{repo} has no commit yet, and a campaign begins from one. Make it: "
            "git add -A && git commit"
        )
    commit = os.fsdecode(head.stdout).strip()
    warnings = [*_of_commit(repo, protocol)]
    if is_bare:
        warnings.append("The repository is bare: the campaign begins from its HEAD.")
    else:
        warnings += [*_under_way(repo), *_uncommitted(repo, protocol)]
    return Repository(commit=commit, warnings=tuple(warnings))


def _within(repo: Path, top: Path) -> Repository:
    """A folder inside a repository: its own one to be, unless the outer one has its files."""
    if told(repo, "ls-files", "--", "."):
        return Repository(
            problem=f"{repo} is a part of the repository {top}. A campaign works in a repository "
            "whose top is the recipe: name that, or copy the folder out and git init it."
        )
    return Repository(needs_init=True)


def _under_way(repo: Path) -> list[str]:
    git_dir = Path(told(repo, "rev-parse", "--absolute-git-dir"))
    found = dict.fromkeys(what for name, what in _UNDER_WAY.items() if (git_dir / name).exists())
    return [
        f"{what[0].upper()}{what[1:]} is under way in the repository. It is left as it is; the "
        "campaign begins from HEAD."
        for what in found
    ]


def _uncommitted(repo: Path, protocol: Protocol) -> list[str]:
    """Changes of somebody's own that a campaign, which begins from a commit, does not see."""
    how = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules")
    answer = told(repo, "status", *how)
    names = [one[3:] for one in answer.split("\0") if len(one) > 3]
    log = protocol.provenance.results_log.path
    wanted = [
        name
        for name in names
        if name != log
        and (
            is_mutable(name, protocol.mutable_surface)
            or matches(name, protocol.immutable_harness.paths)
        )
    ]
    if not wanted:
        return []
    shown = ", ".join(wanted[:8]) + (f" and {len(wanted) - 8} more" if len(wanted) > 8 else "")
    return [
        f"The campaign begins from the last commit; changes that are not in it are left out: "
        f"{shown}."
    ]


def _of_commit(repo: Path, protocol: Protocol) -> list[str]:
    warnings = []
    listed = told(repo, "ls-tree", "-r", "-z", "--full-tree", "HEAD").split("\0")
    files = {name: about.split(" ") for about, _, name in (one.partition("\t") for one in listed)}
    files.pop("", None)
    if modules := [name for name, about in files.items() if about[0] == "160000"]:
        warnings.append(
            f"Submodules stay empty in the campaign's worktree: {', '.join(modules[:8])}. Where "
            "the recipe needs them, add `git submodule update --init` to the setup commands."
        )
    if _has_lfs(repo, files):
        warnings.append(
            "Files are kept by git LFS: where git-lfs is not installed the worktree has their "
            "pointers only. `git lfs pull` may stand among the setup commands."
        )
    if told(repo, "rev-parse", "--is-shallow-repository") == "true":
        warnings.append("The repository is a shallow clone: history before it is not there.")
    if ask(repo, "config", "--get-regexp", r"^remote\..*\.promisor$").stdout:
        warnings.append(
            "The repository is a partial clone, and what it may lack is not fetched while a "
            "campaign works. To have all of it before: git fetch --refetch --no-filter"
        )
    if not any(is_mutable(name, protocol.mutable_surface) for name in files):
        globs = ", ".join(protocol.mutable_surface.allowed_globs)
        warnings.append(f"No file of the last commit may be changed by the globs {globs}.")
    return warnings


def _has_lfs(repo: Path, files: dict[str, list[str]]) -> bool:
    """An attributes file of the commit gives files to LFS."""
    named = [one for one in files if one.rpartition("/")[2] == ".gitattributes"]
    return any(b"filter=lfs" in ask(repo, "show", f"HEAD:{one}").stdout for one in named)


def _knows_user(repo: Path) -> bool:
    return all(ask(repo, "config", one).stdout.strip() for one in ("user.name", "user.email"))
