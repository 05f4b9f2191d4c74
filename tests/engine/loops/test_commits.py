"""Real git: an iteration commits its own files in the target's own repository, and no others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine import git as git_calls
from engine.loops import commits
from engine.loops.commits import Place, commit, dirty, message_of, place_of


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A target with a repository of its own, an ignored file and a first commit."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = A\nemail = a@b.c\n[commit]\ngpgsign = false\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    folder = tmp_path / "target"
    (folder / "dataset").mkdir(parents=True)
    (folder / "forge.yaml").write_text("name: t\n")
    (folder / ".gitignore").write_text("output/\n.env\n")
    (folder / "dataset/canonical.jsonl").write_text("{}\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def files_of(folder: Path) -> set[str]:
    return set(git(folder, "show", "--name-only", "--format=", "HEAD").split())


def test_only_the_files_of_the_iteration(target: Path) -> None:
    (target / "forge.yaml").write_text("name: t\nlora: {r: 8}\n")
    (target / "PLAN.md").write_text("a plan\n")
    (target / "stray.txt").write_text("somebody's\n")
    (target / "staged.txt").write_text("somebody's\n")
    git(target, "add", "staged.txt")
    done = commit(target, ["forge.yaml", "PLAN.md", "absent.md"], message_of(3, 0.873, "More."))
    assert done.commit == git(target, "rev-parse", "HEAD").strip()
    assert commits.last_message(target) == "forge iter 3: 87.3% — More."
    assert files_of(target) == {"forge.yaml", "PLAN.md"}
    # What somebody staged is still staged, and nothing else became so.
    assert git(target, "status", "--porcelain") == "A  staged.txt\n?? stray.txt\n"


def test_a_dirty_file_is_left_to_whoever_changed_it(target: Path) -> None:
    (target / "forge.yaml").write_text("name: mine\n")
    (target / "with space é.md").write_text("mine\n")
    before = dirty(target)
    assert before == {"forge.yaml", "with space é.md"}
    (target / "PLAN.md").write_text("a plan\n")
    done = commit(target, ["forge.yaml", "PLAN.md"], "m", before)
    assert files_of(target) == {"PLAN.md"}
    assert done.left_out == ("forge.yaml: it had changes of somebody's own before",)


def test_secrets_weights_and_ignored_files_never_go_in(target: Path) -> None:
    names = [".env", "sub/.env", ".env.local", "a.safetensors", "output/x.json", "ok.md"]
    for name in names:
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text("ok\n" if name == "ok.md" else "KEY=secret\n")
    outside = target.parent / "outside.txt"
    outside.write_text("x")
    (target / "link.md").symlink_to(outside)
    done = commit(target, [*names, "link.md", "../outside.txt", str(outside)], "m")
    assert files_of(target) == {"ok.md"}
    assert len(done.left_out) == 8
    assert "secret" not in git(target, "log", "-p", "--all")


def test_a_parent_repository_is_never_written_to(tmp_path: Path, target: Path) -> None:
    parent = tmp_path / "parent"
    inner = parent / "targets/t"
    inner.mkdir(parents=True)
    git(parent, "init", "-q")
    (parent / ".env").write_text("KEY=secret\n")
    (parent / "foreign.txt").write_text("x\n")
    git(parent, "add", "foreign.txt")
    (inner / "PLAN.md").write_text("x\n")
    assert place_of(inner) == Place.PARENT
    done = commit(inner, ["PLAN.md"], "m")
    assert done.commit is None
    assert "somebody else's repository" in (done.reason or "")
    assert git(parent, "status", "--porcelain") == "A  foreign.txt\n?? .env\n?? targets/\n"


def test_where_there_is_no_repository(tmp_path: Path) -> None:
    assert place_of(tmp_path) in (Place.NONE, Place.PARENT)
    assert commit(tmp_path, ["x"], "m").commit is None


def test_nothing_changed_and_nothing_named(target: Path) -> None:
    assert commit(target, ["forge.yaml"], "m").reason == "Nothing changed since the last commit."
    assert "nothing of its own" in (commit(target, [".env"], "m").reason or "")


def test_hooks_do_not_run_and_what_fails_or_waits_is_said(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = target / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (target / "PLAN.md").write_text("x\n")
    assert commit(target, ["PLAN.md"], "m").commit
    (target / "PLAN.md").write_text("y\n")
    (target / ".git/HEAD.lock").touch()
    assert "HEAD.lock" in (commit(target, ["PLAN.md"], "m").reason or "")
    (target / ".git/HEAD.lock").unlink()
    (target / ".git/info/attributes").write_text("*.md filter=slow\n")
    git(target, "config", "--global", "filter.slow.clean", "exec sleep 30")
    monkeypatch.setattr(git_calls, "SECONDS", 0.5)
    (target / "PLAN.md").write_text("other\n")
    assert "was stopped" in (commit(target, ["PLAN.md"], "m").reason or "")


def test_started_from_a_hook_of_another_repository(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere/index"))
    (target / "PLAN.md").write_text("x\n")
    assert commit(target, ["PLAN.md"], "m").commit


@pytest.mark.parametrize(
    ("accuracy", "hypothesis", "message"),
    [
        (0.9, "", "forge iter 1: 90.0%"),
        (None, "Two\nlines\x1b[31m", "forge iter 1: not measured — Two lines [31m"),
        (1.0, "x" * 80, "forge iter 1: 100.0% — " + "x" * 59 + "…"),
    ],
)
def test_messages(accuracy: float | None, hypothesis: str, message: str) -> None:
    assert message_of(1, accuracy, hypothesis) == message


def test_a_name_that_is_a_pattern_is_a_name(target: Path) -> None:
    (target / "*").write_text("x\n")
    (target / "other.txt").write_text("x\n")
    assert commit(target, ["*"], "m").commit
    assert files_of(target) == {"*"}
