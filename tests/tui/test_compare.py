"""Compare, driven by keys and mouse on real folders."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.drive import app_on, until
from tests.tui.make_runs import NOW
from tests.tui.make_tries import STORY, Try, make_tries, make_try
from tui.app import FactoryApp
from tui.screens.base import RoomScreen
from tui.screens.compare import CompareScreen
from tui.screens.compare_example import FlipScreen
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList
from tui.widgets.run_strip import RunStrip

FIVE = tuple(one.name for one in STORY[:5])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_tries(tmp_path, STORY)
    return tmp_path


@asynccontextmanager
async def comparing(
    workspace: Path, runs: Sequence[str] = FIVE, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[FactoryApp, Pilot[None], CompareScreen]]:
    """The screen with everything read."""
    app = app_on(workspace, "loops")
    async with app.run_test(size=size) as pilot:
        app.show("compare", None, runs=tuple(runs))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: screen.compared and screen.families.families)
        await until(pilot, lambda: screen.feed and screen.feed.size and not screen.feed.behind)
        await until(pilot, lambda: "A" in drawn(screen, "#curves"))
        yield app, pilot, screen


def drawn(screen: CompareScreen, selector: str) -> str:
    """What a pane shows now."""
    widget = screen.query_one(selector)
    lines = [widget.render_line(y).text for y in range(widget.size.height)]
    return "\n".join(lines)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (50, 14)])
async def test_every_pane_can_be_reached_and_no_line_is_crooked(
    workspace: Path, size: tuple[int, int]
) -> None:
    async with comparing(workspace, size=size) as (_app, pilot, screen):
        seen = []
        for _ in range(5):
            assert screen.focused is not None and screen.focused.id is not None
            seen.append(screen.focused.id)
            for pane in screen.query(EntryList):
                widths = {pane.render_line(y).cell_length for y in range(pane.size.height)}
                assert len(widths) <= 1
            await pilot.press("tab")
        assert seen == ["curves", "scores", "settings", "examples", "family"]
        await pilot.press("shift+tab")
        assert screen.focused is not None and screen.focused.id == "family"


async def test_scores_settings_and_family_say_what_they_should(workspace: Path) -> None:
    async with comparing(workspace, size=(200, 60)) as (_app, _pilot, screen):
        await until(_pilot, lambda: "better" in drawn(screen, "#scores"))
        assert "≈ within the noise" in drawn(screen, "#scores")
        assert "learning_rate" in drawn(screen, "#settings")
        assert "≠0.004" in drawn(screen, "#settings")
        await until(_pilot, lambda: "learning_rate 0.002→0.004" in drawn(screen, "#family"))
        assert "◆A drone-router " in drawn(screen, "#runs")


async def test_the_keys_of_the_curves(workspace: Path) -> None:
    async with comparing(workspace) as (app, pilot, screen):
        settings = screen.charts.settings
        await pilot.press("x")
        assert settings.axis == "tokens" and "tokens" in drawn(screen, "#curves")
        await pilot.press("g")
        assert settings.log and "log" in drawn(screen, "#curves")
        await pilot.press("s")
        assert settings.weight == 0.95 and "smoothed 0.95" in drawn(screen, "#curves")
        await pilot.press("m")
        assert "validation loss" in drawn(screen, "#curves").split("\n")[0]
        await pilot.press("M")
        assert "loss" in drawn(screen, "#curves").split("\n")[0]
        await pilot.press("plus")
        assert settings.viewport.share == 0.5
        await pilot.press("left")
        assert settings.viewport.end == pytest.approx(0.875)
        await pilot.press("right")
        assert settings.viewport.end is None
        await pilot.press("minus")
        assert settings.viewport.share == 1.0
        await pilot.press("plus", "0")
        assert settings.viewport.share == 1.0
        assert app.remembered.get("compare.axis", "") == "tokens"
        assert app.remembered.get("compare.log", False) is True
        assert app.remembered.get("compare.metric", "") == "loss"


async def test_what_the_curves_were_left_like_is_kept(workspace: Path) -> None:
    async with comparing(workspace) as (_app, pilot, _screen):
        await pilot.press("x", "m", "tab")
    async with comparing(workspace) as (_app, pilot, screen):
        assert screen.charts.settings.axis == "tokens"
        assert screen.charts.settings.metric == "val_loss"
        assert screen.focused is not None and screen.focused.id == "scores"


async def test_another_run_is_looked_at_and_another_is_the_reference(workspace: Path) -> None:
    async with comparing(workspace) as (_app, pilot, screen):
        assert (screen.reference, screen.looked_at) == (FIVE[0], FIVE[1])
        await pilot.press("right_square_bracket")
        assert screen.looked_at == FIVE[2]
        await until(pilot, lambda: "22 fixed" in drawn(screen, "#examples"))
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert screen.looked_at == FIVE[4]
        await pilot.press("b")
        assert (screen.reference, screen.looked_at) == (FIVE[1], FIVE[4])
        await until(pilot, lambda: screen.compared and screen.compared.reference == FIVE[1])
        assert "◆ B" in drawn(screen, "#scores")
        letters = {one.run_id: one.letter for one in screen.query_one(RunStrip)._runs}
        assert [letters[run] for run in FIVE] == ["A", "B", "C", "D", "E"]


async def test_an_example_opens_whole(workspace: Path) -> None:
    async with comparing(workspace) as (app, pilot, screen):
        await pilot.press("right_square_bracket", "tab", "tab", "tab")
        await until(pilot, lambda: "waypoint 70" in drawn(screen, "#examples"))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, FlipScreen))
        said = [str(one.content) for one in app.screen.query(".text").results()]  # type: ignore[attr-defined]
        assert said[0] == "fly to waypoint 71, please"
        assert said[1] == said[3] == '{"cmd":"goto","args":[71]}'
        assert said[2] == '{"cmd":"goto","args":[72]}'
        await pilot.press("escape")
        assert app.screen is screen


async def test_runs_are_taken_in_and_left_out_and_keep_their_letters(workspace: Path) -> None:
    async with comparing(workspace, FIVE[:2]) as (_app, pilot, screen):
        await pilot.press("space")
        assert screen.ids == list(FIVE[:2])
        await pilot.press("shift+tab")
        family = screen.query_one("#family", EntryList)
        family.select(FIVE[2])
        await pilot.press("space")
        assert screen.ids == list(FIVE[:3]) and screen.looked_at == FIVE[2]
        await until(pilot, lambda: screen.compared and len(screen.compared.runs) == 3)
        family.select(FIVE[1])
        await pilot.press("space")
        assert screen.ids == [FIVE[0], FIVE[2]]
        assert screen.marks.of(FIVE[2]).letter == "C"
        family.select(FIVE[1])
        await pilot.press("space")
        assert screen.ids == [FIVE[0], FIVE[2], FIVE[1]]
        assert screen.marks.of(FIVE[1]).letter == "B"
        await pilot.press("X")
        assert screen.ids == [FIVE[0], FIVE[2]]
        await pilot.press("X")
        assert screen.ids == [FIVE[0], FIVE[2]], "two are the least"


@pytest.mark.parametrize(
    ("key", "room"),
    [("l", "live"), ("d", "decide"), ("r", "report"), ("v", "validate"), ("e", "examples")],
)
async def test_other_rooms_open_on_the_run_that_is_looked_at(
    workspace: Path, key: str, room: str
) -> None:
    async with comparing(workspace, FIVE[:2]) as (app, pilot, _screen):
        await pilot.press(key)
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == room)
        assert isinstance(app.screen, RoomScreen) and app.screen.run_id == FIVE[1]


async def test_enter_on_a_score_opens_the_run_and_moving_looks_at_it(workspace: Path) -> None:
    async with comparing(workspace) as (app, pilot, screen):
        await pilot.press("tab", "down", "down")
        assert screen.looked_at == FIVE[2]
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "live")
        assert isinstance(app.screen, RoomScreen) and app.screen.run_id == FIVE[2]


async def test_the_mouse_chooses_runs_zooms_and_points(workspace: Path) -> None:
    async with comparing(workspace) as (_app, pilot, screen):
        at = drawn(screen, "#runs").split("\n")[0].index("drone-router-3")
        await pilot.click("#runs", offset=(at + 3, 0))
        assert screen.looked_at == FIVE[2]
        chart = screen.query_one("#curves", Chart)
        chart.post_message(Chart.Zoom(chart, 1, 0.5))
        await until(pilot, lambda: screen.charts.settings.viewport.share == 0.5)
        chart.post_message(Chart.Pan(chart, -0.1))
        await until(pilot, lambda: screen.charts.settings.viewport.end != 0.75)
        chart.post_message(Chart.Reset())
        await until(pilot, lambda: screen.charts.settings.viewport.share == 1.0)
        chart.post_message(Chart.Box(chart, (50.0, 100.0)))
        await until(pilot, lambda: screen.charts.settings.viewport.share < 0.5)
        await pilot.hover("#curves", offset=(30, 5))
        await until(pilot, lambda: "step " in drawn(screen, "#curves").split("\n")[0])


async def test_one_run_is_compared_with_its_parent(workspace: Path) -> None:
    async with comparing(workspace, [STORY[8].name]) as (_app, _pilot, screen):
        assert screen.ids == [STORY[7].name, STORY[8].name]


async def test_runs_that_are_not_there_and_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    app = app_on(tmp_path, "loops")
    async with app.run_test(size=(80, 24)) as pilot:
        app.show("compare", None, runs=("gone", "../up"))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: screen.chosen)
        assert "No run to compare is here" in drawn(screen, "#curves")
        await pilot.press("b", "m", "x", "right_square_bracket", "X", "l", "e", "space", "plus")
        assert app.screen is screen


async def test_a_run_that_goes_on_is_followed_and_new_scores_are_seen(tmp_path: Path) -> None:
    make_tries(tmp_path, [Try("a"), Try("b", right=None, phase="training")])
    async with comparing(tmp_path, ["a", "b"]) as (_app, pilot, screen):
        await until(pilot, lambda: "not recorded" in drawn(screen, "#scores"))
        path = tmp_path / "runs" / "b"
        line = {"kind": "metric", "stage": "train", "step": 999, "values": {"loss": 7.25}}
        with (path / "events.jsonl").open("a") as file:
            file.write(json.dumps({"seq": 9999, "t": NOW.isoformat(), **line}) + "\n")
        await until(pilot, lambda: "7.25" in drawn(screen, "#runs"))
        other = make_try(tmp_path / "else", Try("b", right=118), NOW)
        for name in ("rows-candidate.jsonl", "eval-candidate.json"):
            (path / name).write_bytes((other / name).read_bytes())
        await until(pilot, lambda: "✔ better" in drawn(screen, "#scores"))
