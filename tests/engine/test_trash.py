"""The trash: whole runs in one place, back in one step, and nothing removed by itself."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from engine.catalogue.trash import Trash, Trashed, TrashError, one_of_them, size_of
from engine.identity import describe
from engine.workspace import Workspace
from tests.tui.make_runs import make_run

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = "2026-11-20-drone-router-2"


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    make_run(tmp_path, RUN)
    return Trash(Workspace(tmp_path))


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_there_and_back_again_is_the_same_folder(trash: Trash, tmp_path: Path) -> None:
    run = tmp_path / "runs" / RUN
    before = everything(run)
    entry = trash.put(RUN, NOW)
    assert not run.exists()
    assert entry.path == tmp_path / ".factory/trash" / f"{RUN}-20261120T120000Z"
    assert trash.entries() == [entry] and size_of(entry.path) > 1000
    assert trash.restore(entry) == run
    assert everything(run) == before and trash.entries() == []


def test_deleted_twice_in_one_second_both_are_kept(trash: Trash, tmp_path: Path) -> None:
    trash.put(RUN, NOW)
    make_run(tmp_path, RUN)
    trash.put(RUN, NOW)
    assert [entry.run_id for entry in trash.entries()] == [RUN, RUN]
    assert len({entry.path for entry in trash.entries()}) == 2


def test_a_name_that_is_taken_is_a_sentence(trash: Trash, tmp_path: Path) -> None:
    entry = trash.put(RUN, NOW)
    make_run(tmp_path, RUN, after=0.5)
    with pytest.raises(TrashError, match="another run has that name now"):
        trash.restore(entry)
    assert entry.path.is_dir()


@pytest.mark.parametrize("more", [{}, {"waiting_for": "another run"}])
def test_a_run_that_is_under_way_is_refused(tmp_path: Path, more: dict[str, str]) -> None:
    me = describe(os.getpid())
    make_run(tmp_path, RUN, phase="training", after=None, status={"supervisor": me, **more})
    with pytest.raises(TrashError, match=r"Cancel it first \(C\)"):
        Trash(Workspace(tmp_path)).put(RUN)
    assert (tmp_path / "runs" / RUN).is_dir()


def test_a_stage_that_outlived_its_supervisor_is_refused(tmp_path: Path) -> None:
    me = psutil.Process()
    make_run(
        tmp_path,
        RUN,
        phase="training",
        after=None,
        status={
            "supervisor": {"pid": 2**22 - 3, "started": 1.0},
            "child": {"pid": me.pid, "started": me.create_time()},
        },
    )
    with pytest.raises(TrashError, match="still computes"):
        Trash(Workspace(tmp_path)).put(RUN)


def test_a_supervisor_that_starts_meanwhile_is_seen_by_its_lock(
    trash: Trash, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import engine.supervise.run_lock as run_lock

    monkeypatch.setattr(run_lock, "GRACE_S", 0.0)
    with run_lock.RunLock(tmp_path / "runs" / RUN), pytest.raises(TrashError, match="written"):
        trash.put(RUN)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, "may not change that folder"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EXDEV, "on another disk"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(
    trash: Trash, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(TrashError, match=words):
        trash.put(RUN)
    assert (tmp_path / "runs" / RUN / "config.json").is_file()


@pytest.mark.parametrize("name", ["../x", "nowhere", "2026-11-20"])
def test_only_a_whole_name_deletes(trash: Trash, tmp_path: Path, name: str) -> None:
    with pytest.raises(TrashError):
        trash.put(name)
    assert (tmp_path / "runs" / RUN).is_dir()


def test_a_link_is_not_deleted_through(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    (tmp_path / "runs" / "again").symlink_to(tmp_path / "runs" / RUN)
    with pytest.raises(TrashError, match="link"):
        Trash(Workspace(tmp_path)).put("again")


def test_for_good_means_only_what_is_in_the_trash(trash: Trash, tmp_path: Path) -> None:
    entry = trash.put(RUN, NOW)
    outside = Trashed(RUN, tmp_path / "runs", NOW)
    with pytest.raises(TrashError, match="not in the trash"):
        trash.destroy(outside)
    trash.destroy(entry)
    assert trash.entries() == []
    with pytest.raises(TrashError, match="no longer in the trash"):
        trash.restore(entry)


def test_old_is_what_was_deleted_long_ago(trash: Trash, tmp_path: Path) -> None:
    old = trash.put(RUN, NOW - timedelta(days=31))
    make_run(tmp_path, RUN)
    trash.put(RUN, NOW)
    assert trash.older_than(now=NOW) == [old]


def test_strangers_in_the_trash_are_left_alone(trash: Trash) -> None:
    for name in ("notes", "x-20261399T990000Z", ".hidden"):
        (trash.path / name).mkdir(parents=True)
    assert trash.entries() == []


def test_a_few_names_and_how_many_more() -> None:
    assert one_of_them(["a", "b"]) == "a, b"
    assert one_of_them(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
