"""The chart's drawing, without an app: sizes, spikes, gaps, odd data, ticks."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.live.series import MAX_POINTS, Series, Smooth
from tui.views.viewport import Viewport
from tui.widgets.picture import Curve, EndPoints, Options, Row, render_chart
from tui.widgets.scale import Scale, compact, duration
from tui.widgets.sparkline import bar, sparkline

NUMBERS = st.floats(allow_nan=True, allow_infinity=False)


def text(rows: list[Row]) -> list[str]:
    return ["".join(part for part, _ in row) for row in rows]


def roles(rows: list[Row], role: str) -> str:
    return "".join(part for row in rows for part, one in row if one == role)


def dots(line: str) -> int:
    return sum((ord(char) - 0x2800).bit_count() for char in line if 0x2800 <= ord(char) < 0x2900)


def curve(values: list[float], role: str = "smooth") -> Curve:
    series = Series()
    for step, value in enumerate(values):
        series.add(step, step, step, value)
    return Curve(series.step, series.value, role, points=series)


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(NUMBERS, max_size=80),
    st.integers(1, 90),
    st.integers(1, 24),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["number", "bytes", "seconds"]),
)
def test_every_picture_has_exactly_its_size(
    values: list[float], width: int, height: int, log: bool, zero: bool, kind: str
) -> None:
    options = Options(log=log, zero=zero, y_kind=kind, x_unit="steps", marks=[1.0])  # type: ignore[arg-type]
    rows = render_chart([curve(values, "raw"), curve(values)], width, height, options)
    assert len(rows) == height
    assert {cell_len(line) for line in text(rows)} == {width}


@pytest.mark.parametrize("values", [[], [math.nan] * 5])
def test_without_a_value_the_picture_says_so(values: list[float]) -> None:
    rows = render_chart([curve(values)], 50, 9, Options(empty="nothing yet"))
    assert "nothing yet" in text(rows)[4]


@pytest.mark.parametrize("values", [[3.0], [5.0] * 40, [1e308, -1e308], [0.0, 0.0], [-1e-320, 0.0]])
@pytest.mark.parametrize("log", [False, True])
def test_odd_values_are_drawn(values: list[float], log: bool) -> None:
    rows = render_chart([curve(values)], 50, 9, Options(log=log))
    drawn = roles(rows, "smooth")
    assert dots(drawn) > 0 or drawn.strip() == "•"


def test_a_single_spike_among_a_million_points_reaches_the_top() -> None:
    series = Series()
    for step in range(1_000_000):
        series.add(step, step, step, 100.0 if step == 333_333 else 1.0)
    assert len(series) <= MAX_POINTS
    smooth = Smooth(series, 0.9)
    smooth.update()
    curves = [
        Curve(series.step, series.value, "raw", points=series),
        Curve(series.step, smooth.value, points=EndPoints(smooth.value)),
    ]
    began = time.process_time()
    rows = render_chart(curves, 120, 40, Options())
    took = time.process_time() - began
    top = text(rows)[1]
    assert dots(top) > 0, "the spike is not averaged away"
    place = next(index for index, char in enumerate(top) if dots(char))
    assert place / 120 == pytest.approx(1 / 3, abs=0.05)
    assert took < 0.25, f"a frame took {took:.3f} s"


def test_points_that_lie_apart_are_joined() -> None:
    rows = render_chart([curve([0.0, 1.0])], 60, 9, Options(axes=False))
    columns = {i for line in text(rows) for i, char in enumerate(line) if dots(char)}
    assert len(columns) == max(columns) - min(columns) + 1


def test_a_constant_is_one_straight_line() -> None:
    values = [5.0 + (1e-15 if step % 2 else -1e-15) for step in range(50)]
    rows = render_chart([curve(values)], 60, 12, Options(axes=False))
    assert sum(any(map(dots, line)) for line in text(rows)) == 1


def test_a_gap_is_not_joined_and_stands_on_the_axis() -> None:
    values = [1.0] * 30 + [math.nan] * 30 + [1.0] * 40
    rows = render_chart([curve(values, "raw")], 100, 12, Options())
    line = next(line for line in text(rows) if dots(line))
    assert not dots(line[38:55])
    assert "×" in roles(rows, "gap")


def test_marks_limit_and_points_are_there() -> None:
    values = [float(value) for value in range(1, 40)]
    validation = Curve([10.0, 20.0], [5.0, math.nan], "point", "points")
    options = Options(marks=[10.0, 500.0], limit=(80.0, "machine 80"), x_unit="steps")
    rows = render_chart([curve(values), validation], 80, 16, options)
    assert roles(rows, "mark") == "▴", "a mark outside of the picture is not drawn"
    assert roles(rows, "point") == "●", "a validation loss that is NaN has no place"
    assert "machine 80" in roles(rows, "limit")
    assert text(rows)[-1].rstrip().endswith("steps")


def test_a_window_shows_only_its_part() -> None:
    values = [100.0 if step < 50 else float(step % 3) for step in range(100)]
    rows = render_chart([curve(values)], 80, 16, Options(window=(60, 99)))
    assert "100" not in roles(rows, "label").split("\n")[0][:20]
    assert "80" in text(rows)[-1]


def test_a_logarithmic_axis_has_round_decades_and_leaves_out_what_has_no_logarithm() -> None:
    rows = render_chart([curve([0.0, 1e-3, 1.0, 1e3])], 60, 17, Options(log=True))
    labels = roles(rows, "label").split()
    assert {"1", "100"} <= set(labels) or {"1", "1,000"} <= set(labels)


@settings(deadline=None)  # a busy machine is no failure
@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(1, 12))
def test_ticks_are_round_ordered_and_inside(low: float, extent: float, at_most: int) -> None:
    scale = Scale.around(low, low + extent)
    ticks = scale.ticks(at_most)
    assert len(ticks) <= at_most
    values = [tick.value for tick in ticks]
    assert values == sorted(values)
    slack = (scale.high - scale.low) * 1e-6
    assert all(scale.low - slack <= value <= scale.high + slack for value in values)


def test_labels_of_ticks() -> None:
    def labels(scale: Scale, kind: str = "number") -> list[str]:
        return [tick.label for tick in scale.ticks(5, kind)]  # type: ignore[arg-type]

    assert labels(Scale(0, 1)) == ["0.0", "0.5", "1.0"]
    assert labels(Scale(0, 2 * 2**30), "bytes") == ["0", "0.5G", "1.0G", "1.5G", "2.0G"]
    assert labels(Scale(0, 600), "seconds") == ["0:00", "5:00", "10:00"]
    assert [tick.label for tick in Scale(0.4, 2.6).ticks(6, whole=True)] == ["1", "2"]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (0.41234, "number", "0.412"),
        (300, "number", "300"),
        (0, "number", "0"),
        (2140.4, "number", "2,140"),
        (6.2e-5, "number", "6.2e-5"),
        (1.9 * 2**30, "bytes", "1.9G"),
        (4 * 3600 + 65, "seconds", "4:01:05"),
    ],
)
def test_compact_numbers(value: float, kind: str, expected: str) -> None:
    assert compact(value, kind) == expected  # type: ignore[arg-type]


def test_durations() -> None:
    assert [duration(s) for s in (0, 59.6, 3599, 90_000)] == ["0:00", "1:00", "59:59", "1d 01:00"]


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(NUMBERS, max_size=40), st.integers(0, 30))
def test_a_sparkline_has_its_width(values: list[float], width: int) -> None:
    assert cell_len(sparkline(values, width)) == width


def test_a_bar_has_its_width_and_its_share() -> None:
    assert bar(0.5, 10) == "█████     "
    assert bar(2.0, 3) == "███"
    assert bar(0.03, 4) == "▏   "


def test_zooming_keeps_the_place_and_follows_the_newest_point() -> None:
    whole = (0.0, 100.0)
    view = Viewport()
    assert view.window(whole) is None
    close = view.zoomed(1)
    assert close.window(whole) == (50.0, 100.0)
    assert close.window((0.0, 200.0)) == (100.0, 200.0), "it follows"
    back = close.moved(-0.5)
    assert back.window(whole) == (25.0, 75.0)
    assert back.moved(5).end is None, "at the newest point it follows again"
    assert back.zoomed(1, place=0.5).window(whole) == (37.5, 62.5)
    assert back.zoomed(0) == Viewport()
    assert Viewport(0.5, 0.5).moved(-9).window(whole) == (0.0, 50.0)
