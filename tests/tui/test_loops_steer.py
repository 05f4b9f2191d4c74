"""Loops steered by keys: real flywheels of the fast wheel target, with runners of their own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input
from textual.widgets._footer import FooterKey

from engine.loops.flywheel.planning import read_draft
from engine.loops.folder import LoopFolder, Request, find_loops
from engine.loops.launch import alive, cancel_loop, launch_loop
from engine.records.loop import IterationPlan, IterationRun, LoopPhase
from engine.supervise.launch import LaunchError
from engine.workspace import Workspace
from tests.engine.loops.make_loops import Turn, dead_runner, make_loop_folder
from tests.engine.loops.wheel import STAGE, make_loop, make_wheel, turn
from tests.tui.drive import app_on, texts, until
from tui.app import FactoryApp
from tui.screens.base import RoomScreen
from tui.screens.loops import LoopsScreen
from tui.screens.loops_edit import EditPlan
from tui.screens.loops_pane import LoopPane
from tui.screens.loops_start import StartFlywheel
from tui.views.loops_form import COMMITS, HYPOTHESIS, TARGET
from tui.widgets.chart import Chart
from tui.widgets.confirm import Confirm
from tui.widgets.entry_list import EntryList

LONG_S = 60.0
"""A machine that has much to do."""


@pytest.fixture
def wheel(tmp_path: Path) -> Iterator[Workspace]:
    """The fast target; whatever still turns at the end is stopped."""
    workspace = make_wheel(tmp_path)
    yield workspace
    for folder in find_loops(workspace):
        if alive(folder.status()) == "running":
            with suppress(LaunchError):
                cancel_loop(folder, wait_s=30)


@pytest.fixture
def gate(wheel: Workspace) -> Path:
    """Trainings, and evaluations of what they made, wait until this file is there."""
    gate = wheel.path / "go"
    start = 'if what == "train":'
    waiting = (
        "import time\n"
        f'while what != "baseline" and not Path({str(gate)!r}).exists():\n    time.sleep(0.02)\n'
    )
    assert STAGE.count(start) == 1
    stage = wheel.target_path("counter") / "stage.py"
    stage.write_text(STAGE.replace(start, f"{waiting}{start}"))
    return gate


@asynccontextmanager
async def shown(
    workspace: Workspace, size: tuple[int, int] = (120, 40), run: str | None = None
) -> AsyncIterator[tuple[FactoryApp, Pilot[None], LoopsScreen]]:
    app = app_on(workspace.path, "loops", run)
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, LoopsScreen)
        await until(pilot, lambda: screen._read_once)
        yield app, pilot, screen


def drawn(screen: Any, selector: str) -> str:
    widget = screen.query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def only(workspace: Workspace) -> LoopFolder:
    (folder,) = find_loops(workspace)
    return folder


def said(app: FactoryApp) -> str:
    return "\n".join(one.message for one in app._notifications)


def footer(app: FactoryApp) -> list[str]:
    return [str(key.description) for key in app.screen.query(FooterKey)]


async def quickly(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    await until(pilot, holds, LONG_S)


async def type_into(pilot: Pilot[None], form: Any, key: str, text: str) -> None:
    entry = form.row(key).entry
    assert isinstance(entry, Input)
    entry.focus()
    entry.value = ""
    await pilot.pause()
    await pilot.press(*text)


@pytest.mark.slow
async def test_a_flywheel_is_begun_by_the_form_and_followed_to_its_end(wheel: Workspace) -> None:
    async with shown(wheel) as (app, pilot, screen):
        await until(pilot, lambda: "starts a flywheel" in texts(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, StartFlywheel))
        form = app.screen
        assert isinstance(form, StartFlywheel)
        await until(pilot, lambda: form._offers is not None)
        assert form.row("iterations").own == "3" and form.row("data").own == "generator"
        await type_into(pilot, form, "iterations", "0")
        await pilot.press("ctrl+s")
        assert app.screen is form and form.row("iterations").problem
        await type_into(pilot, form, "iterations", "2")
        form.row("planner").entry.focus()
        await until(pilot, lambda: "✘ teacher" in texts(app) and "ANTHROPIC_API_KEY" in texts(app))
        form.row(COMMITS).put("true")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "git init" in texts(app))
        assert app.screen is form and not list(find_loops(wheel)), "there is no repository"
        form.row(COMMITS).put("false")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await quickly(pilot, lambda: app.screen is screen and screen.view is not None)
        await quickly(pilot, lambda: screen.view and screen.view.iterations)
        await quickly(pilot, lambda: only(wheel).status().phase is LoopPhase.COMPLETED)
        await until(pilot, lambda: "✔ The limit of 2 iterations is reached." in texts(app))
        assert "Gold stays sealed" in texts(app), "why there is no score on gold"
        await until(pilot, lambda: "kept" in drawn(screen, "#iterations"))
        assert "● 2 kept" in drawn(screen, "#course")
        await until(pilot, lambda: "augmented" in drawn(screen, "#facts"))
        await until(pilot, lambda: "→" in drawn(screen, "#facts"))
        assert only(wheel).loop().limits.iterations == 2

        await pilot.press("g")
        await until(pilot, lambda: "Gold is opened at the end" in said(app))
        await pilot.press("R")
        await until(pilot, lambda: "has ended" in said(app))
        await pilot.press("p", "C")
        await until(pilot, lambda: "does not run" in said(app) and "completed already" in said(app))
        await pilot.press("a", "E")
        await until(pilot, lambda: "No plan waits" in said(app))


@pytest.mark.slow
async def test_the_iteration_at_the_cursor_is_opened_compared_and_come_back_to(
    wheel: Workspace,
) -> None:
    folder = make_loop(wheel, iterations=2)
    assert turn(folder) == 0
    runs = [folder.done(number, IterationRun) for number in (1, 2)]
    names = [one.run_id for one in runs if one is not None]
    async with shown(wheel) as (app, pilot, screen):
        await until(pilot, lambda: screen.current == names[1])
        await pilot.press("c")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "compare")
        assert isinstance(app.screen, RoomScreen) and app.screen.runs == tuple(names)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("down")
        assert screen.current == names[0]
        assert "iteration 1" in drawn(screen, "#plan")
        await pilot.press("space")
        assert "1 marked" in str(screen.query_one("TopBar").render())
        await pilot.press("tab")
        assert app.focused is screen.query_one("#plan")
        await pilot.press("tab")
        assert app.focused is screen.query_one("#facts")
        await pilot.press("shift+tab", "shift+tab")
        assert app.focused is screen.query_one("#iterations")
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "live")
        await until(
            pilot, lambda: "iteration 1 of loop" in str(app.screen.query_one("TopBar").render())
        )
        await pilot.press("L")
        await until(pilot, lambda: app.screen is screen)
        for key, room in (("e", "examples"), ("r", "report"), ("v", "validate"), ("d", "decide")):
            await pilot.press(key)
            await until(pilot, lambda room=room: getattr(app.screen, "ROOM", "") == room)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is screen)
        chart = screen.query_one("#course", Chart)
        await until(pilot, lambda: chart.frame is not None)
        assert chart.frame is not None
        column = chart.frame.column(2.0)
        assert column is not None
        await pilot.click("#course", offset=(1 + chart.frame.left + column, 4))
        await until(pilot, lambda: screen.current == names[1])
    app = app_on(wheel.path, "live", names[0])
    async with app.run_test(size=(120, 40)) as pilot:
        await until(
            pilot, lambda: "iteration 1 of loop" in str(app.screen.query_one("TopBar").render())
        )
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, LoopsScreen))
        back = app.screen
        assert isinstance(back, LoopsScreen)
        await until(pilot, lambda: back.view is not None and back.current == names[0])


@pytest.mark.slow
async def test_each_plan_is_changed_and_approved_before_it_runs(wheel: Workspace) -> None:
    folder = make_loop(wheel, iterations=2, approve=True)
    assert turn(folder) == 0 and folder.status().phase is LoopPhase.PAUSED
    async with shown(wheel, (80, 24)) as (app, pilot, screen):
        await until(pilot, lambda: "The plan of iteration 1 waits" in texts(app))
        await until(pilot, lambda: "approve" in footer(app))
        assert "pause" not in footer(app), "nothing runs that could be paused"
        await pilot.press("R")
        await until(pilot, lambda: "Its plan waits" in said(app))
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, EditPlan))
        form = app.screen
        assert isinstance(form, EditPlan)
        await type_into(pilot, form, "lora.r", "9000")
        await pilot.press("ctrl+s")
        assert app.screen is form and form.row("lora.r").problem == "1 to 256"
        await type_into(pilot, form, "lora.r", "32")
        await type_into(pilot, form, "lora.target_modules", "q_proj, nothing")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: form.row("lora.target_modules").problem is not None)
        assert "'nothing' is none of" in (form.row("lora.target_modules").problem or "")
        await type_into(pilot, form, "lora.target_modules", "")
        await type_into(pilot, form, HYPOTHESIS, "")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "needs a hypothesis" in texts(app))
        await type_into(pilot, form, HYPOTHESIS, "Rank")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is screen)
        draft = read_draft(folder, 1)
        assert draft is not None and draft.edited and not draft.approved
        assert draft.patches == {"lora.r": 32} and draft.hypothesis == "Rank"
        await until(pilot, lambda: "Rank" in drawn(screen, "#iterations"))
        await pilot.press("a")
        await quickly(pilot, lambda: folder.done(1, IterationPlan) is not None)
        await quickly(pilot, lambda: "The plan of iteration 2 waits" in texts(app))
        done = folder.done(1, IterationPlan)
        assert done is not None and done.approved and done.patches == {"lora.r": 32}
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, EditPlan))
        await pilot.press("ctrl+g")
        await quickly(pilot, lambda: folder.status().phase is LoopPhase.COMPLETED)
        await until(pilot, lambda: "✔ The limit of 2" in texts(app))


@pytest.mark.slow
async def test_a_loop_pauses_stops_skips_is_cancelled_and_goes_on(
    wheel: Workspace, gate: Path
) -> None:
    folder = make_loop(wheel, iterations=3)
    launch_loop(folder)

    def trains(iteration: int) -> bool:
        status = folder.status()
        return (status.iteration, status.step) == (iteration, "train")

    async with shown(wheel) as (app, pilot, screen):
        await quickly(pilot, lambda: "train" in texts(app) and screen.view and screen.view.now)
        await quickly(pilot, lambda: "eval-basel" in str(screen.query_one("#stages").content))  # type: ignore[attr-defined]
        await pilot.press("p")
        await until(pilot, lambda: "It pauses after this step, as asked" in texts(app))
        await pilot.press("p")
        await until(pilot, lambda: "as asked" not in texts(app))
        assert not folder.asked(Request.PAUSE)
        await pilot.press("x")
        await until(pilot, lambda: "Training is skipped the next time" in texts(app))
        await pilot.press("p")
        await until(pilot, lambda: folder.asked(Request.PAUSE))
        gate.touch()
        await quickly(pilot, lambda: folder.status().phase is LoopPhase.PAUSED)
        await until(pilot, lambda: "‖ Paused before" in texts(app))
        gate.unlink()
        await pilot.press("R")
        await quickly(pilot, lambda: alive(folder.status()) == "running" and trains(2))
        await until(pilot, lambda: screen.view is not None and screen.view.state == "running")
        await pilot.press("R")
        await until(pilot, lambda: "nothing to resume" in said(app))
        await pilot.press("s")
        await until(pilot, lambda: folder.asked(Request.STOP))
        gate.touch()
        await quickly(pilot, lambda: folder.status().phase is LoopPhase.PAUSED)
        await until(pilot, lambda: "Stopped after the iteration, as asked." in texts(app))
        # Iteration 2 has skipped training; iteration 3 is cancelled while it trains.
        gate.unlink()
        await pilot.press("R")
        await quickly(pilot, lambda: trains(3))
        done = folder.done(2, IterationRun)
        assert done is not None and done.trained is False
        await until(pilot, lambda: screen.view is not None and screen.view.state == "running")
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        assert alive(folder.status()) == "running"
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await quickly(pilot, lambda: folder.status().phase is LoopPhase.CANCELLED)
        await until(pilot, lambda: "■ Cancelled" in texts(app))
        gate.touch()
        await pilot.press("R")
        await quickly(pilot, lambda: folder.status().phase is LoopPhase.COMPLETED)


@pytest.mark.slow
async def test_a_runner_that_died_is_said_and_gone_on_with(wheel: Workspace, gate: Path) -> None:
    folder = make_loop(wheel, iterations=1)
    runner = launch_loop(folder)
    async with shown(wheel) as (app, pilot, _screen):
        await quickly(pilot, lambda: folder.status().step == "train")
        os.kill(runner.pid, signal.SIGKILL)
        await asyncio.sleep(0.1)
        await until(pilot, lambda: "runner died in iteration 1" in texts(app))
        gate.touch()
        await pilot.press("R")
        await quickly(pilot, lambda: folder.status().phase is LoopPhase.COMPLETED)


async def test_a_form_says_why_there_can_be_no_flywheel(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    async with shown(Workspace(tmp_path)) as (app, pilot, screen):
        await pilot.press("f")
        await until(pilot, lambda: "a flywheel improves one" in texts(app))
        await pilot.press("ctrl+s", "escape")
        await until(pilot, lambda: app.screen is screen)
        (tmp_path / "targets/broken").mkdir(parents=True)
        (tmp_path / "targets/broken/forge.yaml").write_text("model: [")
        await pilot.press("f")
        await until(pilot, lambda: "forge.yaml" in texts(app))
        form = app.screen
        assert isinstance(form, StartFlywheel) and form.row(TARGET).entry.value == "broken"
        await pilot.press("ctrl+s")
        await pilot.pause(0.2)
        assert app.screen is form and not list(find_loops(Workspace(tmp_path)))


async def test_a_form_stays_while_its_loop_is_made(wheel: Workspace) -> None:
    hold = wheel.path / "hold"
    hold.touch()
    generator = wheel.target_path("counter") / "generator.py"
    waiting = f"while os.path.exists({str(hold)!r}): time.sleep(0.02)"
    generator.write_text(f"import os, time\n{waiting}\n{generator.read_text()}")
    async with shown(wheel) as (app, pilot, screen):
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, StartFlywheel))
        form = app.screen
        assert isinstance(form, StartFlywheel)
        await until(pilot, lambda: form._offers is not None)
        await type_into(pilot, form, "iterations", "1")
        await pilot.press("ctrl+s", "escape", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "stage.py" in texts(app) and "the Python of generator.py" in texts(app)
        await pilot.press("n")
        await until(pilot, lambda: "Nothing was run" in texts(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y", "escape", "ctrl+s")
        assert app.screen is form and "Making the loop" in texts(app)
        hold.unlink()
        await quickly(pilot, lambda: app.screen is screen)
        await quickly(pilot, lambda: only(wheel).status().phase is LoopPhase.COMPLETED)


async def test_an_open_loop_of_the_target_is_said_in_the_form(wheel: Workspace) -> None:
    make_loop_folder(wheel.path, [Turn()], phase=LoopPhase.PAUSED, reason="As asked.")
    async with shown(wheel) as (app, pilot, screen):
        await until(pilot, lambda: screen.view is not None)
        await pilot.press("f")
        await until(pilot, lambda: "R goes on with it; this begins another one" in texts(app))


async def test_gold_is_decided_from_the_loop(wheel: Workspace) -> None:
    from tests.tui.make_tries import Try, make_tries

    make_tries(wheel.path, [Try("2026-11-21-gold")], "counter")
    status = {"gold_run": "2026-11-21-gold", "gold_score": 0.81}
    make_loop_folder(wheel.path, [Turn()], status=status)
    async with shown(wheel) as (app, pilot, screen):
        await until(pilot, lambda: "On gold: 0.81." in texts(app))
        await until(pilot, lambda: "◆ gold 0.81" in drawn(screen, "#course"))
        await pilot.press("g")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "decide")
        assert isinstance(app.screen, RoomScreen) and app.screen.run_id == "2026-11-21-gold"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (50, 14)])
async def test_thousands_of_iterations_are_drawn_at_once(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    (tmp_path / "runs").mkdir()
    turns = [Turn("dropped", 0.4 + (one % 50) / 100) for one in range(300)]
    make_loop_folder(tmp_path, turns)
    async with shown(Workspace(tmp_path), size) as (_app, pilot, screen):
        pane = screen.query_one(LoopPane)
        await until(pilot, lambda: pane.current == 300)
        await until(pilot, lambda: "300" in drawn(screen, "#iterations"))
        await pilot.press("end")
        await until(pilot, lambda: pane.current == 1)
        lines = screen.query_one("#iterations", EntryList)
        assert len({lines.render_line(y).cell_length for y in range(lines.size.height)}) == 1


async def test_a_loop_that_cannot_be_read_is_said_and_others_are_reached(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    make_loop_folder(tmp_path, [Turn(hypothesis="[red]x[/] \x1b[31m")], target="a")
    broken = make_loop_folder(tmp_path, [Turn()], "2026-11-19-b-flywheel", target="b")
    (broken.path / "loop-status.json").write_text("{")
    dead = make_loop_folder(
        tmp_path,
        [Turn(outcome=None)],
        "2026-11-18-c-flywheel",
        target="c",
        phase=LoopPhase.RUNNING,
        runner=dead_runner(),
    )
    async with shown(Workspace(tmp_path)) as (app, pilot, screen):
        await until(pilot, lambda: "[red]x[/] ␛[31m" in drawn(screen, "#iterations"))
        await until(pilot, lambda: len(screen._look.places) == 3)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "runner died" in texts(app))
        assert screen.view is not None and screen.view.loop_id == dead.loop_id
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "loop-status.json" in texts(app))
        await pilot.press("p", "C", "R", "g", "enter", "f5")
        await until(pilot, lambda: "not in this workspace any more" in said(app))
        assert app.screen is screen
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "runner died" in texts(app))
    async with shown(Workspace(tmp_path)) as (_app, pilot, screen):
        await until(pilot, lambda: screen.view is not None and screen.view.loop_id == dead.loop_id)
