"""The charts of Live through a pilot: every key, the mouse, the grid, and what is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.tui.drive import until
from tests.tui.fake_run import FakeRun
from tests.tui.test_live import RUN, app_of, live, shown
from tui.app import ROOMS, FactoryApp
from tui.screens.live import LiveScreen
from tui.widgets.chart import Chart
from tui.widgets.chart_board import ChartBoard


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    run = FakeRun(tmp_path / "runs" / RUN)
    run.tell("train", steps=190)
    run.status("training")
    return run


def board(app: FactoryApp) -> ChartBoard:
    return live(app).board


def in_sight(app: FactoryApp) -> list[Chart]:
    return [one for one in app.screen.query(Chart) if one.display and one.size.width]


def head(app: FactoryApp) -> str:
    return str(app.screen.query_one("#chart-head", Static).content)


def metrics(run: FakeRun, count: int) -> None:
    """Another metric of a command of one's own, ``count`` times."""
    values = {f"reward/{number}": float(number) for number in range(count)}
    for step in range(188, 192):
        run.event({"kind": "metric", "stage": "train", "step": step, "values": values}, 60.0)


async def test_axis_scale_smoothing_zoom_and_stage(run: FakeRun) -> None:
    app = app_of(run)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shown(pilot, "smoothed 0.8", "steps")
        settings = board(app).charts.settings
        await pilot.press("x")
        await shown(pilot, "tokens")
        await pilot.press("x")
        await shown(pilot, "0:06", "working time")
        await pilot.press("x")
        await shown(pilot, "time of day")
        await pilot.press("x", "g")
        await shown(pilot, "steps", "  log")
        assert (settings.axis, settings.logs) == ("step", {"loss"})
        await pilot.press("g", "s")
        assert settings.logs == set()
        await shown(pilot, "smoothed 0.95")
        await pilot.press("s", "s")
        await shown(pilot, "━ each")
        await pilot.press("plus", "left")
        await shown(pilot, "×2")
        assert settings.viewport.share == 0.5
        assert settings.viewport.end == pytest.approx(0.875)
        await pilot.press("right")
        assert settings.viewport.end is None
        await pilot.press("shift+left")
        assert settings.viewport.end == pytest.approx(0.5)
        await pilot.press("shift+right", "minus")
        assert settings.viewport.share == 1
        await pilot.press("plus", "plus", "0")
        assert settings.viewport.share == 1
        await pilot.press("left_square_bracket")
        await shown(pilot, "loss  pretrain")
        await pilot.press("x", "x", "x", "right_square_bracket")
        await shown(pilot, "loss  train", "time of day")


async def test_an_axis_without_numbers_is_said(tmp_path: Path) -> None:
    bare = FakeRun(tmp_path / "runs" / RUN)
    bare.event({"kind": "stage-start", "stage": "mine"})
    for step in range(3):
        values = {"speed": float(step)}
        bare.event({"kind": "metric", "stage": "mine", "step": step, "values": values}, step)
    app = app_of(bare)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shown(pilot, "speed", "steps")
        await pilot.press("x")
        await shown(pilot, "reported no tokens; drawn over steps")


async def test_one_key_gives_a_chart_the_whole_screen_and_back(run: FakeRun) -> None:
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "smoothed", "examples ─")
        await pilot.press("z")
        await until(pilot, lambda: app.screen.query_one("#loss").size.height > 30)
        assert "examples ─" not in await shown(pilot, "▴ checkpoint", "187 of 300")
        await pilot.press("tab")
        await shown(pilot, "▸ validation loss")
        await pilot.press("shift+tab", "shift+tab")
        await shown(pilot, "▸ memory", "peak 484M", "MLX 310M")
        await pilot.press("k", "j")
        await shown(pilot, "▸ memory")
        await pilot.press("z")
        await shown(pilot, "examples ─", "loss  train")


async def test_the_grid_has_a_chart_of_everything_and_pages(run: FakeRun) -> None:
    metrics(run, 9)
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "smoothed")
        await pilot.press("m")
        await shown(pilot, "▸ loss", "validation loss", "tok/s", "15 charts", "page 1 of 4")
        assert len(in_sight(app)) == 4
        await pilot.press("tab")
        await shown(pilot, "▸ validation loss")
        await pilot.press("pagedown")
        await shown(pilot, "learning rate", "memory", "reward/0", "page 2 of 4")
        await pilot.press("pageup", "pageup")
        await shown(pilot, "reward/8", "page 4 of 4")
        assert len(in_sight(app)) == 3, "what is not there is not drawn"
        await pilot.press("pagedown")
        await shown(pilot, "page 1 of 4")
        await pilot.press("tab", "tab")
        await until(pilot, lambda: app.focused is in_sight(app)[3])
        await pilot.press("k")
        await until(pilot, lambda: app.focused is in_sight(app)[1])
        await pilot.press("down")
        await until(pilot, lambda: app.focused is in_sight(app)[3])
        await pilot.press("j")
        await shown(pilot, "page 2 of 4", "▸ learning rate")
        await pilot.press("up")
        await shown(pilot, "page 1 of 4", "▸ it/s")
        await pilot.press("tab")
        await shown(pilot, "page 2 of 4", "▸ learning rate")
        await pilot.press("enter")
        await until(pilot, lambda: board(app).enlarged == "learning_rate")
        await shown(pilot, "▸ learning rate", "steps")
        await pilot.press(*["tab"] * 4)
        await until(pilot, lambda: board(app).enlarged == "reward/2")
        await pilot.press("escape")
        await shown(pilot, "page 3 of 4", "▸ reward/2")  # the grid goes on where one was
        await pilot.press("escape")
        await shown(pilot, "examples ─")
        assert isinstance(app.screen, LiveScreen)


async def test_charts_are_filtered_as_one_types(run: FakeRun) -> None:
    metrics(run, 3)
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "smoothed")
        await pilot.press("m", "slash", *"rew.*[02]")
        await shown(pilot, "2 of 9 charts match “rew.*[02]”", "reward/2")
        assert len(in_sight(app)) == 2
        await pilot.press("backspace")
        await shown(pilot, "“rew.*[02” is no regular expression", "no chart matches")
        await pilot.press("escape")
        await shown(pilot, "9 charts", "learning rate")
        await pilot.press("slash", *"loss", "enter")
        await shown(pilot, "2 of 9 charts match “loss”", "▸ loss")
        assert not app.screen.query_one("#chart-filter", Input).has_class("-open")
        await pilot.press("l")
        await shown(pilot, "loss 0.1902", " log ")
        assert not board(app).full, "the log has the screen now"


async def test_the_crosshair_tells_values_and_moves_by_key(run: FakeRun) -> None:
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "smoothed")
        await pilot.press("i")
        await shown(pilot, "step 187", "⠒ 0.16213", "● 0.27363 at 150")
        assert board(app).crossing
        await pilot.press("left")
        await until(pilot, lambda: (board(app).cross or 999) < 187)
        assert board(app).charts.settings.viewport.share == 1, "the view stays"
        await pilot.press("x", "x", "x", "x")
        await until(pilot, lambda: 180 < (board(app).cross or 0) < 187)
        await pilot.press(*["shift+left"] * 25)
        assert board(app).cross == 1
        await shown(pilot, "step 1 ", "▴ 100")
        await pilot.press("plus")
        window = board(app).charts.window
        assert window is not None and window[0] == 1, "the zoom holds the crosshair"
        await pilot.press("escape")
        await until(pilot, lambda: board(app).cross is None)
        assert isinstance(app.screen, LiveScreen)
        await pilot.press("i", "i")
        assert not board(app).crossing


async def test_the_crosshair_of_a_run_without_numbers_says_so(tmp_path: Path) -> None:
    app = app_of(FakeRun(tmp_path / "runs" / RUN))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("i")
        await shown(pilot, "no numbers to point at")
        await pilot.press("m")
        await shown(pilot, "no stage", "waiting for the first number")


def mouse(kind: type[events.MouseEvent], chart: Chart, x: int, **more: int) -> events.MouseEvent:
    """A mouse event of the chart's own place, as the screen hands it on."""
    keys = {"button": 1, "shift": 0, "delta_x": 0, "delta_y": 0, **more}
    return kind(
        chart,
        x=x,
        y=5,
        delta_x=keys["delta_x"],
        delta_y=keys["delta_y"],
        button=keys["button"],
        shift=bool(keys["shift"]),
        meta=False,
        ctrl=False,
    )


async def test_the_mouse_points_zooms_drags_and_chooses_a_part(run: FakeRun) -> None:
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "smoothed", "● validation")
        settings = board(app).charts.settings
        chart = app.screen.query_one("#loss", Chart)
        await pilot.hover("#loss", offset=(45, 8))
        await shown(pilot, "each ", "┊")
        small = app.screen.query_one("#tok", Chart)
        await until(pilot, lambda: small._options.cross == board(app).cross)
        await pilot.hover("#panes", offset=(3, 3))
        await until(pilot, lambda: board(app).cross is None)
        frame = chart.frame
        assert frame is not None
        middle = frame.left + (frame.width - 1) // 2
        chart.post_message(mouse(events.MouseScrollUp, chart, middle))
        await until(pilot, lambda: settings.viewport.share == 0.5)
        assert settings.viewport.end == pytest.approx(0.75, abs=0.02), "it zooms where it points"
        await pilot.mouse_down("#loss", offset=(40, 8))
        await pilot.hover("#loss", offset=(50, 8))
        await pilot.mouse_up("#loss", offset=(50, 8))
        assert settings.viewport.end is not None and settings.viewport.end < 0.74, "dragged"
        chart.post_message(mouse(events.MouseScrollDown, chart, middle))
        await until(pilot, lambda: settings.viewport.share == 1)
        await pilot.mouse_down("#loss", offset=(frame.left + 10, 8), shift=True)
        await pilot.hover("#loss", offset=(frame.left + 30, 8))
        await pilot.mouse_up("#loss", offset=(frame.left + 30, 8))
        await until(pilot, lambda: settings.viewport.share < 0.5)
        await pilot.click("#loss", offset=(40, 8), times=2)
        await until(pilot, lambda: settings.viewport.share == 1)
        await pilot.click("#mem", offset=(5, 0))
        await pilot.press("z")
        await until(pilot, lambda: board(app).enlarged == "tree_rss_bytes")


async def test_what_the_charts_were_left_like_is_remembered(run: FakeRun) -> None:
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "smoothed")
        await pilot.press("x", "s", "g", "m", "slash", *"loss", "enter")
        await shown(pilot, "2 of 6 charts")
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "2 of 6 charts match “loss” · smoothed 0.95", "tokens", "  log")
        assert {one.id for one in in_sight(app)} == {"slot-0", "slot-1"}


async def test_the_numbers_beside_the_charts_stand_right_after_the_grid(run: FakeRun) -> None:
    run.status("evaluated", alive=None)
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        line = next(
            one for one in (await shown(pilot, "learning rate")).splitlines() if "it/s" in one
        )
        await pilot.press("m", "escape")
        await until(pilot, lambda: not board(app).full)
        await shown(pilot, line[:36].rstrip())
        await until(pilot, lambda: app.focused is not None and app.focused.id == "examples")


async def test_a_stage_of_ones_own_command_is_drawn_as_it_comes(run: FakeRun) -> None:
    run.event({"kind": "stage-start", "stage": "[b]mine"}, 70.0)
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "loss  train")
        await pilot.press("left_square_bracket")
        await shown(pilot, "loss  pretrain")
        await pilot.press("right_square_bracket")
        await shown(pilot, "loss  train")
        values = {"[red]reward": 0.25, "speed": "nan"}
        for step in range(1, 4):
            event = {"kind": "metric", "stage": "[b]mine", "step": step, "values": values}
            run.event(event, 70.0 + step)
        await shown(pilot, "[red]reward  0.25", "speed  NaN")
        numbers = str(app.screen.query_one("#numbers", Static).content)
        assert "[red]reward" in numbers and "speed" in numbers
        await pilot.press("m")
        await shown(pilot, "[b]mine · 2 charts", "speed  NaN")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_nothing_of_the_grid_is_cut(run: FakeRun, size: tuple[int, int]) -> None:
    metrics(run, 3)
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        await shown(pilot, "smoothed")
        await pilot.press("m")
        await shown(pilot, "▸ loss")
        grid = app.screen.query_one("#grid").region
        for chart in in_sight(app):
            assert grid.contains_region(chart.region)
            assert chart.size.width >= 30 and chart.size.height >= 8


async def test_compare_takes_the_parent_or_the_best_other_run(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, str | None, tuple[str, ...]]] = []
    monkeypatch.setattr(
        FactoryApp,
        "show",
        lambda self, name, run_id=None, runs=(): opened.append((name, run_id, runs)),
    )
    monkeypatch.setitem(ROOMS, "compare", "not:Needed")
    monkeypatch.setitem(ROOMS, "examples", "not:Needed")
    app = app_of(run)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shown(pilot, "smoothed")
        await pilot.press("c")
        await shown(pilot, "no other run of this target")
        other = FakeRun(run.folder.parent / "2026-11-19-drone-router")
        await pilot.press("c")
        await until(pilot, lambda: opened == [("compare", None, (other.folder.name, RUN))])
        await pilot.press("e")
        assert opened[-1] == ("examples", RUN, ())


async def test_a_room_that_is_not_there_is_said(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(run)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shown(pilot, "smoothed")
        monkeypatch.setattr("tui.app.ROOMS", {"runs": "tui.screens.runs:RunsScreen"})
        await pilot.press("c")
        await shown(pilot, "There is no screen for compare")
        await pilot.press("e")
        await shown(pilot, "There is no screen for examples")


async def test_what_does_not_change_is_not_drawn_again(run: FakeRun) -> None:
    run.status("evaluated", alive=None)
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "smoothed", "● validation")
        await settle(pilot)
        before = {chart: chart._rows for chart in in_sight(app)}
        live(app)._draw()
        await pilot.pause()
        assert all(chart._rows is rows for chart, rows in before.items())


async def settle(pilot: Pilot[None]) -> None:
    """Wait until every chart in sight is drawn."""
    app = pilot.app
    assert isinstance(app, FactoryApp)
    await until(pilot, lambda: all(chart._rows is not None for chart in in_sight(app)))
    await pilot.pause(0.3)
