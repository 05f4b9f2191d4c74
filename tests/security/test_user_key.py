"""What somebody agreed to is theirs: an agreement that came with a folder counts for nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.agreed import agree, agreement, is_agreed
from engine.user_key import SIZE, has_mark, key_file, make_key, mark_of
from engine.workspace import Workspace

DIGEST = "a" * 64


@pytest.fixture
def other_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key of somebody else lies once the test makes them log in."""
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    return state


def test_an_agreement_that_came_with_a_workspace_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "theirs"))
    theirs = Workspace(tmp_path / "from-elsewhere")
    agree(theirs, DIGEST, ["sh ./go.sh"])
    assert is_agreed(theirs, DIGEST)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
    assert not is_agreed(theirs, DIGEST), "nobody agreed to anything here"
    mine = Workspace(tmp_path / "mine-too")
    agree(mine, DIGEST, ["sh ./go.sh"])
    assert is_agreed(mine, DIGEST) and not is_agreed(theirs, DIGEST)
    shutil.rmtree(mine.local_dir / "agreed")
    shutil.copytree(theirs.local_dir / "agreed", mine.local_dir / "agreed")
    assert not is_agreed(mine, DIGEST)


def test_the_key_is_for_its_user_alone_and_is_made_once(other_user: Path) -> None:
    assert mark_of(b"x") is None and not has_mark(b"x", "")
    make_key()
    key = key_file().read_bytes()
    assert len(key) == SIZE and key_file().is_relative_to(other_user)
    assert key_file().stat().st_mode & 0o077 == 0
    assert key_file().parent.stat().st_mode & 0o077 == 0
    make_key()
    assert key_file().read_bytes() == key
    assert has_mark(b"x", mark_of(b"x") or "") and not has_mark(b"y", mark_of(b"x") or "")


def test_a_damaged_key_makes_one_ask_again_and_no_more(other_user: Path) -> None:
    place = Workspace(other_user / "place")
    agree(place, DIGEST, ["true"])
    key_file().write_bytes(b"short")
    assert agreement(place, DIGEST) is None
    agree(place, DIGEST, ["true"])
    assert is_agreed(place, DIGEST) and len(key_file().read_bytes()) == SIZE


def test_two_who_agree_at_once_share_one_key(other_user: Path) -> None:
    words = "from engine.user_key import make_key, mark_of; make_key(); print(mark_of(b'x'))"
    both = [
        subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE) for _ in range(4)
    ]
    assert len({one.communicate(timeout=60)[0] for one in both}) == 1
    assert mark_of(b"x") is not None


def test_without_a_home_nothing_is_agreed_to_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    place = Workspace(tmp_path)
    assert not is_agreed(place, DIGEST)
    with pytest.raises(OSError, match="set XDG_STATE_HOME"):
        agree(place, DIGEST, ["true"])
    assert not (tmp_path / ".factory").exists()
