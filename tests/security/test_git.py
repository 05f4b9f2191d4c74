"""git in a folder that came from elsewhere runs no program of that folder. Real repositories; each
attack is seen to work with plain git before it is seen not to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import engine
from engine.git import call, set_back
from engine.loops.commits import Place, commit, dirty, last_message, place_of
from engine.loops.research import repository
from engine.loops.research.worktree import make_worktree
from engine.protocols.around import files_of
from engine.supervise.provenance import git_state
from tests.engine.loops.research.repository_kit import fill, protocol

MARK = "PWNED"
DIFF = "--- a/lib/util.py\n+++ b/lib/util.py\n@@ -1 +1 @@\n-import numpy\n+import math\n"
WAYS = ("status", "--porcelain"), ("log", "-1", "--format=%s"), ("commit", "-qm", "m", "run.sh")
SIGNED = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n"


def git(folder: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, input=given
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An honest repository; it is copied and never changed."""
    folder = tmp_path_factory.mktemp("made")
    fill(folder)
    return folder


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's own configuration."""
    config = tmp_path / "own"
    config.write_text("[user]\nname = A\nemail = a@b.c\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    return config


@dataclass
class Scene:
    """A repository of somebody's, and the file ``mark`` that its programs would make."""

    repo: Path
    mark: Path

    def config(self, text: str, file: str = ".git/config") -> None:
        """Add to a file of the repository; PWNED stands for the mark."""
        with (self.repo / file).open("a") as out:
            out.write(text.replace(MARK, str(self.mark)))

    def hook(self, folder: str, *names: str) -> None:
        for name in names:
            path = self.repo / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/sh\ntouch {self.mark}\n")
            path.chmod(0o755)


@pytest.fixture
def place(made: Path, own: Path, tmp_path: Path) -> Scene:
    repo = tmp_path / "repo"
    shutil.copytree(made, repo)
    for path in repo.glob("*.py"):
        os.utime(path, (0, 0))  # so that git reads the files again, by their filters
    with (repo / "run.sh").open("a") as out:
        out.write("true\n")
    return Scene(repo, tmp_path / MARK)


def monitor(at: Scene) -> None:
    at.config('[core]\nfsmonitor = "touch PWNED; false"\n')


def without_dot_git(at: Scene) -> None:
    for path in (at.repo / ".git").iterdir():
        path.rename(at.repo / path.name)
    (at.repo / ".git").rmdir()
    at.config('[core]\nbare = false\nworktree = .\nfsmonitor = "touch PWNED; false"\n', "config")


def clean_filter(at: Scene) -> None:
    (at.repo / ".gitattributes").write_text("* filter=x\n")
    at.config('[filter "x"]\nclean = "touch PWNED; cat"\nsmudge = "touch PWNED; cat"\n')


def filter_process_by_an_include(at: Scene) -> None:
    (at.repo / ".git/info/attributes").write_text("* filter=a=b.C\n")
    at.config("[include]\npath = more\n")
    at.config('[filter "a=b.C"]\nprocess = touch PWNED\nrequired = true\n', ".git/more")


def filter_of_the_worktree_on_a_branch(at: Scene) -> None:
    (at.repo / ".gitattributes").write_text("* filter=x\n")
    at.config("[extensions]\nworktreeConfig = true\n[core]\nrepositoryformatversion = 1\n")
    at.config('[includeIf "onbranch:ma*"]\npath = more\n', ".git/config.worktree")
    at.config('[filter "x"]\nclean = "touch PWNED; cat"\n', ".git/more")


def filter_of_a_submodule(at: Scene) -> None:
    shutil.copytree(at.repo, at.repo / "sub")
    clean_filter(Scene(at.repo / "sub", at.mark))
    git(at.repo, "-c", "advice.addEmbeddedRepo=false", "add", "sub")
    at.config('[submodule "s"]\npath = sub\nurl = ./sub\nignore = none\n', ".gitmodules")


def hooks(at: Scene) -> None:
    at.hook(".git/hooks", "pre-commit", "post-index-change", "reference-transaction")


def hooks_elsewhere(at: Scene) -> None:
    at.hook("more", "pre-commit", "post-index-change", "reference-transaction")
    at.config("[core]\nhooksPath = more\n")


def signature(at: Scene) -> None:
    at.hook(".", "sign.sh")
    at.config(f"[commit]\ngpgSign = true\n[gpg]\nprogram = {at.repo}/sign.sh\n")


def shown_signature(at: Scene) -> None:
    head = git(at.repo, "cat-file", "commit", "HEAD").replace("\n\n", f"\n{SIGNED}\n", 1)
    made = git(at.repo, "hash-object", "-t", "commit", "-w", "--stdin", given=head).strip()
    git(at.repo, "update-ref", "refs/heads/main", made)
    at.hook(".", "sign.sh")
    at.config(f"[log]\nshowSignature = true\n[gpg]\nprogram = {at.repo}/sign.sh\n")


def promised_objects(at: Scene) -> None:
    head = git(at.repo, "rev-parse", "HEAD").strip()
    (at.repo / ".git/objects" / head[:2] / head[2:]).unlink()
    at.config(
        "[core]\nrepositoryformatversion = 1\n[extensions]\npartialClone = origin\n"
        '[protocol "ext"]\nallow = always\n'
        '[remote "origin"]\npromisor = true\nurl = ext::touch PWNED\n'
    )


ATTACKS = [
    monitor,
    without_dot_git,
    clean_filter,
    filter_process_by_an_include,
    filter_of_the_worktree_on_a_branch,
    filter_of_a_submodule,
    hooks,
    hooks_elsewhere,
    signature,
    shown_signature,
    promised_objects,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
def test_nothing_of_the_folder_runs(place: Scene, attack: Callable[[Scene], None]) -> None:
    attack(place)
    copied = place.repo.parent / "copied"
    shutil.copytree(place.repo, copied, copy_function=shutil.copy2)
    for way in WAYS:
        subprocess.run(["git", *way], cwd=copied, capture_output=True, check=False)
    assert place.mark.exists(), "it is no attack on this git"
    place.mark.unlink()

    repo = place.repo
    git_state(repo)
    files_of(repo)
    found = repository.look(repo, protocol())
    before = dirty(repo)
    place_of(repo)
    last_message(repo)
    commit(repo, ["train.py"], "nothing changed")
    (repo / "train.py").write_text("LR = 0.01\n")
    done = commit(repo, ["train.py"], "m")
    if found.commit:
        tree = make_worktree(repo, repo.parent / "w", "research/one", "HEAD", "one")
        (tree.path / "train.py").write_text("LR = 0.1\n")
        tree.restore()
        assert tree.apply(DIFF) is None and tree.diff()
    assert not place.mark.exists()
    # And git answered, where the repository is whole.
    if attack not in (without_dot_git, promised_objects):
        assert found.commit and before is not None and "run.sh" in before
        assert done.commit or attack is signature, done


def test_a_folder_that_looks_like_gits_own_is_no_repository(place: Scene) -> None:
    without_dot_git(place)
    assert git_state(place.repo) == (None, None)
    assert place_of(place.repo) == Place.NONE
    assert "not bare" in (repository.look(place.repo, protocol()).problem or "")


def test_a_git_of_the_folder_is_not_the_git(place: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    place.hook("bin", "git")
    monkeypatch.setenv("PATH", f"./bin::{os.environ['PATH']}")
    subprocess.run(["git", "status"], cwd=place.repo, check=False)
    assert place.mark.exists(), "it is no attack here"
    place.mark.unlink()
    assert git_state(place.repo)[1] is True and not place.mark.exists()


def test_filters_of_the_persons_own_run_without_secrets(
    place: Scene, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = own.parent / "seen"
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    with own.open("a") as out:
        out.write(f'[filter "lfs"]\nclean = "env > {seen}; cat"\nrequired = true\n')
    (place.repo / ".gitattributes").write_text("*.py filter=lfs\n")
    place.config('[filter "lfs"]\nclean = "touch PWNED; cat"\n')
    assert git_state(place.repo)[1] is True
    environment = seen.read_text()
    assert "PATH=" in environment and "hf_0123" not in environment
    assert "/nowhere" not in environment
    # git-lfs runs what the repository's own settings say: then it is off.
    seen.unlink()
    place.config('[lfs "Extension.x"]\nclean = touch PWNED\n')
    assert git_state(place.repo)[1] is True
    assert not seen.exists() and not place.mark.exists()


def test_honest_repositories_answer_as_before(place: Scene, made: Path) -> None:
    head = git(made, "rev-parse", "HEAD").strip()
    place.config('[remote "origin"]\nurl = https://x/y\n[branch "main"]\nremote = origin\n')
    assert git_state(place.repo) == (head, True)
    assert git_state(place.repo / "lib") == (head, False)
    assert git_state(made.parent) == (None, None)
    assert set(dirty(place.repo) or ()) == {"run.sh"}
    assert last_message(place.repo) == "first"
    assert repository.look(place.repo, protocol()).commit == head
    assert "lib/util.py" in files_of(place.repo)
    place.config('[remote "origin"]\npromisor = true\npartialCloneFilter = blob:none\n')
    assert "partial clone" in " ".join(repository.look(place.repo, protocol()).warnings)
    done = commit(place.repo, ["run.sh"], "second")
    assert git_state(place.repo) == (done.commit, False)


def test_what_is_set_back() -> None:
    listed = (
        "global\0filter.a.clean\nmine\0local\0filter.a.smudge\ntheirs\0local\0user.name\nA\0"
        "global\0filter.b.clean\nmine\0global\0filter.b.smudge\nmine\0local\0filter.b.clean\nx\0"
        "local\0gpg.ssh.program\nx\0local\0core.bare\0worktree\0hook.h.command\nx\0"
        "global\0core.sshcommand\nssh -v\0local\0core.sshcommand\nx\0"
    )
    assert set_back(listed.encode()) == {
        "filter.b.clean": "mine",
        "filter.a.clean": "",
        "filter.a.smudge": "",
        "filter.a.process": "",
        "filter.a.required": "false",
        "gpg.ssh.program": "",
        "hook.h.enabled": "false",
        "core.sshcommand": "ssh -v",
    }


def test_git_is_called_in_one_place() -> None:
    root = Path(engine.__file__).parents[1]
    found = {
        path.relative_to(root).as_posix()
        for room in ("engine", "tui")
        for path in (root / room).rglob("*.py")
        if re.search(r"""[\["'(]git["'],? ?["'*]|\["git\b""", path.read_text("utf-8"))
    }
    # One shows a person the line to type, one asks whether git is there.
    others = {"engine/cli/research_table.py", "engine/doctor.py"}
    assert found == {"engine/git.py"} | others


def test_an_old_git_is_refused_in_words(
    place: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "bin/git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'error: unknown option' >&2\nexit 129\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    assert b"2.31" in call(place.repo, "status").stderr
    assert git_state(place.repo) == (None, None)
