"""Loops, driven by keys on real folders."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.tui.drive import app_on, texts, until
from tests.tui.make_runs import NOW
from tests.tui.make_tries import STORY, Try, make_tries, make_try
from tui.app import FactoryApp
from tui.screens.base import RoomScreen
from tui.screens.loops import LoopsScreen
from tui.screens.loops_targets import TargetsScreen
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    sql = [Try("2026-11-01-sql"), Try("2026-11-01-sql-2", right=110)]
    make_tries(tmp_path, sql, "sql", before=NOW - timedelta(days=19))
    make_tries(tmp_path, STORY)
    return tmp_path


@asynccontextmanager
async def looping(
    workspace: Path, size: tuple[int, int] = (120, 40), run_id: str | None = None
) -> AsyncIterator[tuple[FactoryApp, Pilot[None], LoopsScreen]]:
    app = app_on(workspace, "loops", run_id)
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, LoopsScreen)
        await until(pilot, lambda: "#" in drawn(screen, "#tries") or "No tries yet" in texts(app))
        yield app, pilot, screen


def drawn(screen: LoopsScreen, selector: str) -> str:
    widget = screen.query_one(selector)
    lines = [widget.render_line(y).text for y in range(widget.size.height)]
    return "\n".join(lines)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (50, 14)])
async def test_the_tries_with_signs_words_and_a_step_line(
    workspace: Path, size: tuple[int, int]
) -> None:
    async with looping(workspace, size) as (_app, pilot, screen):
        await until(pilot, lambda: "■ 10" in drawn(screen, "#tries"))
        tries = drawn(screen, "#tries")
        assert "cancelled" in tries
        assert "●" in drawn(screen, "#best")
        assert len({len(line) for line in tries.split("\n")}) >= 1
        pane = screen.query_one("#tries", EntryList)
        assert len({pane.render_line(y).cell_length for y in range(pane.size.height)}) == 1


async def test_the_cursor_tells_a_try_and_enter_opens_it(workspace: Path) -> None:
    async with looping(workspace) as (app, pilot, screen):
        assert screen.current == STORY[9].name
        await pilot.press("down", "down")
        assert screen.current == STORY[7].name
        signed = [line for line in drawn(screen, "#tries").split("\n") if "›" in line]
        assert len(signed) == 1 and "● 8" in " ".join(signed[0].split())
        await until(pilot, lambda: "12 fixed, 0 broken" in drawn(screen, "#detail"))
        assert "child of drone-router-5: iters 300→900" in drawn(screen, "#detail")
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "live")
        assert isinstance(app.screen, RoomScreen) and app.screen.run_id == STORY[7].name


async def test_a_click_on_the_chart_chooses_the_try_there(workspace: Path) -> None:
    async with looping(workspace) as (_app, pilot, screen):
        chart = screen.query_one("#best", Chart)
        await until(pilot, lambda: chart.frame is not None)
        frame = chart.frame
        assert frame is not None
        column = frame.column(3.0)
        assert column is not None
        await pilot.click("#best", offset=(1 + frame.left + column, 4))
        await until(pilot, lambda: screen.current == STORY[2].name)
        assert "22 fixed, 0 broken" in drawn(screen, "#detail")


async def test_marked_tries_are_compared_in_their_order(workspace: Path) -> None:
    async with looping(workspace) as (app, pilot, _screen):
        await pilot.press("down", "space", "space", "space")
        await pilot.press("up", "space")
        await pilot.press("c")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "compare")
        assert isinstance(app.screen, RoomScreen)
        assert app.screen.runs == (STORY[7].name, STORY[8].name)


async def test_one_try_is_compared_with_its_parent(workspace: Path) -> None:
    async with looping(workspace) as (app, pilot, _screen):
        await pilot.press("c")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "compare")
        assert isinstance(app.screen, RoomScreen)
        assert app.screen.runs == (STORY[7].name, STORY[9].name)


@pytest.mark.parametrize(
    ("key", "room"),
    [
        ("n", "new_run"),
        ("d", "decide"),
        ("r", "report"),
        ("v", "validate"),
        ("e", "examples"),
    ],
)
async def test_other_rooms_open_on_the_try_at_the_cursor(
    workspace: Path, key: str, room: str
) -> None:
    async with looping(workspace) as (app, pilot, _screen):
        await pilot.press("down", key)
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == room)
        assert isinstance(app.screen, RoomScreen) and app.screen.run_id == STORY[8].name


async def test_targets_are_gone_through_and_chosen_and_kept(workspace: Path) -> None:
    async with looping(workspace) as (app, pilot, screen):
        assert "[drone-router 10]" in texts(app) and "sql 2" in texts(app)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "sql-2" in drawn(screen, "#tries"))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "drone-router-9" in drawn(screen, "#tries"))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TargetsScreen))
        await until(pilot, lambda: app.screen.query_one(OptionList).highlighted == 0)
        await pilot.press("j", "enter")
        await until(pilot, lambda: "sql-2" in drawn(screen, "#tries"))
        assert app.remembered.get("loops.place", [])[0] == "sql"
    async with looping(workspace) as (_app, pilot, screen):
        await until(pilot, lambda: "sql-2" in drawn(screen, "#tries"))


async def test_it_opens_on_the_target_of_a_run(workspace: Path) -> None:
    async with looping(workspace, run_id="2026-11-01-sql") as (_app, pilot, screen):
        await until(pilot, lambda: screen.current == "2026-11-01-sql")
        assert "sql-2" in drawn(screen, "#tries")


async def test_a_run_that_goes_on_says_its_stage_and_new_tries_appear(workspace: Path) -> None:
    started = psutil.Process(os.getpid()).create_time()
    status = {"supervisor": {"pid": os.getpid(), "started": started}, "stage": "train"}
    live = Try("2026-11-20-drone-router-11", right=None, phase="training", status=status)
    make_try(workspace, live, NOW)
    async with looping(workspace) as (app, pilot, screen):
        await until(pilot, lambda: "▶ try 11" in texts(app))
        assert "33%" in texts(app) and "train" in texts(app)
        path = workspace / "runs" / live.name / "run-status.json"
        record = json.loads(path.read_text())
        del record["supervisor"]
        path.write_text(json.dumps({**record, "phase": "failed"}))
        await until(pilot, lambda: "✘ 11" in drawn(screen, "#tries"))
        assert "▶ try 11" not in texts(app)


async def test_f5_reads_what_was_decided_elsewhere(workspace: Path) -> None:
    make_try(workspace, Try("2026-11-22-x", right=90, decision="ship"), NOW)
    async with looping(workspace) as (_app, pilot, screen):
        path = workspace / "runs" / "2026-11-22-x" / "decision.json"
        path.write_text('{"decision": "park", "reason": "Later."}')  # in place, unlike ours
        assert "park" not in drawn(screen, "#tries")
        await pilot.press("f5")
        await until(pilot, lambda: "park" in drawn(screen, "#tries"))


async def test_a_workspace_without_tries_says_what_a_loop_is(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    async with looping(tmp_path) as (app, pilot, screen):
        assert "A loop is a row of tries" in texts(app)
        await pilot.press("t", "c", "space", "right_square_bracket", "enter", "d", "v", "r", "e")
        assert app.screen is screen
        make_tries(tmp_path, [Try("a", right=90)])
        await until(pilot, lambda: "#" in drawn(screen, "#tries"))
        await pilot.press("down")
        assert screen.current == "a"


async def test_a_single_try_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    make_tries(tmp_path, [Try("only")])
    async with looping(tmp_path) as (app, pilot, screen):
        await pilot.press("c")
        await until(pilot, lambda: app._notifications)
        assert app.screen is screen
