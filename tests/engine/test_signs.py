"""Signs: what the numbers of a run say, once each, beside what its worker said."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.live.projection import RunProjection
from engine.live.sign_rules import NotANumber, Rule, Throughput
from engine.live.signs import QUIET_S, Sign, SignBook, signs
from engine.live.tail import EventTail

SAMPLES = Path(__file__).parents[2] / "sample_runs" / "runs"
START = 1_795_000_000.0


def at(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).isoformat()


def event(kind: str, seconds: float, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "t": at(seconds), "stage": "train", **more}


def course(name: str, values: Iterable[float | str | None], every: int = 10) -> RunProjection:
    """A stage that reported these values, one a second."""
    run = RunProjection()
    run.apply(event("stage-start", 0))
    for at_s, value in enumerate(values, start=1):
        run.apply(event("metric", at_s, step=at_s * every, values={name: value}))
    return run


def codes(run: RunProjection, **more: Any) -> list[str]:
    return [one.code for one in signs(run, **more)]


# --- a loss that is no number -----------------------------------------------------


@pytest.mark.parametrize("name", ["loss", "val_loss", "val_loss/target"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_loss_that_is_no_number_is_said_once_with_its_step_and_time(
    name: str, value: str
) -> None:
    run = course(name, [1.0, 0.9, value, value, 0.8, value])
    (sign,) = signs(run)
    assert (sign.code, sign.level, sign.stage, sign.t) == ("nan-loss", "error", "train", START + 3)
    assert "not a number any more, at step 30" in sign.text


def test_a_loss_that_was_not_measured_is_no_nan() -> None:
    assert signs(course("loss", [1.0, None, 0.5])) == []
    assert signs(course("grad_norm", [1.0, "nan"])) == []


def test_loss_and_validation_loss_that_break_together_are_one_trouble() -> None:
    run = course("loss", [1.0, "nan"])
    run.apply(event("metric", 3, step=20, values={"val_loss": "nan", "val_loss/a": "nan"}))
    assert codes(run) == ["nan-loss"]


def test_the_workers_own_words_win() -> None:
    run = course("loss", [1.0, "nan"])
    run.apply(event("message", 2, level="error", code="nan-loss", text="Stopped at step 20."))
    (sign,) = signs(run)
    assert (sign.text, sign.derived) == ("Stopped at step 20.", False)


# --- validation loss --------------------------------------------------------------


def test_a_rise_is_said_once_with_the_lowest_value() -> None:
    run = course("val_loss", [1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4, 1.5])
    (sign,) = signs(run)
    assert (sign.code, sign.t) == ("rising-val-loss", START + 5)
    assert "0.5 at step 20 was the lowest, 3 higher ones since" in sign.text


def test_a_rise_that_goes_up_and_down_is_seen_a_little_later() -> None:
    assert codes(course("val_loss", [1.0, 0.5, 0.6, 0.58, 0.7, 0.69])) == []
    run = course("val_loss", [1.0, 0.5, 0.6, 0.58, 0.7, 0.69, 0.66])
    assert codes(run) == ["rising-val-loss"]


def test_a_rise_is_over_when_a_lower_value_comes_and_can_come_again() -> None:
    run = course("val_loss", [1.0, 0.5, 0.6, 0.7, 0.8, 0.4, 0.5, 0.6, 0.7])
    first, second = signs(run)
    assert (first.code, first.over, second.code, second.over) == (
        *("rising-val-loss", True),
        *("rising-val-loss", False),
    )


def test_a_plateau_is_said_once_and_not_as_a_rise() -> None:
    run = course("val_loss", [1.0, *([0.5, 0.501, 0.499, 0.502] * 6)])
    (sign,) = signs(run)
    assert sign.code == "flat-val-loss"
    assert "0.5 at step 20" in sign.text and "8 validations" in sign.text
    assert sign.t == START + 10


def test_a_course_that_goes_on_falling_says_nothing() -> None:
    assert signs(course("val_loss", [2 * math.exp(-i / 20) for i in range(60)])) == []
    rng = random.Random(1)
    noisy = [2 * math.exp(-i / 20) * (1 + rng.gauss(0, 0.01)) for i in range(60)]
    assert signs(course("val_loss", noisy)) == []


def test_an_early_stop_of_the_worker_covers_what_the_numbers_say() -> None:
    run = course("val_loss", [1.0, 0.5, 0.6, 0.7, 0.8])
    run.apply(event("message", 6, level="info", code="early-stop", text="Stopped early."))
    assert codes(run) == ["early-stop"]


def test_values_below_zero_zero_and_gaps_are_taken_as_they_are() -> None:
    assert codes(course("val_loss", [-1.0, -2.0, -1.5, -1.2, -1.0])) == ["rising-val-loss"]
    assert codes(course("val_loss", [0.0] * 20)) == ["flat-val-loss"]
    run = course("val_loss", [1.0, 0.5, "nan", 0.6, 0.7, 0.8])
    assert codes(run) == ["rising-val-loss", "nan-loss"] or codes(run) == [
        "nan-loss",
        "rising-val-loss",
    ]


def test_too_few_validations_say_nothing() -> None:
    for n in range(4):
        assert signs(course("val_loss", [0.5, 0.6, 0.7][:n])) == []


# --- throughput -------------------------------------------------------------------


def test_throughput_below_half_its_median_is_said_when_it_lasts() -> None:
    usual = [2_000.0 + i % 7 for i in range(40)]
    assert codes(course("tok_s", [*usual, 900, 900, 900, 900, 2_000, 900])) == [], "not lasting"
    run = course("tok_s", [*usual, *([900.0] * 50)])
    (sign,) = signs(run)
    assert (sign.code, sign.t, sign.over) == ("slow", START + 45, False)
    assert "fell to 900 tok/s" in sign.text and "since step 410" in sign.text
    told = sign.text.split("median of ")[1].removesuffix(", since step 410.")
    assert float(told.replace(",", "")) == pytest.approx(2_000, rel=0.03)


def test_throughput_that_returns_is_over_and_may_fall_again() -> None:
    run = course("tok_s", [*[100.0] * 40, *[40.0] * 10, *[100.0] * 10, *[30.0] * 10])
    first, second = signs(run)
    assert (first.over, second.over) == (True, False)


def test_a_slow_start_is_no_fall() -> None:
    assert signs(course("tok_s", [10.0, 20.0, 50.0, *[100.0] * 30])) == []


def test_it_s_is_looked_at_only_where_there_is_no_tok_s() -> None:
    values = [*[10.0] * 20, *[1.0] * 10]
    assert codes(course("it_s", values)) == ["slow"]
    run = course("it_s", values)
    run.apply(event("metric", 99, step=999, values={"tok_s": 5.0}))
    assert codes(run) == []


# --- memory and quiet -------------------------------------------------------------


def test_a_tree_near_the_machines_memory_is_said_with_its_time() -> None:
    run = RunProjection()
    run.apply(event("stage-start", 0))
    for at_s, size in ((1, 4 << 30), (2, 15 << 30), (3, 15 << 30)):
        run.apply(event("memory", at_s, tree_rss_bytes=size))
    (sign,) = signs(run, machine_bytes=16 << 30)
    assert (sign.code, sign.t) == ("memory-limit", START + 2)
    assert signs(run) == [], "nothing is said of a machine that is not known"
    run.apply(event("message", 3, level="warning", code="memory-pressure", text="Only 1 GB."))
    assert codes(run, machine_bytes=16 << 30) == ["memory-pressure"]


def test_quiet_is_said_of_a_run_under_way_only() -> None:
    run = course("loss", [1.0, 0.9])
    assert codes(run, now=START + 2 + QUIET_S - 1) == []
    (sign,) = signs(run, now=START + 2 + QUIET_S + 15)
    assert (sign.code, sign.t) == ("quiet", START + 2 + QUIET_S)
    assert "No event for more than 60 s" in sign.text
    assert signs(run) == []
    run.apply(event("stage-end", 3, outcome="done"))
    assert codes(run, now=START + 999) == []


# --- the book ---------------------------------------------------------------------


def test_the_same_words_at_two_times_are_one_sign() -> None:
    run = course("loss", [1.0])
    for second in (1, 2, 3):
        run.apply(event("message", second, level="info", code="a", text="said"))
        run.apply(event("message", second, level="info", code="b", text=f"other {second}"))
    found = signs(run)
    assert [(one.code, one.times) for one in found] == [("a", 3), ("b", 1), ("b", 1), ("b", 1)]


def test_signs_stand_in_the_order_of_their_times() -> None:
    run = course("val_loss", [1.0, 0.5, 0.6, 0.7, 0.8, 0.9])
    run.apply(event("message", 2, level="info", code="early", text="x"))
    run.apply(event("message", 9, level="info", code="late", text="y"))
    assert codes(run) == ["early", "rising-val-loss", "late"]


def feed(values: Sequence[float | str | None], cuts: Sequence[int]) -> list[Sign]:
    """The signs of a course that is looked at after each of these many points."""
    run, book, done = RunProjection(), SignBook(), 0
    run.apply(event("stage-start", 0))
    for cut in [*sorted(cuts), len(values)]:
        for i in range(done, max(done, cut)):
            run.apply(event("metric", i + 1, step=i * 10, values={"val_loss": values[i]}))
        done = max(done, cut)
        while book.take_in(run, budget=3):
            pass
    return book.tell(run)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([0.1, 0.5, 0.51, 0.7, 1.0, "nan", None]), max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_when_one_looks_makes_no_difference(
    values: list[float | str | None], cuts: list[int]
) -> None:
    assert feed(values, [min(cut, len(values)) for cut in cuts]) == feed(values, [])


def test_a_resumed_stage_counts_anew_and_keeps_what_was_said() -> None:
    run = course("val_loss", [1.0, 0.5, 0.6, 0.7, 0.8])
    book = SignBook()
    book.take_in(run)
    run.apply(event("stage-start", 600, attempt=2, resumed_from_step=20))
    run.apply(event("metric", 601, step=30, values={"val_loss": 0.55}))
    run.apply(event("metric", 602, step=40, values={"val_loss": 0.56}))
    book.take_in(run)
    (sign,) = book.tell(run)
    assert sign.t == START + 5


def test_the_time_of_a_sign_after_a_pause_is_that_of_its_attempt() -> None:
    run = course("loss", [1.0, 0.9])
    run.apply(event("stage-start", 600, attempt=2, resumed_from_step=20))
    run.apply(event("metric", 603, step=30, values={"loss": "nan"}))
    (sign,) = signs(run)
    assert sign.t == pytest.approx(START + 603)


def test_a_series_that_was_thinned_is_not_looked_at_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.live.series.MAX_POINTS", 1 << 13)
    run, book = RunProjection(), SignBook()
    run.apply(event("stage-start", 0))
    for i in range(12_000):
        value = 40.0 if i >= 11_900 else 100.0
        run.apply(event("metric", i, step=i, values={"tok_s": value}))
        if i % 50 == 0:
            while book.take_in(run):
                pass
    while book.take_in(run):
        pass
    (sign,) = book.tell(run)
    assert (sign.code, sign.t) == ("slow", START + 11_904)


@pytest.mark.parametrize("run", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_sample_runs_have_no_false_signs(run: Path) -> None:
    view = RunProjection()
    view.apply_all(EventTail(run / "events.jsonl").read_all())
    assert [one for one in signs(view) if one.derived and one.code != "flat-val-loss"] == []


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([100.0, 98.0, 60.0, 45.0, 20.0, 0.0, -1.0, math.nan]),
            st.integers(1, 700),
            st.booleans(),
        ),
        max_size=8,
    ),
    st.integers(50, 3_000),
)
def test_points_taken_in_at_once_say_what_they_say_one_by_one(
    parts: list[tuple[float, int, bool]], budget: int
) -> None:
    rng, run, step = random.Random(len(parts)), RunProjection(), 0
    run.apply(event("stage-start", 0))
    for number, (value, count, back) in enumerate(parts):
        step = max(0, step - 40) if back else step
        for _ in range(count):
            step += 1
            speed = value * rng.uniform(0.9, 1.1)
            seconds = 1_000.0 * number + step
            values: dict[str, Any] = {"tok_s": "nan" if math.isnan(speed) else speed}
            run.apply(
                event("metric", seconds, step=step, values={**values, "loss": values["tok_s"]})
            )
    book = SignBook()
    while book.take_in(run, budget):
        pass
    for (_, name), watch in book._watches.items():
        (rule,) = watch._rules
        singly: Rule = NotANumber(name) if name == "loss" else Throughput("tok/s")
        series = run.stages["train"].series[name]
        for point in zip(series.step, series.seconds, series.value, strict=True):
            singly.feed(*point)
        assert repr(_plain(rule)) == repr(_plain(singly))


def _plain(value: Any) -> Any:
    """A rule's whole state."""
    if not hasattr(value, "__dict__"):
        return value
    return {name: _plain(one) for name, one in sorted(vars(value).items())}
