"""Real git: tries as commits, and the branch of what was kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.loops.research import tries
from engine.loops.research.worktree import Worktree
from tests.engine.loops.research.repository_kit import campaign, fill, git, protocol
from tests.shared import made_once

RULES = protocol()
LOG = b"commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "recipe-repository", fill)


@pytest.fixture
def both(made: Path, tmp_path: Path) -> tuple[Path, Worktree]:
    return campaign(made, tmp_path)


def tried(tree: Worktree, iteration: int, text: str) -> str:
    """A try that writes ``train.py``; the tree is put back."""
    (tree.path / "train.py").write_text(text)
    commit = tries.record(tree, tree.snapshot(), iteration, f"A try\nof {text}")
    tree.restore()
    return commit


def test_a_try_is_a_commit_that_moves_nothing(both: tuple[Path, Worktree]) -> None:
    repo, tree = both
    head = tree.head()
    first = tried(tree, 2, "x = 1\n")
    assert tried(tree, 2, "x = 1\n") == first
    assert git(repo, "rev-parse", "refs/factory/one/try-002").strip() == first
    (tree.path / "train.py").write_text("x = 0\n")
    halved = tries.record(tree, tree.snapshot(), 2, "half the batch", variant="halved")
    tree.restore()
    assert git(repo, "rev-parse", "refs/factory/one/try-002-halved").strip() == halved != first
    assert git(repo, "rev-parse", "refs/factory/one/try-002").strip() == first
    assert tree.head() == head == git(repo, "rev-parse", "research/one").strip()
    assert git(repo, "show", "-s", "--format=%an %ae %P", first) == f"Ann ann@b.c {head}\n"
    assert git(repo, "show", f"{first}:train.py") == "x = 1\n"


def test_a_kept_try_is_one_commit_made_once(both: tuple[Path, Worktree]) -> None:
    repo, tree = both
    base = tree.head()
    (tree.path / "README.md").write_text("no part of it\n")
    (tree.path / "models").mkdir()
    (tree.path / "models/a.py").write_text("new\n")
    commit = tried(tree, 2, "x = 1\n")
    message = tries.message_of("val_bpb", 2.534, 2.498, "smaller\nrate")
    for _ in range(2):  # killed after the commit, begun again
        done = tries.keep(tree, RULES, commit, base=base, iteration=2, message=message, log=LOG)
        tree.restore()
    assert tree.head() == done == git(repo, "rev-parse", "research/one").strip()
    assert git(repo, "rev-list", "--count", f"{base}..research/one") == "1\n"
    changed = git(repo, "diff", "--name-only", base, done).split()
    assert changed == ["models/a.py", "results.tsv", "train.py"]
    words = git(repo, "show", "-s", "--format=%B", done)
    assert words.startswith("val_bpb 2.534 → 2.498: smaller rate\n\nFactory-Try: one/2")
    assert (tree.path / "train.py").read_text() == "x = 1\n"
    assert tries.kept(tree, base, 2) == done and tries.kept(tree, base, 20) is None
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/main\n"


def test_a_state_is_taken_back_whole(both: tuple[Path, Worktree]) -> None:
    _, tree = both
    base = tree.head()
    commit = tried(tree, 2, "x = 1\n")
    tries.keep(tree, RULES, commit, base=base, iteration=2, message="kept")
    back = tries.keep(tree, RULES, base, base=base, iteration=3, message="taken back")
    tree.restore()
    assert back == tree.head() != base
    assert "DEPTH = 8" in (tree.path / "train.py").read_text()
    assert tries.keep(tree, RULES, base, base=base, iteration=4, message="same") == back


def test_the_log_alone(both: tuple[Path, Worktree]) -> None:
    repo, tree = both
    base = tree.head()
    made = tries.commit_log(tree, RULES, LOG, "The rows of the last tries")
    assert made == tree.head()
    assert git(repo, "diff", "--name-only", base, made or "").split() == ["results.tsv"]
    assert tries.commit_log(tree, RULES, LOG, "again") is None


def test_an_ignored_log_is_not_committed(both: tuple[Path, Worktree]) -> None:
    repo, tree = both
    (repo / ".git/info/exclude").write_text("results.tsv\n")
    assert tries.commit_log(tree, RULES, LOG, "rows") is None


def test_who_has_no_name_gets_one(
    both: tuple[Path, Worktree], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, tree = both
    git(repo, "config", "--unset", "user.name")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    commit = tried(tree, 2, "x = 2\n")
    assert git(repo, "show", "-s", "--format=%an %ae", commit) == "factory-tui ann@b.c\n"
