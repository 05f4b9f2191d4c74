"""The time left: on runs that were recorded (tests/data/pace), and on made-up courses.

The recordings hold the marks of each stage: seconds since its start, done, total, unit. Three are
the sample runs; three are demo runs on a machine that other work kept busy.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.folder import write_json_atomic
from engine.live.pace import Pace
from engine.live.plan_pace import plan_seconds_left, usual_seconds
from engine.live.projection import RunProjection
from tests.engine.test_signs import START, event

RECORDINGS = Path(__file__).parents[1] / "data" / "pace"
SHARES = (0.1, 0.25, 0.5)
NEAR = 0.2
"""A time left within this share of the true one is right."""


class Course(NamedTuple):
    """A stage: (seconds, done, total) marks, and how long it took."""

    name: str
    marks: list[tuple[float, float, float]]
    duration: float


def recorded() -> Iterator[Course]:
    """Recorded stages of at least ten seconds: shorter ones end before one has read a number."""
    for path in sorted(RECORDINGS.glob("*.json")):
        for stage in json.loads(path.read_text())["stages"]:
            unit = stage["marks"][-1][3] if stage["marks"] else ""
            marks = [(mark[0], mark[1], mark[2]) for mark in stage["marks"] if mark[3] == unit]
            if stage["duration"] >= 10 and len(marks) >= 8:
                yield Course(f"{path.stem} {stage['name']}", marks, stage["duration"])


def course(
    step_s: Callable[[int], float], *, total: int = 500, start_s: float = 3.0, every: int = 5
) -> Course:
    """A stage whose step ``i`` takes ``step_s(i)``, with some noise."""
    rng = random.Random(4)
    at, marks = start_s, []
    for step in range(1, total + 1):
        at += step_s(step) * max(0.2, rng.gauss(1, 0.05))
        if step % every == 0:
            marks.append((at, float(step), float(total)))
    return Course("made up", marks, at + 0.3)


def error_at(one: Course, share: float) -> float | None:
    """How far the time left is from the true one at the first mark from ``share`` on: 0 is right,
    -0.5 half of it. None where none is said."""
    pace = Pace()
    for seconds, done, total in one.marks:
        pace.mark(seconds, done, total, "steps")
        if done >= share * total:
            left = pace.seconds_left(seconds)
            true = one.duration - seconds
            return None if left is None else left / true - 1
    return None


def right(error: float | None) -> bool:
    return error is not None and abs(error) <= NEAR


@pytest.mark.parametrize("share", SHARES)
def test_of_recorded_stages_the_time_left_is_right_within_a_fifth(share: float) -> None:
    errors = {one.name: error_at(one, share) for one in recorded()}
    assert len(errors) >= 8
    wrong = {name: error for name, error in errors.items() if not right(error)}
    quiet = {name: error for name, error in wrong.items() if name.startswith("sample")}
    assert not quiet, "on a machine that does nothing else each is right"
    # Those that are wrong were slowed down, or let go, by other work after they were asked.
    assert len(wrong) <= 2, wrong


def test_of_all_marks_between_a_tenth_and_nine_tenths_most_are_right() -> None:
    hits = marks = 0
    for one in recorded():
        pace = Pace()
        for seconds, done, total in one.marks:
            pace.mark(seconds, done, total, "steps")
            if 0.1 <= done / total <= 0.9:
                left = pace.seconds_left(seconds)
                marks += 1
                hits += left is not None and abs(left / (one.duration - seconds) - 1) <= NEAR
    assert marks > 500
    assert hits >= 0.87 * marks, f"{hits} of {marks}"


def test_a_slow_start_does_not_come_again() -> None:
    one = course(lambda step: 0.1 * (8 if step <= 10 else 1))
    assert all(right(error_at(one, share)) for share in SHARES)


def test_a_pause_of_the_machine_is_no_pace() -> None:
    one = course(lambda step: 0.1 + (600 if step == 40 else 0))
    assert all(right(error_at(one, share)) for share in SHARES)


def test_a_long_validation_that_comes_again_is_part_of_the_work() -> None:
    one = course(lambda step: 0.1 + (30 if step % 50 == 0 else 0))
    assert right(error_at(one, 0.3)) and right(error_at(one, 0.5))


def test_steps_that_get_longer_go_on_getting_longer_for_a_while() -> None:
    for growth in (0.5, 1.0):
        one = course(lambda step, growth=growth: 0.1 * (1 + growth * step / 500))  # type: ignore[misc]
        assert right(error_at(one, 0.25)) and right(error_at(one, 0.5))
        error = error_at(one, 0.1)
        assert error is not None and -0.35 < error < 0, "what comes later cannot be seen yet"


def test_a_step_down_in_speed_is_followed_and_not_drawn_on() -> None:
    one = course(lambda step: 0.1 if step < 150 else 0.14)
    assert right(error_at(one, 0.5)) and right(error_at(one, 0.8))


def test_a_long_course_keeps_bounded_history_and_stays_right() -> None:
    one = course(lambda step: 0.1 * (1 + (step % 7) / 7), total=60_000, every=1)
    pace = Pace()
    for seconds, done, total in one.marks[:30_000]:
        pace.mark(seconds, done, total, "steps")
    assert len(pace._units) <= 257
    left = pace.seconds_left(one.marks[29_999][0])
    assert left == pytest.approx(one.duration - one.marks[29_999][0], rel=0.02)


@pytest.mark.parametrize(
    "marks",
    [
        [],
        [(0.0, 0.0)],
        [(0.0, 5.0), (9.0, 5.0), (20.0, 5.0)],
        [(5.0, 1.0), (5.0, 2.0), (5.0, 3.0)],
        [(9.0, 1.0), (7.0, 2.0), (5.0, 3.0)],
    ],
)
def test_marks_that_tell_nothing_give_no_time_left(marks: list[tuple[float, float]]) -> None:
    pace = Pace()
    for seconds, done in marks:
        pace.mark(seconds, done, 10, "steps")
    assert pace.seconds_left(30.0) is None


# --- the whole plan ---------------------------------------------------------------


def make_run(folder: Path, target: str, train_s: float, iters: int, **more: Any) -> Path:
    folder.mkdir(parents=True)
    write_json_atomic(folder / "config.json", {"target": target})
    stages = [
        {"name": "train", "spec": {"iters": iters}},
        {"name": "eval", "spec": {}},
        *({"name": name, "spec": {}} for name in more.get("extra", ())),
    ]
    write_json_atomic(folder / "plan.json", {"stages": stages})
    ends = {"train": train_s, "eval": 4.0}
    told = {
        name: {
            "state": "done",
            "attempts": 1,
            "started": "2026-11-20T10:00:00Z",
            "ended": f"2026-11-20T10:{int(end) // 60:02}:{end % 60:06.3f}Z",
        }
        for name, end in ends.items()
    }
    write_json_atomic(folder / "run-status.json", {"stages": more.get("stages", told)})
    return folder


def test_stages_to_come_take_what_they_took_in_earlier_runs(tmp_path: Path) -> None:
    for number, seconds in enumerate((30.0, 60.0, 31.0)):
        make_run(tmp_path / f"2026-11-2{number}-a", "a", seconds, 100)
    make_run(tmp_path / "2026-11-20-b", "b", 999.0, 100)
    now = make_run(tmp_path / "2026-11-28-a", "a", 1.0, 300, extra=["bench"], stages={})
    usual = usual_seconds(now)
    assert usual == {"train": pytest.approx(93.0), "eval": pytest.approx(4.0)}


def test_broken_and_foreign_runs_tell_nothing(tmp_path: Path) -> None:
    now = make_run(tmp_path / "2026-11-28-a", "a", 1.0, 300)
    broken = make_run(tmp_path / "2026-11-27-a", "a", 1.0, 300)
    (broken / "run-status.json").write_text('{"stages": {"train": {"state": "done", "attem')
    odd = make_run(tmp_path / "2026-11-26-a", "a", 1.0, 0)
    (odd / "run-status.json").write_text(
        '{"stages": {"train": {"state": "done", "attempts": 1, "started": 5, "ended": "x"}}}'
    )
    (tmp_path / "2026-11-25-file").write_text("no run")
    pipe = make_run(tmp_path / "2026-11-24-a", "a", 1.0, 300)
    for name in ("config.json", "plan.json", "run-status.json"):
        (pipe / name).unlink()
        os.mkfifo(pipe / name)  # whoever waits for a writer waits for ever
    assert usual_seconds(now) == {}
    assert usual_seconds(tmp_path / "gone") == {}


def test_the_time_left_of_a_plan_is_known_when_all_that_comes_was_timed() -> None:
    run = RunProjection(["train", "eval", "report"])
    run.apply(event("stage-start", 0))
    for second in range(1, 6):
        run.apply(event("progress", second, done=second, total=10, unit="steps"))
    now = START + 5
    assert plan_seconds_left(run, {"eval": 4.0, "report": 1.0}, now) == pytest.approx(10)
    assert plan_seconds_left(run, {"eval": 4.0}, now) is None, "report was never timed"
    run.apply(event("stage-end", 6, outcome="done"))
    assert plan_seconds_left(run, {"eval": 4.0, "report": 1.0}, now) is None
