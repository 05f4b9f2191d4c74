"""The feed: growth, bursts, replaced and damaged files, the log's end, and how soon it tells."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from tests.tui.fake_run import STAGES, FakeRun
from tui.feed import RunFeed
from tui.views.live_view import progress_cells


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    return FakeRun(tmp_path / "runs" / "2026-11-20-x")


def drained(feed: RunFeed) -> RunFeed:
    while feed.look() or feed.behind:
        pass
    return feed


def nothing() -> None:
    return None


def test_a_feed_opened_late_knows_what_one_opened_early_knows(run: FakeRun) -> None:
    early = RunFeed(run.folder, nothing)
    early.look()
    run.tell("train", steps=50)
    drained(early)
    late = drained(RunFeed(run.folder, nothing))
    for feed in (early, late):
        assert feed.projection.stage == "train"
        assert len(feed.projection.stages["train"].series["loss"]) == 50
        assert next(iter(feed.projection.stages)) == "pretrain"
        assert feed.liveness == "running"
    assert early.projection.last_seq == late.projection.last_seq


def test_nothing_new_is_no_news(run: FakeRun) -> None:
    run.tell("train", steps=5)
    feed = drained(RunFeed(run.folder, nothing))
    assert not feed.look()


def test_a_log_of_events_that_was_replaced_is_told_anew(run: FakeRun) -> None:
    run.tell("train", steps=20)
    feed = drained(RunFeed(run.folder, nothing))
    (run.folder / "events.jsonl").unlink()
    run.event({"kind": "stage-start", "stage": "train"})
    run.event({"kind": "metric", "stage": "train", "step": 1, "values": {"loss": 1.0}})
    drained(feed)
    assert len(feed.projection.stages["train"].series["loss"]) == 1
    assert feed.projection.counts["metric"] == 1


def test_half_a_line_waits_and_a_damaged_one_is_counted(run: FakeRun) -> None:
    path = run.folder / "events.jsonl"
    path.write_bytes(b'{"kind": "metric", "stage": "t", "step": 1, "val')
    feed = drained(RunFeed(run.folder, nothing))
    assert feed.projection.counts["metric"] == 0
    with path.open("ab") as file:
        file.write(b'ues": {"loss": 2}}\n\xff\xfe{not json\n')
    drained(feed)
    assert feed.projection.stages["t"].series["loss"].last == 2
    assert feed.broken_events == 1


def test_damaged_records_keep_what_was_known(run: FakeRun) -> None:
    feed = drained(RunFeed(run.folder, nothing))
    assert feed.status["phase"] == "created"
    (run.folder / "run-status.json").write_text('{"phase": "trai')
    drained(feed)
    assert feed.status["phase"] == "created"
    run.status("failed", alive=None)
    drained(feed)
    assert feed.final


def test_a_dead_supervisor_is_told(run: FakeRun) -> None:
    run.status("training", alive=False)
    assert drained(RunFeed(run.folder, nothing)).liveness == "dead"


@pytest.mark.alone
def test_an_event_is_told_of_within_a_quarter_of_a_second(run: FakeRun) -> None:
    run.tell("train", steps=5)
    told = threading.Event()
    feed = RunFeed(run.folder, told.set)
    feed.start()
    try:
        assert told.wait(40)
        delays = []
        for step in range(6, 12):
            told.clear()
            with feed.frame():
                pass
            time.sleep(0.15)
            told.clear()
            began = time.monotonic()
            values = {"loss": float(step)}
            run.event({"kind": "metric", "stage": "train", "step": step, "values": values})
            assert told.wait(40)
            delays.append(time.monotonic() - began)
            with feed.frame():
                assert feed.projection.stages["train"].series["loss"].last == step
    finally:
        feed.stop()
    assert sorted(delays)[len(delays) // 2] < 0.25


def test_a_burst_is_told_of_once_until_it_was_drawn(run: FakeRun) -> None:
    told: list[float] = []
    feed = RunFeed(run.folder, lambda: told.append(time.monotonic()))
    feed.start()
    try:
        run.tell("train", steps=200)
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline and (feed.behind or not told):
            time.sleep(0.02)
        time.sleep(0.3)
        assert len(told) == 1, "no second call before the first was drawn"
    finally:
        feed.stop()


def test_the_fake_run_writes_whole_lines(run: FakeRun) -> None:
    run.tell("data")
    lines = (run.folder / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(len(lines)))


def test_the_time_left_of_the_whole_run_is_told_from_earlier_ones(tmp_path: Path) -> None:
    earlier = FakeRun(tmp_path / "2026-11-19-drone-router")
    stage = {"state": "done", "attempts": 1, "started": "2026-11-19T10:00:00Z"}
    took = {name: {**stage, "ended": "2026-11-19T10:00:07Z"} for name in STAGES}
    earlier.status("evaluated", alive=None, stages=took)
    run = FakeRun(tmp_path / "2026-11-20-drone-router-3")
    run.tell("train", steps=190)
    run.status("training")
    feed = drained(RunFeed(run.folder, nothing))
    with feed.frame():
        now = feed.projection.last_t
        assert now is not None
        stage_left = feed.projection.stages["train"].seconds_left(now)
        assert stage_left is not None
        assert feed.plan_left(now) == pytest.approx(stage_left + 14), "eval-candidate and report"
        words = "".join(
            cell.text
            for cell in progress_cells(feed.projection, "running", now, 120, feed.plan_left(now))
            or ()
        )
        assert "left · run 0:" in words
    lonely = drained(RunFeed(FakeRun(tmp_path / "other" / "2026-11-20-x").folder, nothing))
    assert lonely.plan_left(now) is None
