"""How often a gold set was used, over the runs of a workspace."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.checks import tried
from engine.checks.contents import load
from engine.checks.tried import judged_until
from tests.engine import folders
from tests.engine.folders import put, read_json, write_json

GOLD = "a" * 64


def judged(workspace: Path, name: str, date: str, gold: str = GOLD, **more: object) -> Path:
    record = {"suite": "gold", "suite_sha256": gold, "date": date, "run": name} | more
    write_json(workspace / "runs" / name / "eval-candidate.json", record)
    return workspace / "runs" / name


def test_runs_on_the_same_file_count_up_to_this_one(tmp_path: Path) -> None:
    judged(tmp_path, "first", "2026-11-20T09:00:00Z")
    judged(tmp_path, "another-file", "2026-11-20T09:00:00Z", gold="b" * 64)
    judged(tmp_path, "no-time", "last week")
    own = judged(tmp_path, "own", "2026-11-21T09:00:00+02:00")
    judged(tmp_path, "later", "2026-11-21T07:00:01Z")
    (tmp_path / "runs" / "empty").mkdir()
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "eval-candidate.json").write_text('{"suite')
    assert judged_until(own, GOLD) == ("first", "no-time", "own")
    assert judged_until(own, "b" * 64) == () and judged_until(own, None) == ()
    assert len(tried.runs_on(tmp_path / "runs", GOLD)) == 4


def test_a_measurement_that_was_taken_over_counts_once(tmp_path: Path) -> None:
    first = judged(tmp_path, "first", "2026-11-20T09:00:00Z")
    resumed = tmp_path / "runs" / "resumed"
    resumed.mkdir()
    record = (first / "eval-candidate.json").read_bytes()
    (resumed / "eval-candidate.json").write_bytes(record)
    assert judged_until(resumed, GOLD) == ("resumed",)


def test_a_run_knows_its_tries_and_corrects_its_p(tmp_path: Path) -> None:
    first = folders.make_run(tmp_path, run_id="2026-11-20-router", right=(8, 20))
    tries = load(first).tries
    assert tries is not None and tries.count == 1
    p = tries.corrected[first.name]
    for number in range(2, 6):
        run = folders.make_run(tmp_path, run_id=f"2026-11-20-router-{number}", right=(8, 20))
        # Each was measured at another time: they are five measurements.
        put(run / "eval-candidate.json", "/date", folders.time(10 + number))
    tries = load(run).tries
    assert tries is not None and tries.count == 5
    assert tries.corrected == {run.name: pytest.approx(min(1.0, 5 * p))}
    assert tries.sentence(run.name).startswith("5 runs were judged on this gold set; corrected")
    assert "not known counts as 1" in tries.sentence(run.name)
    foreign = folders.make_foreign(tmp_path)
    assert load(foreign).tries is None


def test_ten_thousand_runs_do_not_make_a_decision_slow(tmp_path: Path) -> None:
    for number in range(2_000):
        own = judged(tmp_path, f"run-{number:05}", "2026-11-20T09:00:00Z", number=number)
    judged_until(own, GOLD)
    began = time.process_time()
    for _ in range(50):
        assert len(judged_until(own, GOLD)) == 2_000
    assert time.process_time() - began < 2.0


def test_a_record_that_changed_is_read_again(tmp_path: Path) -> None:
    own = judged(tmp_path, "own", "2026-11-20T09:00:00Z")
    assert judged_until(own, GOLD) == ("own",)
    record = read_json(own / "eval-candidate.json")
    write_json(own / "eval-candidate.json", record | {"suite_sha256": "b" * 64, "more": 1})
    assert judged_until(own, GOLD) == ()
