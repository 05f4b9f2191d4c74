"""Series, smoothing and pace: bounds, extremes, gaps, resumed courses, time left."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.live import series as series_module
from engine.live.pace import Pace
from engine.live.series import Course, Series, Smooth

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


SMALL = 1 << 14
"""A bound that is reached soon; pieces and blocks are as large as ever."""


def test_a_long_series_stays_bounded_and_keeps_spikes_and_gaps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(series_module, "MAX_POINTS", SMALL)
    values = [math.sin(step / 50) for step in range(300_000)]
    values[123], values[7_000], values[9_001], values[150_001] = 40.0, -50.0, math.nan, math.nan
    series = filled(values)
    assert len(series) <= SMALL
    assert series.count == 300_000
    assert series.extremes(0, len(series)) == (-50.0, 40.0)
    gaps = [step for step, value in zip(series.step, series.value, strict=True) if value != value]
    assert gaps == [9_001, 150_001]
    assert series.has_gap(0, len(series))
    assert all(a <= b for a, b in pairwise(series.step))
    assert (series.step[0], series.step[-1]) == (0, 299_999)
    for start in range(0, len(series) - 700, 501):
        part = [v for v in series.value[start : start + 700] if v == v]
        assert series.extremes(start, start + 700) == (min(part), max(part))


def test_the_old_part_is_thinned_evenly_and_the_new_part_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(series_module, "MAX_POINTS", SMALL)
    series = filled([math.sin(step) for step in range(500_000)])
    steps = list(series.step)
    assert steps[-SMALL // 4 :] == list(range(500_000 - SMALL // 4, 500_000))
    hundredths = [0] * 100
    for step in steps:
        hundredths[int(step / 5000)] += 1
    old = hundredths[:90]
    assert max(old) <= 3 * min(old), "no part of the old course is much coarser than another"
    assert min(old) >= 40


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(1, 3000), st.integers(-2000, 1), st.integers(0, 7)),
        min_size=1,
        max_size=25,
    )
)
def test_points_added_together_are_those_added_one_by_one(
    pieces: list[tuple[int, int, int]],
) -> None:
    together, single = Series(), Series()
    at = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series_module, "MAX_POINTS", SMALL)
        for size, back, kind in pieces:
            at = max(0, at + back)
            steps = [float(at + n) for n in range(size)]
            at += size
            tokens = [100.0 * step for step in steps]
            seconds = [step / 3 for step in steps]
            values = [math.sin(step * 1.7) for step in steps]
            if kind == 0:
                values[size // 2] = math.nan
            elif kind == 1:
                tokens[0] = -1.0
            elif kind == 2:
                values[0] = math.inf
            elif kind == 3:
                steps.reverse()
            elif kind == 4:
                values = [1e308] * size
            together.extend(Course(steps, tokens, seconds), values)
            for point in zip(steps, tokens, seconds, values, strict=True):
                single.add(*point)
    for name in Series.__slots__:
        assert repr(getattr(together, name)) == repr(getattr(single, name)), name


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
