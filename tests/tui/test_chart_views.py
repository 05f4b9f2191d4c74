"""What Live's charts show, without an app: which there are, axes, crosshair, what is remembered."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue.summary import RunSummary
from engine.live.projected import StageView
from engine.live.projection import MEMORY, RunProjection
from engine.live.series import Series
from tui.views import live_charts
from tui.views.axis_places import ClockPlaces, unit, usable, whole_range
from tui.views.chart_list import (
    CELL_HEIGHT,
    CELL_WIDTH,
    charts_of,
    grid_shape,
    main_chart,
    matching,
    small_charts,
    stage_to_draw,
    stages_with_numbers,
)
from tui.views.chart_settings import ChartSettings
from tui.views.live_charts import LiveCharts
from tui.views.other_run import other_run
from tui.views.readout import exact, readout
from tui.views.viewport import Viewport
from tui.widgets.curves import Curve
from tui.widgets.picture import Options, frame_of, render_chart
from tui.widgets.scale import Scale

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HOSTILE = "[red]boo[/]\x1b[2J\u202e" + "長い名前" * 40


def told(*events: dict[str, Any], every_s: float = 1.0) -> RunProjection:
    projection = RunProjection()
    for number, event in enumerate(events):
        moment = START + timedelta(seconds=number * every_s)
        projection.apply({"seq": number, "t": moment.isoformat(), **event})
    return projection


def metric(step: int, stage: str = "train", **values: object) -> dict[str, Any]:
    return {"kind": "metric", "stage": stage, "step": step, "values": values}


def start(stage: str = "train") -> dict[str, Any]:
    return {"kind": "stage-start", "stage": stage}


def memory(stage: str = "train", used: int = 1 << 30) -> dict[str, Any]:
    return {"kind": "memory", "stage": stage, "tree_rss_bytes": used, "processes": 1}


def stage_of(values: list[float], name: str = "loss") -> StageView:
    stage = StageView("train")
    series = stage.series[name] = Series()
    for step, value in enumerate(values):
        series.add(step, 10 * step, 2 * step, value)
    return stage


# --- which charts ---------------------------------------------------------------------


def test_whatever_a_run_emits_has_a_chart() -> None:
    values = {"tokens": 5, "reward": 0.5, "loss": 2, "mlx_peak_bytes": 1 << 30, HOSTILE: 1}
    sets = {"val_loss/target": 1, "val_loss/breadth": 2, "val_loss": 1.5, "disk_bytes": 7}
    projection = told(start(), metric(1, **values), metric(1, **sets), memory())
    charts = charts_of(projection.stages["train"])
    assert [chart.key for chart in charts] == [
        "loss",
        "val_loss",
        MEMORY,
        "reward",
        HOSTILE,
        "disk_bytes",
    ]
    assert charts[-1].kind == "bytes"
    assert "\x1b" not in charts[4].label and len(charts[4].label) <= 81


def test_the_large_chart_is_the_loss_or_the_first_metric() -> None:
    assert main_chart(None).key == "loss"
    reward = told(start(), metric(1, reward=1)).stages["train"]
    assert main_chart(reward).key == "reward"
    sampled = told(start(), memory(), metric(1, reward=1), memory()).stages["train"]
    assert main_chart(sampled).key == "reward", "every stage has memory"
    assert main_chart(told(start(), memory()).stages["train"]).key == MEMORY
    only_validation = told(start(), metric(1, val_loss=1)).stages["train"]
    assert main_chart(only_validation).key == "loss", "its points lie in the chart of the loss"


def test_memory_alone_draws_no_attention_from_a_loss() -> None:
    events = [start("train"), metric(1, loss=1), start("score"), memory("score")]
    projection = told(*events)
    assert stages_with_numbers(projection) == ["train", "score"]
    drawn = stage_to_draw(projection, None)
    assert drawn is not None and drawn.name == "train"
    custom = told(*events, start("mine"), metric(1, "mine", speed=3))
    drawn = stage_to_draw(custom, None)
    assert drawn is not None and drawn.name == "mine", "a stage that runs and says something"
    chosen = stage_to_draw(custom, "score")
    assert chosen is not None and chosen.name == "score"
    assert stage_to_draw(told(), None) is None


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", ["loss", "tok_s", "grad_norm"]),
        ("NORM", ["grad_norm"]),
        ("tok/s", ["tok_s"]),
        ("tok_s", ["tok_s"]),
        ("^(loss|grad)", ["loss", "grad_norm"]),
        ("no such", []),
    ],
)
def test_charts_are_chosen_by_a_pattern(pattern: str, found: list[str]) -> None:
    stage = told(start(), metric(1, loss=1, grad_norm=1, tok_s=3)).stages["train"]
    charts, wrong = matching(charts_of(stage), pattern)
    assert [chart.key for chart in charts] == found
    assert wrong == ""


def test_a_wrong_pattern_is_explained_and_taken_as_it_stands() -> None:
    stage = told(start(), metric(1, **{"loss": 1, "a(b": 2})).stages["train"]
    charts, wrong = matching(charts_of(stage), "a(")
    assert [chart.key for chart in charts] == ["a(b"]
    assert "no regular expression" in wrong and "at character 2" in wrong


@given(st.integers(1, 300), st.integers(1, 100), st.integers(1, 300))
def test_a_grid_has_room_for_its_charts(width: int, height: int, count: int) -> None:
    columns, rows = grid_shape(width, height, count)
    room = max(1, width // CELL_WIDTH) * max(1, height // CELL_HEIGHT)
    assert columns * rows >= min(count, room)
    assert columns <= max(1, width // CELL_WIDTH) and rows <= max(1, height // CELL_HEIGHT)
    assert columns * (rows - 1) < count, "no row is empty"


# --- axes -----------------------------------------------------------------------------


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_clock_goes_on_between_two_attempts() -> None:
    places = ClockPlaces([0.0, 5.0, 10.0, 11.0, 20.0], [(1000.0, 0.0), (5000.0, 10.0)])
    assert list(places) == [1000.0, 1005.0, 1010.0, 5001.0, 5010.0]
    assert places[1:3] == [1005.0, 1010.0]


def test_an_attempt_that_did_no_work_takes_no_point() -> None:
    places = ClockPlaces([0.0], [(0.0, 0.0), (1.0, 0.0)])
    assert list(places) == [0.0] and places.find(1.0, 0, 1) == 1 and places.find(0.0, 0, 1) == 0


@given(
    st.lists(st.floats(0, 1e4), min_size=1, max_size=40).map(sorted),
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e4)), min_size=1, max_size=4),
    st.floats(-10, 1.1e6),
)
def test_times_are_found_as_in_a_list(
    seconds: list[float], attempts: list[tuple[float, float]], at: float
) -> None:
    began = sorted(one for one, _ in attempts)
    worked = sorted(one for _, one in attempts)
    worked[0] = 0.0
    places = ClockPlaces(seconds, list(zip(began, worked, strict=True)))
    times = list(places)
    assert times == sorted(times), "a clock that was set back does not turn the curve round"
    found = places.find(at, 0, len(seconds))
    wanted = bisect_left(times, at)
    near = {index for index, one in enumerate(times) if abs(one - at) < 1e-6}
    assert found == wanted or near & {found, found - 1, wanted}


def test_an_axis_that_a_stage_lacks_is_replaced() -> None:
    no_tokens = told(start(), metric(1, loss=1), metric(2, loss=1)).stages["train"]
    assert usable(no_tokens, "tokens") == "step"
    assert usable(no_tokens, "clock") == "clock"
    no_steps = told(start(), memory(), memory()).stages["train"]
    assert usable(no_steps, "step") == "seconds"
    assert usable(stage_of([1.0, 2.0]), "clock") == "step", "when it began is not recorded"
    assert whole_range(StageView("empty"), "step") is None


@pytest.mark.usefixtures("berlin")
def test_times_of_day_are_told_with_their_zone_and_at_whole_minutes() -> None:
    nine_thirty = START.timestamp()
    assert unit("clock", nine_thirty) == "time of day CET"
    ticks = Scale(nine_thirty + 20, nine_thirty + 3700).ticks(5, "clock")
    assert [tick.label for tick in ticks] == ["10:45", "11:00", "11:15", "11:30"]
    short = Scale(nine_thirty, nine_thirty + 25).ticks(4, "clock")
    assert short[0].label == "10:30:00"
    days = Scale(nine_thirty, nine_thirty + 3 * 86_400).ticks(4, "clock")
    assert days[0].label == "Nov 21 00:00"
    assert Scale(-5e9, 1e18).ticks(3, "clock"), "times that no clock shows are no error"


# --- drawings -------------------------------------------------------------------------


def drawings(projection: RunProjection, **settings: Any) -> LiveCharts:
    charts = LiveCharts(ChartSettings(**settings), 16 << 30)
    charts.prepare(projection, stage_to_draw(projection, None))
    return charts


def test_the_machines_limit_is_a_line_or_in_words() -> None:
    for used, line in ((1 << 30, None), (12 << 30, "machine 16.0G")):
        projection = told(start(), memory(used=used), metric(1, mlx_peak_bytes=used // 2))
        charts = drawings(projection)
        chart = next(one for one in charts_of(projection.stages["train"]) if one.key == MEMORY)
        drawing = charts.draw(chart, "nothing")
        assert (drawing.options.limit[1] if drawing.options.limit else None) == line
        title = "".join(text for text, _ in drawing.title)
        assert "of 16.0G" in title and "MLX" in title
        assert [curve.name for curve in drawing.curves] == ["process tree", "MLX peak"]


def test_a_curve_breaks_off_between_two_attempts_on_the_clock_only() -> None:
    projection = told(start(), metric(1, loss=1), metric(2, loss=1), start(), metric(3, loss=1))
    for axis, breaks in (("step", 0), ("clock", 1)):
        charts = drawings(projection, axis=axis)
        drawing = charts.draw(main_chart(projection.stages["train"]), "nothing")
        assert len(drawing.curves[0].breaks) == breaks
    apart = [0.0, 1.0, 90.0, 91.0]
    whole = render_chart([Curve(apart, [1.0] * 4)], 60, 9, Options(axes=False))
    broken = render_chart([Curve(apart, [1.0] * 4, breaks=[50.0])], 60, 9, Options(axes=False))

    def dots(rows: list[list[tuple[str, str]]]) -> int:
        return sum(len(text) for row in rows for text, role in row if role == "smooth")

    assert dots(broken) < dots(whole) / 4


def test_a_long_history_is_smoothed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_charts, "SMOOTH_AT_ONCE", 100)
    projection = told(start(), *(metric(step, loss=1, tok_s=2) for step in range(150)))
    stage = projection.stages["train"]
    charts = LiveCharts(ChartSettings())
    counts = []
    for _ in range(10):
        charts.prepare(projection, stage)
        counts = [charts.draw(chart, "").curves[1].count for chart in charts_of(stage)]
        if not charts.behind:
            break
    assert counts == [150, 150]


def test_every_drawing_says_where_nothing_is_recorded() -> None:
    charts = LiveCharts(ChartSettings())
    charts.prepare(told(), None)
    assert charts.draw(main_chart(None), "no numbers").options.empty == "no numbers"
    assert charts.window is None and charts.axis is None


# --- the crosshair --------------------------------------------------------------------


def test_the_crosshair_tells_each_curve_at_its_nearest_point() -> None:
    curves = [
        Curve([0, 10, 20], [3.0, 2.5, math.nan], "raw", name="each"),
        Curve([0, 10, 20], [3.0, 2.75, 2.75], "smooth", name="smoothed"),
        Curve([5, 18], [1.0, 0.5], "point", "points", "●", name="validation"),
        Curve([0, 20], [9.0, 9.0], "smooth"),
    ]
    options = Options(x_unit="steps", marks=[4.0, 19.0])
    words = [text.strip() for text, _ in readout("loss", curves, options, 11.0)]
    assert words == [
        "loss",
        "step 10",
        "each 2.5",
        "smoothed 2.75",
        "● validation 1 at 5",
        "▴ checkpoint at 4",
    ]
    short = [text.strip() for text, _ in readout("loss", curves, options, 19.0, 40)]
    assert short == ["loss", "step 20", "⠒ NaN", "━ 2.75", "● 0.5 at 18", "▴ 19"]
    assert readout("loss", [], Options(), 3.0) == [("loss", "strong"), ("  3", "accent")]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.41234, "0.41234"), (2140.31, "2,140.3"), (6.2e-5, "6.2e-5"), (1234567.0, "1.23e6")],
)
def test_the_crosshair_tells_more_digits_than_an_axis(value: float, words: str) -> None:
    assert exact(value, "number") == words


def test_the_crosshair_is_drawn_where_it_points() -> None:
    curve = Curve(list(range(101)), [float(one) for one in range(101)])
    options = Options(x_unit="steps", cross=50.0)
    frame = frame_of([curve], 60, 16, options)
    rows = render_chart([curve], 60, 16, options, frame)
    lines = ["".join(text for text, _ in row) for row in rows]
    column = next(line.index("◆") for line in lines if "◆" in line)
    assert frame is not None and frame.at(column) == pytest.approx(50, abs=1)
    assert sum(line[column] == "┊" for line in lines) >= 8
    assert " 50 " in lines[-1]
    sparse = Curve([0.0, 100.0], [1.0, 2.0])
    rows = render_chart([sparse], 60, 16, Options(cross=70.0))
    upper = next(line for line in ("".join(t for t, _ in row) for row in rows) if "◆" in line)
    assert upper.rstrip().endswith("◆"), "the sign stands at the point, not between two of them"
    outside = render_chart([curve], 60, 16, Options(cross=500.0))
    assert not any("◆" in text for row in outside for text, _ in row)


def test_charts_above_each_other_have_their_axes_in_line() -> None:
    frames = [
        frame_of([Curve([0.0, 9.0], [0.0, top])], 60, 12, Options(gutter=6)) for top in (1, 5e5)
    ]
    assert {frame.left for frame in frames if frame} == {7}


@given(st.floats(-1e6, 1e6), st.integers(0, 79))
def test_a_column_and_its_place_belong_together(low: float, column: int) -> None:
    curve = Curve([low, low + 100.0], [1.0, 2.0])
    frame = frame_of([curve], 80, 12, Options())
    assert frame is not None
    inside = min(max(column, frame.left), frame.left + frame.width - 1)
    found = frame.column(min(max(frame.at(column), frame.x.low), frame.x.high))
    assert found is not None and abs(found - (inside - frame.left)) <= 1


# --- what is remembered ---------------------------------------------------------------


def test_settings_come_back_as_they_were() -> None:
    settings = ChartSettings(axis="clock", logs={"loss", "x"}, weight=0.95, grid=True, pattern="a")
    other = ChartSettings()
    other.recall(settings.kept())
    assert other.kept() == settings.kept()


@pytest.mark.parametrize(
    "kept",
    [
        {"axis": "moon", "log": "loss", "smoothing": 7, "grid": "yes", "filter": 3},
        {"axis": ["step"], "log": [1, None], "smoothing": None, "grid": 1, "filter": None},
        {},
    ],
)
def test_what_was_remembered_wrongly_is_left(kept: dict[str, object]) -> None:
    settings = ChartSettings()
    settings.recall(kept)
    assert settings.kept() == ChartSettings().kept()


def test_a_part_of_the_axis_becomes_the_view() -> None:
    whole = (0.0, 200.0)
    assert Viewport.of((50.0, 100.0), whole).window(whole) == (50.0, 100.0)
    assert Viewport.of((150.0, 900.0), whole) == Viewport(0.25), "it follows the newest point"
    assert Viewport.of((100.0, 100.0), whole) == Viewport()
    assert Viewport.of((1.0, 2.0), (5.0, 5.0)) == Viewport()


# --- which run to compare with --------------------------------------------------------


def run(name: str, score: float | None, target: str = "sql", **more: Any) -> RunSummary:
    return RunSummary(name, Path(name), target=target, primary_candidate=score, **more)


def test_a_run_is_compared_with_the_best_other_of_its_target() -> None:
    this = run("b", 0.5)
    others = [this, run("a", 0.7), run("c", 0.6), run("d", 0.99, "other"), run("e", None)]
    assert other_run(this, others) == "a"
    assert other_run(run("b", 0.5, direction="lower"), others) == "e", "scores of another direction"
    assert other_run(this, [this, run("e", None), run("f", None)]) == "f"
    assert other_run(this, [this]) is None


def test_small_charts_show_what_a_stage_of_ones_own_reports() -> None:
    wanted = ["tok_s", MEMORY]
    own = told(start(), metric(1, reward=1, kl=0.1, speed=2, tokens=5)).stages["train"]
    assert [chart.key for chart in small_charts(own, wanted)] == ["kl", "speed"]
    with_memory = told(start(), metric(1, reward=1, kl=0.1), memory()).stages["train"]
    assert [chart.key for chart in small_charts(with_memory, wanted)] == ["kl", MEMORY]
    known = told(start(), metric(1, loss=1, val_loss=1, tok_s=5, grad_norm=1)).stages["train"]
    assert [chart.key for chart in small_charts(known, wanted)] == ["tok_s", "grad_norm"]
    assert [chart.key for chart in small_charts(None, wanted)] == wanted


def test_a_narrow_axis_has_more_than_one_place() -> None:
    curve = Curve([float(step) for step in range(400)], [1.0 + step for step in range(400)])
    rows = render_chart([curve], 33, 8, Options(x_unit="steps"))
    words = "".join(text for text, _ in rows[-1]).split()
    assert words == ["0", "100", "200", "300", "steps"]
