"""A long event log: the whole course at once from samples, then the exact one."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from engine.live import glance as glance_module
from engine.live import history as history_module
from engine.live.glance import glance
from engine.live.history import History
from engine.live.projection import RunProjection
from engine.live.tail import EventTail


def write(path: Path, events: int, stages: tuple[str, ...] = ("first", "second")) -> None:
    with path.open("w") as file:
        seq = 0
        for place, stage in enumerate(stages):
            file.write(_line(seq, stage, kind="stage-start"))
            for step in range(events // len(stages)):
                seq += 1
                values = {"loss": 90.0 if step == 777 else 1 / (1 + step), "tokens": step}
                file.write(_line(seq, stage, kind="metric", step=step, values=values))
            if place < len(stages) - 1:
                file.write(_line(seq, stage, kind="stage-end", outcome="done"))


def _line(second: int, stage: str, **more: object) -> str:
    moment = f"2026-11-20T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    return json.dumps({"t": moment, "stage": stage, **more}) + "\n"


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log that counts as long."""
    path = tmp_path / "events.jsonl"
    write(path, 40_000)
    monkeypatch.setattr(history_module, "LONG", 1 << 20)
    monkeypatch.setattr(history_module, "PIECE", 1 << 18)
    return path


def exact(path: Path) -> RunProjection:
    view = RunProjection()
    view.apply_all(EventTail(path).read_all())
    return view


def test_of_a_long_log_the_whole_course_is_there_at_the_first_look(long: Path) -> None:
    history = History(long, threading.Lock())
    assert history.read()
    assert history.coarse and history.behind
    coarse, whole = history.view.stages, exact(long).stages
    for name in ("first", "second"):
        drawn, full = coarse[name].series["loss"], whole[name].series["loss"]
        assert 500 < len(drawn) < len(full) / 4
        gaps = [b - a for a, b in zip(drawn.step, drawn.step[1:], strict=False)]
        assert max(gaps) < len(full) / 20, "no part of the course is left out"
        assert set(zip(drawn.step, drawn.value, strict=True)) <= set(
            zip(full.step, full.value, strict=True)
        )
    assert [stage.state for stage in coarse.values()] == ["done", "running"]
    assert coarse["second"].series["loss"].step[-1] == 19_999
    assert coarse["second"].series["loss"].seconds[-1] == pytest.approx(20_000, rel=0.02)


def test_then_the_exact_one_takes_its_place_once(long: Path) -> None:
    history = History(long, threading.Lock())
    assert history.read()
    samples = history.view
    while not (changed := history.read()):
        assert history.view is samples and history.coarse
    assert changed and history.view is history.whole
    while history.behind:
        history.read()
    for name, stage in exact(long).stages.items():
        assert list(history.view.stages[name].series["loss"].value) == list(
            stage.series["loss"].value
        )
    with long.open("a") as file:
        file.write(_line(50_000, "second", kind="metric", step=20_000, values={"loss": 5}))
    assert history.read()
    assert history.view.stages["second"].series["loss"].last == 5


def test_a_short_log_is_never_coarse(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write(path, 2_000)
    history = History(path, threading.Lock())
    history.plan_stages(["zero", "second"])
    while history.read():
        assert not history.coarse
    assert list(history.view.stages) == ["zero", "second", "first"]


def test_another_file_is_told_from_its_beginning(long: Path) -> None:
    history = History(long, threading.Lock())
    history.plan_stages(["second", "first"])
    history.read()
    write(long, 200, stages=("only",))
    history.restart()
    assert not history.coarse
    while history.read():
        pass
    assert list(history.view.stages) == ["second", "first", "only"]
    assert len(history.view.stages["only"].series["loss"]) == 200


def test_a_first_look_at_lines_longer_than_a_sample_and_at_no_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance_module, "SAMPLE", 16)
    path = tmp_path / "events.jsonl"
    write(path, 20_000)
    found = glance(path, path.stat().st_size)
    assert found is not None
    assert found.stages["second"].series["loss"].step[-1] == 9_999, "the end is read whole"
    path.write_bytes(b"\0" * (1 << 20))
    empty = glance(path, 1 << 20)
    assert empty is not None and empty.stages == {}
    assert glance(tmp_path / "none", 1 << 20) is None
