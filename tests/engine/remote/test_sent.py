"""Runs that were sent, and what the command line says of a run whose copy lags."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from engine.cli import follow, runs, where
from engine.records.base import utc_now
from engine.records.status import Phase, RunStatus
from engine.remote.address import parse
from engine.remote.copying import Copy
from engine.remote.sent import Sent, going_on, write_down
from engine.supervise import launch
from engine.workspace import Workspace
from tests.engine.remote.conftest import script
from tests.engine.remote.test_talk import GREETS
from tests.engine.targets import make_target

THERE = "ssh://me@mini/w"


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy without runs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one = Copy(parse(THERE))
    one.prepare()
    return one.path


def status(phase: Phase) -> RunStatus:
    now = utc_now()
    return RunStatus(run_id="2026-01-01-a", phase=phase, created=now, updated=now)


def run_of(copy: Path, phase: Phase) -> Path:
    run = copy / "runs" / "2026-01-01-a"
    run.mkdir()
    (run / "run-status.json").write_text(status(phase).model_dump_json())
    (run / "events.jsonl").write_text('{"kind": "message", "text": "first"}\n')
    return run


def test_one_that_stays_here_has_started_before_the_next_one_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Workspace(tmp_path)
    target = make_target(tmp_path)
    (tmp_path / "factory.toml").write_text('[queue]\nhosts = ["local"]\n')
    with where.sent(here, target, [], None, None) as there:
        assert there is None
        lock = os.open(tmp_path / ".factory" / "queue" / ".choosing", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)


@pytest.mark.parametrize(
    ("answers", "words", "again"),
    [
        ("exec head -n 2 >&2", "It may have been done", False),
        ('head -n 2 >&2; echo \'{"no":"Not agreed to."}\'', "Not agreed to.", True),
    ],
    ids=["unknown", "refused"],
)
def test_only_a_run_that_was_refused_is_to_be_started_here(
    tmp_path: Path,
    copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: str,
    words: str,
    again: bool,
) -> None:
    monkeypatch.setenv("FACTORY_SSH", str(script(tmp_path / "ssh", f"{GREETS}; {answers}")))
    monkeypatch.setattr(where, "open_workspace", lambda _: Workspace(copy))
    with pytest.raises(typer.Exit):
        where._start(Workspace(tmp_path), THERE, "t", [], None, None)
    said = capsys.readouterr().err
    assert words in said
    assert ("Here: factory-tui run t" in said) is again
    assert not (tmp_path / ".factory" / "queue" / "sent.jsonl").exists()


def test_a_sent_run_that_is_over_is_told_of_no_more(
    tmp_path: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Workspace(tmp_path)
    line = Sent(run="2026-01-01-a", target="t", address=THERE, when=utc_now())
    write_down(tmp_path, line)
    where.tell_sent(here)
    assert f"not heard of since it was sent; factory-tui list -w {THERE}" in capsys.readouterr().err

    run_of(copy, Phase.CANCELLED)
    where.tell_sent(here)
    shutil.rmtree(copy)  # what was seen stays known
    where.tell_sent(here)
    assert capsys.readouterr().err == ""
    assert len((tmp_path / ".factory/queue/sent.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("state", "behind", "later_s", "gone"),
    [("up", 0, 5, True), ("up", 0, -5, False), ("up", 9, 5, False), ("lost", 0, 5, False)],
    ids=["up-to-date", "older", "not-whole", "lost"],
)
def test_a_sent_run_that_an_up_to_date_copy_lacks_is_gone(
    tmp_path: Path, copy: Path, state: str, behind: int, later_s: float, gone: bool
) -> None:
    write_down(tmp_path, Sent(run="2026-01-01-a", target="t", address=THERE, when=utc_now()))
    Copy(parse(THERE)).say(state, "", behind)
    told = time.time() + later_s
    os.utime(copy / ".factory" / "line.json", (told, told))
    assert (going_on(tmp_path) == []) is gone


def test_an_end_in_a_copy_is_believed_on_the_second_look(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(copy, Phase.CANCELLED)
    slept: list[float] = []

    def sleep(seconds: float) -> None:  # meanwhile the last lines come
        slept.append(seconds)
        with (run / "events.jsonl").open("a") as file:
            file.write('{"kind": "message", "text": "last"}\n')

    monkeypatch.setattr(follow, "time", SimpleNamespace(sleep=sleep, time=time.time))
    with pytest.raises(typer.Exit):
        follow.follow(run, events=True)
    lines = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    assert (lines, slept) == (["first", "last"], [follow.CONFIRM_S])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Phase.CANCELLED, "is cancelled. Go on with it: factory-tui resume 2026-01-01-a -w"),
        (Phase.TRAINING, "is still training: it saves first. Watch it: factory-tui watch"),
    ],
)
def test_cancel_says_what_the_machine_answered(
    copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: Phase,
    words: str,
) -> None:
    def answered(*_: Any, **__: Any) -> RunStatus:
        return status(answer)

    monkeypatch.setattr(launch, "cancel", answered)
    runs.cancel(str(run_of(copy, Phase.TRAINING)))
    said = capsys.readouterr().err
    assert words in said
    assert said.rstrip().endswith(f"2026-01-01-a -w {THERE}")
