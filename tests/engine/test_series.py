"""Series, smoothing and pace: bounds, extremes, gaps, resumed courses, time left."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import series as series_module
from engine.pace import Pace
from engine.series import Series, Smooth

VALUES = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.just(math.nan), st.just(math.inf)), min_size=1, max_size=400
)


def filled(values: list[float]) -> Series:
    series = Series()
    for step, value in enumerate(values):
        series.add(step, step * 10, step / 2, value)
    return series


@settings(deadline=None)  # a busy machine is no failure
@given(VALUES, st.data())
def test_extremes_of_any_part_are_those_of_its_values(
    values: list[float], data: st.DataObject
) -> None:
    series = filled(values)
    start = data.draw(st.integers(0, len(values)))
    stop = data.draw(st.integers(start, len(values)))
    finite = [value for value in values[start:stop] if math.isfinite(value)]
    expected = (min(finite), max(finite)) if finite else None
    assert series.extremes(start, stop) == expected
    assert series.has_gap(start, stop) == (len(finite) < stop - start)


def test_a_step_that_comes_again_replaces_the_course_from_there() -> None:
    series = filled([float(step) for step in range(200)])
    version = series.version
    series.add(150, 0, 0, -1.0)
    assert len(series) == 151
    assert series.last == -1.0
    assert series.version > version
    assert series.extremes(0, 151) == (-1.0, 149.0)
    assert series.tokens[-1] >= series.tokens[-2], "no axis runs backwards"
    assert series.seconds[-1] >= series.seconds[-2]


def test_a_long_series_stays_bounded_and_keeps_spikes_and_gaps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(series_module, "MAX_POINTS", 1024)
    values = [math.sin(step / 50) for step in range(20_000)]
    values[123], values[7_000], values[9_001] = 40.0, -50.0, math.nan
    series = filled(values)
    assert len(series) <= 1024
    assert series.count == 20_000
    assert series.extremes(0, len(series)) == (-50.0, 40.0)
    assert series.has_gap(0, len(series))
    assert all(a <= b for a, b in pairwise(series.step))
    assert series.step[-1] == 19_999


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.floats(0, 0.99))
def test_smoothing_is_the_debiased_mean_and_equal_when_fed_in_pieces(
    values: list[float], weight: float
) -> None:
    series = Series()
    smooth = Smooth(series, weight)
    for step, value in enumerate(values):
        series.add(step, 0, 0, value)
        if step % 7 == 0:
            smooth.update()
    got = list(smooth.update())
    for index in range(len(values)):
        weights = [weight ** (index - k) for k in range(index + 1)]
        mean = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
        assert got[index] == pytest.approx(mean, abs=1e-6)


def test_smoothing_keeps_gaps_and_begins_anew_when_the_course_was_replaced() -> None:
    series = filled([4.0, math.nan, 2.0, 9.0])
    smooth = Smooth(series, 0.5)
    first = list(smooth.update())
    assert math.isnan(first[1]) and not math.isnan(first[2])
    series.add(2, 0, 0, 1.0)
    assert smooth.update()[-1] == pytest.approx((0.5 * 4 + 1) / 1.5)


def test_time_left_follows_the_rate() -> None:
    pace = Pace()
    for second in range(11):
        pace.mark(second, second * 10, 300, "steps")
    assert pace.share == pytest.approx(1 / 3)
    assert pace.rate == pytest.approx(10)
    assert pace.seconds_left(10) == pytest.approx(20)
    assert pace.seconds_left(12) == pytest.approx(18), "it counts down between marks"


def test_time_left_is_not_claimed_without_support() -> None:
    pace = Pace()
    assert pace.seconds_left(5) is None
    pace.mark(0, 0, 100, "steps")
    pace.mark(0.1, 50, 100, "steps")
    assert pace.seconds_left(0.1) is None, "two marks in a tenth of a second tell nothing"
    for second in range(1, 6):
        pace.mark(second, 50 + second, 100, "steps")
    assert pace.seconds_left(5) is not None
    assert pace.seconds_left(500) is None, "nothing came for minutes"
    pace.mark(6, 1, 10, "rows")
    assert pace.rate is None, "another count says nothing about this one"


def test_time_left_without_a_total_is_unknown() -> None:
    pace = Pace()
    for second in range(10):
        pace.mark(second, second, None, "steps")
    assert pace.share is None
    assert pace.seconds_left(9) is None
