"""The projection: events of a whole run, resumed runs, hostile events, bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.live.projection import MAX_EXAMPLES, MAX_MESSAGES, MAX_NAMES, MEMORY, RunProjection


def at(seconds: float) -> str:
    return f"2026-11-20T09:{int(seconds) // 60:02}:{seconds % 60:06.3f}Z"


def event(kind: str, seconds: float = 0.0, stage: str | None = "train", **more: Any) -> Any:
    found = {"kind": kind, "t": at(seconds), **more}
    return {**found, "stage": stage} if stage else found


def metric(step: int, seconds: float, **values: Any) -> Any:
    return event("metric", seconds, step=step, values=values)


def test_a_run_from_its_creation_to_its_decision() -> None:
    run = RunProjection(["data", "train", "eval-candidate"])
    run.apply(event("run-created", 0, None, run_id="r", threshold={"primary_min": 0.9}))
    run.apply(event("queued", 1, None, position=2, waiting_for="r0 to end"))
    assert (run.position, run.waiting_for) == (2, "r0 to end")
    run.apply(event("phase", 2, None, from_phase="data-ready", to_phase="training"))
    run.apply(event("stage-start", 2, attempt=1, pid=7))
    assert run.waiting_for is None
    assert run.running is run.stages["train"]
    for step in range(1, 6):
        run.apply(metric(step, 2 + step, loss=1 / step, tokens=step * 100))
        run.apply(event("progress", 2 + step, done=step, total=10, unit="steps"))
    run.apply(event("memory", 7, tree_rss_bytes=5 << 20, processes=1, available_bytes=9 << 20))
    run.apply(event("checkpoint", 7, step=5, path="adapters/checkpoints/0000005", reason="best"))
    train = run.stages["train"]
    assert train.clock_s() == 5
    assert list(train.series["loss"].tokens) == [100, 200, 300, 400, 500]
    assert list(train.series["loss"].seconds) == [1, 2, 3, 4, 5]
    assert train.series[MEMORY].last == 5 << 20
    assert train.seconds_left() == pytest.approx(5)
    assert run.available_bytes == 9 << 20
    run.apply(event("stage-end", 8, outcome="done", duration_s=6.5, exit_code=0, peak_mlx_bytes=3))
    assert (train.state, train.clock_s(), train.peak_mlx_bytes) == ("done", 6.5, 3)
    assert run.running is None
    run.apply(event("record", 9, file="eval-candidate.json"))
    run.apply(event("decided", 9, None, decision="ship"))
    assert list(run.records) == ["eval-candidate.json"]
    assert run.decision == "ship"
    assert run.charted() == ["train"]
    assert [stage.state for stage in run.stages.values()] == ["pending", "done", "pending"]


def test_a_clock_goes_on_while_a_stage_runs_and_not_between_attempts() -> None:
    run = RunProjection()
    run.apply(event("stage-start", 0))
    run.apply(metric(1, 10, loss=1.0))
    train = run.stages["train"]
    assert train.started is not None
    assert train.clock_s(train.started + 12) == 12
    run.apply(event("stage-start", 600, attempt=2, resumed_from_step=1))
    run.apply(metric(2, 603, loss=0.9))
    assert train.clock_s() == 13, "the ten minutes between are no work"
    assert list(train.series["loss"].seconds) == [10, 13]
    assert train.attempt == 2


def test_resumed_steps_replace_those_done_after_the_checkpoint() -> None:
    run = RunProjection()
    run.apply(event("stage-start", 0))
    for step in range(1, 21):
        run.apply(metric(step, step, loss=float(step)))
    run.apply(event("stage-start", 100, attempt=2, resumed_from_step=10))
    run.apply(metric(11, 101, loss=0.5))
    loss = run.stages["train"].series["loss"]
    assert list(loss.step) == list(range(1, 12))
    assert loss.last == 0.5


def test_a_nan_is_a_gap() -> None:
    run = RunProjection()
    run.apply(event("stage-start", 0))
    run.apply(metric(1, 1, loss=1.0, grad_norm=None))
    run.apply(metric(2, 2, loss="nan"))
    run.apply(metric(3, 3, loss="inf"))
    loss = run.stages["train"].series["loss"]
    assert [math.isnan(value) for value in loss.value] == [False, True, True]
    assert "grad_norm" not in run.stages["train"].series, "what was not measured is absent"


def test_the_same_words_right_after_each_other_are_one_message() -> None:
    run = RunProjection()
    for _ in range(3):
        run.apply(event("message", 1, level="warning", code="silence", text="No output for 60 s."))
    (message,) = run.messages
    assert message.times == 3


def test_examples_are_counted_by_suite_and_failing_ones_come_first() -> None:
    run = RunProjection()
    run.apply(event("stage-start", 0, "eval-candidate"))
    for number in range(1_000):
        run.apply(
            event(
                "example",
                1,
                "eval-candidate",
                suite="router",
                id=str(number),
                score=float(number % 4 > 0),
                correct=number % 4 > 0,
            )
        )
    suite = run.suites["eval-candidate", "router"]
    assert (suite.n, suite.correct, suite.score) == (1_000, 750, 0.75)
    shown = run.examples()
    assert len(shown) == 2 * MAX_EXAMPLES
    assert [one.correct for one in shown[:MAX_EXAMPLES]] == [False] * MAX_EXAMPLES
    assert shown[0].id == "996", "the newest failing one first"
    run.apply(event("stage-start", 2, "eval-candidate", attempt=2))
    assert run.suites == {}, "an evaluation that begins again scores again"


def test_unbounded_names_and_messages_stay_bounded() -> None:
    run = RunProjection()
    run.apply(event("stage-start", 0))
    for number in range(2 * MAX_NAMES):
        run.apply(metric(number, 1, **{f"m{number}": 1.0}))
        run.apply(event("record", 1, file=f"f{number}"))
        run.apply(event("stage-start", 1, f"s{number}"))
        run.apply({"kind": f"k{number}"})
    for number in range(2 * MAX_MESSAGES):
        run.apply(event("message", 1, code="c", text=str(number)))
    assert len(run.stages["train"].series) == MAX_NAMES
    assert len(run.records) == MAX_NAMES
    assert len(run.stages) == MAX_NAMES
    assert len(run.counts) <= MAX_NAMES + 16
    assert len(run.messages) == MAX_MESSAGES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
KINDS = [
    *("run-created", "phase", "queued", "stage-start", "stage-end", "metric", "progress"),
    *("memory", "example", "checkpoint", "message", "record", "decided"),
]
FIELDS = [
    *("t", "seq", "stage", "step", "values", "done", "total", "unit", "outcome", "duration_s"),
    *("tree_rss_bytes", "suite", "score", "correct", "position", "waiting_for", "attempt"),
    *("resumed_from_step", "path", "reason", "level", "code", "text", "file", "decision"),
]


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(
        st.builds(
            lambda kind, rest: {**rest, "kind": kind},
            st.sampled_from(KINDS),
            st.dictionaries(st.sampled_from(FIELDS), JSON | st.just("train")),
        ),
        max_size=20,
    )
)
def test_no_event_of_any_shape_raises(events: list[dict[str, Any]]) -> None:
    run = RunProjection(["train"])
    run.apply_all(events)
    assert sum(run.counts.values()) == len(events)
    run.examples()
    for stage in run.stages.values():
        assert stage.clock_s(1e9) >= 0


def test_a_plan_read_late_orders_the_stages_without_losing_any() -> None:
    run = RunProjection()
    run.apply(event("stage-start", 0, "extra"))
    run.apply(event("stage-start", 0, "train"))
    run.plan_stages(["data", "train"])
    assert list(run.stages) == ["data", "train", "extra"]
    assert run.stages["train"].state == "running"
