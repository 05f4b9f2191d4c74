"""Real git: the campaign's own checkout, and what hostile tries do to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.loops.research import applying, repository
from engine.loops.research.tree_git import TreeError
from engine.loops.research.tries import record
from engine.loops.research.worktree import Worktree, branch_name, make_worktree
from tests.engine.loops.research.repository_kit import FILES, campaign, fill, git, protocol
from tests.shared import made_once


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "recipe-repository", fill)


@pytest.fixture
def both(made: Path, tmp_path: Path) -> tuple[Path, Worktree]:
    return campaign(made, tmp_path)


@pytest.fixture
def tree(both: tuple[Path, Worktree]) -> Worktree:
    return both[1]


def state(tree: Worktree) -> dict[str, str]:
    """All tracked files as they are on disk, with their rights."""
    return {
        name: f"{(tree.path / name).read_text()}{os.access(tree.path / name, os.X_OK)}"
        for name in FILES
    }


def test_the_users_checkout_stays_as_it_is(made: Path, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    shutil.copytree(made, repo)
    hook = repo / ".git/hooks/post-checkout"
    hook.write_text("#!/bin/sh\ntouch ../hooked\n")
    hook.chmod(0o755)
    (repo / "train.py").write_text("mine\n")
    (repo / "staged.py").write_text("mine\n")
    git(repo, "add", "staged.py")
    before = git(repo, "status", "--porcelain"), (repo / ".git/config").read_bytes()
    base = git(repo, "rev-parse", "HEAD").strip()
    tree = make_worktree(repo, tmp_path / "w", "research/one", base, "one")
    assert (git(repo, "status", "--porcelain"), (repo / ".git/config").read_bytes()) == before
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/main\n"
    assert (tree.path / "train.py").read_text() == FILES["train.py"]
    assert not list(tmp_path.rglob("hooked")) and tree.is_clean()
    assert git(tree.path, "status", "--porcelain") == ""
    assert git(tree.path, "branch", "--show-current") == "research/one\n"


def edit(tree: Path) -> None:
    (tree / "train.py").write_text("broken\n")
    (tree / "prepare.py").unlink()
    (tree / "run.sh").chmod(0o644)
    (tree / "new/deep").mkdir(parents=True)
    (tree / "new/deep/file.py").write_text("x\n")
    (tree / "empty").mkdir()


def link(tree: Path) -> None:
    shutil.rmtree(tree / "lib")
    (tree / "lib").symlink_to("/usr/lib")
    (tree / "train.py").unlink()
    (tree / "train.py").symlink_to("prepare.py")


def swap(tree: Path) -> None:
    (tree / "train.py").unlink()
    (tree / "train.py").mkdir()
    (tree / "train.py/x").write_text("x")
    shutil.rmtree(tree / "lib")
    (tree / "lib").write_text("a file")


def shut(tree: Path) -> None:
    (tree / "shut/in").mkdir(parents=True)
    (tree / "shut/in/x").write_text("x")
    (tree / "shut/in").chmod(0)
    (tree / "lib/util.py").write_text("x")
    (tree / "lib/util.py").chmod(0)
    (tree / "lib").chmod(0o500)


def nested(tree: Path) -> None:
    (tree / "other").mkdir()
    git(tree / "other", "init", "-q")
    (tree / "other/x").write_text("x")
    git(tree / "lib", "init", "-q")


def special(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    (tree / "train.py").unlink()
    os.mkfifo(tree / "train.py")
    (tree / b"caf\xe9 \n*?.py".decode("utf-8", "surrogateescape")).write_text("x")


def commits(tree: Path) -> None:
    (tree / "train.py").write_text("committed\n")
    git(tree, "-c", "user.name=x", "-c", "user.email=y", "commit", "-qam", "agents do that")
    git(tree, "checkout", "-q", "-b", "elsewhere")


def hides(tree: Path) -> None:
    (tree / "train.py").write_text("hidden\n")
    git(tree, "update-index", "--assume-unchanged", "train.py")
    git(tree, "rm", "-q", "--cached", "prepare.py")


def ignores(tree: Path) -> None:
    (tree / "lib/.gitignore").write_text("*\n")
    (tree / "lib/hidden.py").write_text("x\n")


def no_git_file(tree: Path) -> None:
    (tree / ".git").write_text("gitdir: /nowhere\n")
    (tree / "train.py").write_text("x\n")


def git_folder(tree: Path) -> None:
    (tree / ".git").unlink()
    git(tree, "init", "-q")
    (tree / "train.py").write_text("x\n")


def locked(tree: Path) -> None:
    admin = Path(git(tree, "rev-parse", "--absolute-git-dir").strip())
    for name in ("index.lock", "campaign-index.lock", "HEAD.lock"):
        (admin / name).write_text("")
    (admin / "HEAD").write_text("nonsense")
    (admin / "campaign-index").write_text("nonsense")
    (tree / "train.py").write_text("x\n")


@pytest.mark.parametrize(
    "harm",
    [
        edit,
        link,
        swap,
        shut,
        nested,
        special,
        commits,
        hides,
        ignores,
        no_git_file,
        git_folder,
        locked,
    ],
    ids=lambda harm: harm.__name__,
)
def test_whatever_a_try_did_is_put_back(tree: Worktree, harm: Callable[[Path], None]) -> None:
    (tree.path / ".venv").mkdir()
    (tree.path / ".venv/python").write_text("setup made it")
    (tree.path / "results.tsv").write_text("the log\n")
    before, head = state(tree), tree.head()
    harm(tree.path)
    if harm not in (locked, nested):
        assert not tree.is_clean()
    tree.restore()
    assert state(tree) == before and tree.head() == head
    assert tree.is_clean()
    names = {one.name for one in tree.path.iterdir()}
    assert names == {one.split("/")[0] for one in FILES} | {".git", ".venv", "results.tsv"}
    assert (tree.path / ".venv/python").read_text() == "setup made it"
    assert (tree.path / "results.tsv").read_text() == "the log\n"
    assert git(tree.path, "status", "--porcelain") == "?? results.tsv\n"
    assert git(tree.path, "branch", "--show-current") == "research/one\n"
    assert [one.name for one in (tree.path / "lib").iterdir()] == ["util.py"]


def test_a_log_that_leads_elsewhere_is_taken_away(tree: Worktree, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tree.path / "results.tsv").symlink_to(tmp_path / "secret")
    tree.restore()
    assert not (tree.path / "results.tsv").is_symlink() and (tmp_path / "secret").is_file()


@pytest.mark.parametrize("harm", ["removed", "emptied", "file", "unknown"])
def test_made_again_after_a_kill(both: tuple[Path, Worktree], harm: str) -> None:
    repo, tree = both
    head = tree.head()
    if harm != "emptied":
        shutil.rmtree(tree.path)
    else:
        for name in FILES:
            (tree.path / name).unlink()
    if harm == "file":
        tree.path.write_text("x")
    if harm == "unknown":
        tree.path.mkdir()
        (tree.path / "x").write_text("half made")
        shutil.rmtree(tree.git.admin)
    again = make_worktree(repo, tree.path, tree.branch, head, "one", ["results.tsv"])
    assert again.is_clean() and (again.path / "train.py").read_text() == FILES["train.py"]
    assert not (again.path / "x").exists()
    assert len(git(repo, "worktree", "list").splitlines()) == 2


def test_diff_and_apply_are_inverse(tree: Worktree) -> None:
    edit(tree.path)
    (tree.path / "blob").write_bytes(bytes(range(256)))
    diff = tree.diff()
    changed = tree.snapshot()
    tree.restore()
    assert tree.apply(diff) is None
    assert tree.snapshot().tree == changed.tree
    assert b"GIT binary patch" in diff and b"rename" not in diff


DIFF = (
    "--- a/train.py\n+++ b/train.py\n@@ -1,4 +1,4 @@\n"
    " import math\n \n-DEPTH = 8\n+DEPTH = 9\n LR = 0.04\n"
)


@pytest.mark.parametrize(
    "diff",
    [
        DIFF,
        DIFF.replace("-1,4 +1,4", "-40,9 +7,2"),
        DIFF.replace("a/", "").replace("b/", ""),
        DIFF.rstrip("\n"),
        DIFF.replace("\n", "\r\n"),
        DIFF.replace(" LR = 0.04", " LR =  0.04"),
        f"Here it is:\n```diff\n{DIFF}```\nGood luck.\n",
    ],
    ids=["exact", "counts", "p0", "no-end", "crlf", "spaces", "prose"],
)
def test_sloppy_diffs_are_applied(tree: Worktree, diff: str) -> None:
    assert tree.apply(diff) is None
    assert "DEPTH = 9\n" in (tree.path / "train.py").read_text()
    assert [one.path for one in tree.snapshot().changes] == ["train.py"]


NEW = "--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+x\n"


@pytest.mark.parametrize(
    "diff",
    [
        "Nothing to change.",
        DIFF.replace("DEPTH = 8", "DEPTH = 77"),
        NEW.format("../outside"),
        NEW.format(".git/hooks/post-commit"),
        NEW.format("lib/.GIT/config"),
        "--- /dev/null\n+++ /tmp/outside\n@@ -0,0 +1 @@\n+x\n",
        "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/tmp\n",
        "diff --git a/s b/s\nnew file mode 160000\n--- /dev/null\n+++ b/s\n@@ -0,0 +1 @@\n"
        f"+Subproject commit {'1' * 40}\n",
        # git takes a minute and more to split such a line into two names.
        f"diff --git a/b/one.tx{'- ' * 550_000}\n{DIFF}",
    ],
    ids=["prose", "no-fit", "up", "git", "git-case", "absolute", "link", "submodule", "long"],
)
def test_a_diff_that_is_refused_touches_nothing(tree: Worktree, diff: str) -> None:
    found = tree.apply(diff)
    assert found is not None and found.rule == "apply"
    assert tree.is_clean() and not (tree.path.parent / "outside").exists()


def test_a_diff_over_which_git_broods_is_refused(
    tree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "APPLY_S", 0.0001)
    found = tree.apply(DIFF)
    assert found is not None and "took over" in found.text and found.text.endswith("stopped.")


def test_no_file_is_made_through_a_link(tree: Worktree, tmp_path: Path) -> None:
    (tree.path / "out").symlink_to(tmp_path)
    assert tree.apply(NEW.format("out/stolen")) is not None
    assert not (tmp_path / "stolen").exists()


def test_large_files_are_named_and_not_stored(tree: Worktree) -> None:
    (tree.path / "weights.bin").write_bytes(b"\0" * (2**20 + 1))
    found = tree.snapshot()
    assert [(one.path, one.stored) for one in found.changes] == [("weights.bin", False)]
    assert found.tree == git(tree.path, "rev-parse", "HEAD^{tree}").strip()


def test_branches_of_their_own(both: tuple[Path, Worktree]) -> None:
    repo, _ = both
    assert branch_name(repo, "research/two") == "research/two"
    assert branch_name(repo, "research/one") == "research/one-2"
    assert branch_name(repo, "research") == "research-2"
    with pytest.raises(TreeError, match="no name that git takes"):
        branch_name(repo, "a..b/x")


def test_a_line_that_looks_like_a_header_is_none(tree: Worktree) -> None:
    (tree.path / "train.py").write_text("import math\n\n-- ../note\nLR = 0.04\n")
    tree.move(record(tree, tree.snapshot(), 2, "a note"))
    tree.restore()
    diff = DIFF.replace("-DEPTH = 8", "--- ../note").replace("+DEPTH = 9", "+++ /etc/x")
    assert tree.apply(diff) is None
    assert "++ /etc/x" in (tree.path / "train.py").read_text()


def test_removed_but_for_branch_and_refs(both: tuple[Path, Worktree]) -> None:
    repo, tree = both
    tree.remove()
    assert not tree.path.exists()
    assert len(git(repo, "worktree", "list").splitlines()) == 1
    assert git(repo, "rev-parse", "research/one", tree.head_ref)


def test_what_is_said_of_a_repository(made: Path, tmp_path: Path) -> None:
    rules = protocol()
    repo = tmp_path / "repo"
    shutil.copytree(made, repo)
    assert repository.look(repo, rules).warnings == ()
    (repo / "train.py").write_text("x = 1\n")
    (repo / "notes.md").write_text("mine\n")
    (repo / ".git/MERGE_HEAD").write_text(git(repo, "rev-parse", "HEAD"))
    found = repository.look(repo, rules)
    said = " ".join(found.warnings)
    assert found.commit and "left out: train.py." in said and "A merge is under way" in said
    (repo / ".git/MERGE_HEAD").unlink()
    inside = repository.look(repo / "lib", rules)
    assert inside.problem and "is a part of the repository" in inside.problem
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(made), "sub")
    (repo / ".gitattributes").write_text("*.bin filter=lfs\n")
    git(repo, "add", ".gitattributes")
    git(repo, "commit", "-qm", "more")
    base = git(repo, "rev-parse", "HEAD").strip()
    words = " ".join(repository.look(repo, rules).warnings)
    assert "Submodules stay empty" in words and "git LFS" in words
    assert make_worktree(repo, tmp_path / "w", "research/sub", base, "sub").is_clean()
    git(tmp_path, "clone", "-q", "--bare", str(made), "bare")
    assert "bare" in " ".join(repository.look(tmp_path / "bare", rules).warnings)
    bare = make_worktree(tmp_path / "bare", tmp_path / "b", "research/b", "HEAD", "b")
    assert (bare.path / "train.py").is_file()


def test_a_plain_folder_becomes_a_repository(tmp_path: Path) -> None:
    assert repository.look(tmp_path, protocol()).needs_init
    (tmp_path / "train.py").write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    assert "no commit yet" in (repository.look(tmp_path, protocol()).problem or "")
    repository.initialise(tmp_path)
    assert repository.look(tmp_path, protocol()).commit
    (tmp_path / "results.tsv").write_text("commit\tval_bpb\n")
    assert repository.results_before(tmp_path, protocol()) == "commit\tval_bpb\n"
