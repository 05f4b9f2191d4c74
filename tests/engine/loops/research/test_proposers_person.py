"""A person proposes: the campaign waits, no edit is lost, and none is taken twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.loops.folder import LoopFolder
from engine.loops.research.acts import ActError
from engine.loops.research.proposers.checkout import head_is_moved, open_worktree
from engine.loops.research.proposers.person import (
    DRAFT,
    FILE,
    by_person,
    keep_draft,
    submit,
    take_up_draft,
)
from engine.loops.research.proposers.proposed import ProposerError
from engine.loops.research.worktree import Worktree
from engine.loops.runner import LoopPaused
from engine.processes import myself
from engine.records.research import WORKTREE
from tests.engine.loops.research.proposer_kit import RECIPE, TRAIN, git, make_campaign_folder

OTHER = TRAIN.replace("0.1", "0.2")


@pytest.fixture
def folder(tmp_path: Path) -> LoopFolder:
    return make_campaign_folder(tmp_path)


def change(folder: LoopFolder, text: str = OTHER) -> None:
    (folder.path / WORKTREE / "train.py").write_text(text)


def restore(folder: LoopFolder) -> Worktree:
    worktree = open_worktree(folder)
    worktree.restore()
    return worktree


def test_it_waits_until_a_change_was_submitted(folder: LoopFolder) -> None:
    with pytest.raises(LoopPaused, match="factory-tui loop edit 2026-11-28-tiny-research"):
        by_person(folder, 2, restore(folder))
    change(folder)
    (folder.path / WORKTREE / "new.bin").write_bytes(bytes(range(256)))
    said = submit(folder, "- a higher\trate ", start=False)
    assert said == "new.bin: +0 −0, train.py: +1 −1"
    for _ in range(2):  # a runner that was killed finds it again
        found = by_person(folder, 2, restore(folder))
        assert (found.by, found.description) == ("person", "a higher rate")
        assert (folder.path / WORKTREE / "train.py").read_text() == OTHER
        assert (folder.path / WORKTREE / "new.bin").read_bytes() == bytes(range(256))
    with pytest.raises(LoopPaused):
        by_person(folder, 3, restore(folder))


def test_looking_touches_nothing(folder: LoopFolder) -> None:
    path = folder.path / WORKTREE
    change(folder)
    git(path, "add", "train.py")
    (path / "data").mkdir()
    (path / "data" / "big").write_text("ignored")
    (path / "results.tsv").write_text("the campaign's own")
    before = git(path, "status", "--porcelain")
    worktree = open_worktree(folder)
    assert b"train.py" in worktree.diff()
    assert not {b"big", b"results.tsv"} & set(worktree.diff().split())
    assert git(path, "status", "--porcelain") == before
    assert not head_is_moved(worktree)


def test_what_is_refused(folder: LoopFolder, tmp_path: Path) -> None:
    with pytest.raises(ActError, match="No file differs"):
        submit(folder, "nothing", start=False)
    change(folder)
    with pytest.raises(ActError, match="Describe the change"):
        submit(folder, " \n", start=False)
    (folder.path / WORKTREE / "train.py").write_bytes(b"x = '\xff'\n")
    with pytest.raises(ActError, match="UTF-8"):
        submit(folder, "bytes", start=False)
    status = folder.status()
    folder.move(status.revision, lambda one: setattr(one, "runner", myself()))
    with pytest.raises(ActError, match="is at work"):
        submit(folder, "meanwhile", start=False)
    other = make_campaign_folder(tmp_path / "other", "settings")
    with pytest.raises(ActError, match="not proposed by a person"):
        submit(other, "mine", start=False)
    assert not (folder.path / FILE).exists()


def test_a_change_that_fits_no_more(folder: LoopFolder) -> None:
    change(folder)
    submit(folder, "higher", start=False)
    worktree = restore(folder)
    change(folder, "something else\n")
    git(folder.path / WORKTREE, "commit", "-qam", "A wish of somebody")
    worktree.move(git(folder.path / WORKTREE, "rev-parse", "HEAD"))
    with pytest.raises(ProposerError, match="does not fit") as caught:
        by_person(folder, 2, restore(folder))
    assert caught.value.rule == "apply"


def test_what_was_not_submitted_is_kept_and_comes_back(folder: LoopFolder) -> None:
    assert not keep_draft(folder, 2)
    change(folder)
    assert keep_draft(folder, 2)
    assert keep_draft(folder, 2)
    change(folder, TRAIN + "x = 1\n")
    assert keep_draft(folder, 2)
    drafts = sorted(path.name for path in folder.path.glob("draft*"))
    assert drafts == ["draft-2.diff", DRAFT]
    assert not take_up_draft(folder)  # somebody is at it
    restore(folder)
    assert take_up_draft(folder)
    assert (folder.path / WORKTREE / "train.py").read_text() == OTHER
    assert not (folder.path / DRAFT).exists()
    submit(folder, "higher", start=False)
    assert not keep_draft(folder, 2)  # it is safe in the proposal
    by_person(folder, 2, restore(folder))
    assert not keep_draft(folder, 2)  # it is the try by now


def test_the_command_opens_an_editor_and_submits(folder: LoopFolder, tmp_path: Path) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i.bak s/0.1/0.2/ "$1" && rm "$1.bak"\n')
    editor.chmod(0o755)
    words = ["loop", "edit", "2026-11-28", "-w", str(tmp_path), "--no-start"]
    env = {"EDITOR": str(editor), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(RECIPE.parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", *words, "-d", "a higher rate"],
        env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "train.py: +1 −1" in done.stderr
    assert by_person(folder, 2, restore(folder)).description == "a higher rate"
