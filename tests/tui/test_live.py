"""Live through a pilot: what it says of a run in each state, its keys, and hostile text."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.fake_run import FakeRun
from tui.app import FactoryApp
from tui.screens.example import ExampleScreen
from tui.screens.help import HelpScreen
from tui.screens.live import LiveScreen
from tui.widgets.confirm import Confirm
from tui.widgets.log_pane import LogPane

RUN = "2026-11-20-drone-router-3"


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    return FakeRun(tmp_path / "runs" / RUN)


def app_of(run: FakeRun) -> FactoryApp:
    return FactoryApp(run.folder.parent.parent, start="live", run_id=RUN)


async def shown(pilot: Pilot[None], *needles: str, timeout: float = 40.0) -> str:
    """The screen's text once it holds all of these; fails with what it held instead."""
    deadline = time.monotonic() + timeout
    while True:
        await pilot.pause()
        strips = pilot.app.screen._compositor.render_strips()
        text = "\n".join(strip.text for strip in strips)
        if all(needle in text for needle in needles):
            return text
        assert time.monotonic() < deadline, f"{needles} not in:\n{text}"
        await pilot.pause(0.05)


def live(app: FactoryApp) -> LiveScreen:
    assert isinstance(app.screen, LiveScreen)
    return app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_training_run_at_every_size(run: FakeRun, size: tuple[int, int]) -> None:
    run.tell("train", steps=190)
    run.status("training")
    app = app_of(run)
    async with app.run_test(size=size) as pilot:
        text = await shown(pilot, "▶ training", "▶", "187 of 300 steps", "loss", "? help")
        assert "✔" in text and "pretrain" in text
        if size[0] >= 120:
            await shown(pilot, "memory", "peak 484M", "eval-candidate", "examples", "log")
        if size[0] >= 200:
            # The story is of yesterday, and its supervisor lives: that is said.
            await shown(pilot, "learning rate", "it/s", "No event for more than 60 s")


@pytest.mark.alone
async def test_new_events_reach_the_screen_within_a_quarter_of_a_second(run: FakeRun) -> None:
    run.tell("train", steps=10)
    run.status("training")
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "▶ training", "steps")
        await pilot.pause(0.5)
        delays = []
        for step in range(300, 305):
            began = time.monotonic()
            values = {"loss": float(step)}
            run.event({"kind": "metric", "stage": "train", "step": step, "values": values}, 100)
            while f"loss  train  {step}" not in await shown(pilot):
                await pilot.pause(0.005)
            delays.append(time.monotonic() - began)
            await pilot.pause(0.2)
        assert sorted(delays)[len(delays) // 2] < 0.25, delays


async def test_a_dead_supervisor_is_said_with_what_to_do(run: FakeRun) -> None:
    run.tell("train", steps=20)
    run.status("training", alive=False)
    async with app_of(run).run_test(size=(120, 40)) as pilot:
        await shown(pilot, "training, not attached", "supervisor died. R resumes", "‖ train")


async def test_a_failed_stage_is_said_with_its_fix(run: FakeRun) -> None:
    run.tell("train", steps=20)
    error = {"stage": "train", "message": "The loss became NaN.", "fix": "Halve learning_rate."}
    run.status("failed", alive=None, last_error=error)
    async with app_of(run).run_test(size=(120, 40)) as pilot:
        await shown(pilot, "✘ failed", "Failed in train: The loss became NaN. → Halve")


async def test_what_to_do_is_never_cut_from_a_long_failure(run: FakeRun) -> None:
    run.tell("train", steps=20)
    error = {"stage": "train", "message": "It broke. " * 200, "fix": "Halve learning_rate."}
    run.status("failed", alive=None, last_error=error)
    for size in ((80, 24), (120, 40)):
        async with app_of(run).run_test(size=size) as pilot:
            text = await shown(pilot, "Failed in train: It broke.", "… → Halve learning_rate.")
            assert "✘ train" in text


async def test_a_waiting_run_says_for_what(run: FakeRun) -> None:
    run.event({"kind": "queued", "position": 2, "waiting_for": "drone-router-2 to end"})
    run.status("created", waiting_for="drone-router-2 to end")
    async with app_of(run).run_test(size=(120, 40)) as pilot:
        await shown(pilot, "waiting, number 2", "Waiting for drone-router-2 to end.")


async def test_a_finished_run_asks_for_its_decision(run: FakeRun) -> None:
    run.tell()
    run.status("evaluated", alive=None)
    async with app_of(run).run_test(size=(120, 40)) as pilot:
        text = await shown(pilot, "d judges it and decides", "✔ eval-candidate")
        assert " → 0.917" in text and "examples ─ drone-router 0.917" in text
        assert "checkpoint" in text and "step 300" in text
    async with app_of(run).run_test(size=(80, 24)) as pilot:
        await shown(pilot, "drone-router 0.917 [0.85–0.95]")


async def test_a_folder_without_events_is_opened(run: FakeRun) -> None:
    (run.folder / "run-status.json").unlink()
    async with app_of(run).run_test(size=(80, 24)) as pilot:
        await shown(pilot, "No events are recorded", "no numbers are recorded")


async def test_hostile_text_is_drawn_as_it_is(run: FakeRun) -> None:
    run.event({"kind": "stage-start", "stage": "[red]train[/]"})
    hostile = "[/bold][link=x]\x1b[2J\u202eabc"
    run.event(
        {
            "kind": "example",
            "stage": "[red]train[/]",
            "suite": "[b]s",
            "id": "[",
            "score": 0,
            "correct": False,
            "prompt": hostile,
            "got": "[/]\n\t",
        }
    )
    run.event({"kind": "message", "level": "error", "code": "x", "text": hostile + " boom"})
    run.log(hostile + "\n")
    async with app_of(run).run_test(size=(200, 60)) as pilot:
        text = await shown(pilot, "[red]train[/]", "[b]s", "[/bold]", "boom")
        assert "\x1b" not in text and "\u202e" not in text
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, ExampleScreen)
        await shown(pilot, "[link=x]", "(nothing)")


async def test_the_log_follows_until_one_scrolls_and_can_be_searched(run: FakeRun) -> None:
    run.tell("data")
    for number in range(200):
        run.log(f"line {number}{' needle' if number in (30, 120) else ''}\n")
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "line 199")
        await pilot.press("tab")
        log = app.screen.query_one(LogPane)
        assert log.holds(app.screen.focused)
        await pilot.press("pageup")
        await pilot.pause(0.4)
        assert not log.following
        run.log("newest line\n")
        await pilot.pause(0.5)
        assert "newest line" not in await shown(pilot)
        await pilot.press("f")
        await shown(pilot, "newest line")
        await pilot.press("slash", *"needle", "enter")
        await shown(pilot, "line 120 needle", "2 of 2")
        await pilot.press("n")
        await shown(pilot, "line 30 needle", "1 of 2")
        await pilot.press("l")
        text = await shown(pilot, "line 30 needle")
        assert "smoothed" not in text
        await pilot.press("escape")
        assert "needle/" not in await shown(pilot, "log"), "one step back: no search"
        await pilot.press("escape")
        await shown(pilot, "loss")


async def test_keys_typed_into_the_search_are_text(run: FakeRun) -> None:
    run.status("training")
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", "c", "q", "x")
        assert app.screen.query_one(LogPane).query_one(Input).value == "cqx"
        await pilot.press("escape")
        assert isinstance(app.screen, LiveScreen)
        assert not app.screen.query_one(LogPane).query_one(Input).has_class("-open")


async def test_panes_take_turns_on_a_narrow_screen(run: FakeRun) -> None:
    run.event({"kind": "message", "level": "warning", "code": "silence", "text": "No output."})
    run.log("a log line\n")
    async with app_of(run).run_test(size=(80, 24)) as pilot:
        await shown(pilot, "none scored yet", "⚠")
        await pilot.press("tab")
        await shown(pilot, "a log line")
        await pilot.press("tab")
        assert "none scored yet" not in await shown(pilot, " signs ", "No output.")
        await pilot.press("tab")
        await shown(pilot, "none scored yet")


async def test_cancel_asks_and_resume_says_why_not(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[Path] = []
    monkeypatch.setattr("engine.supervise.launch.cancel", cancelled.append)
    run.status("training")
    app = app_of(run)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shown(pilot, "▶ training")
        await pilot.press("R")
        await shown(pilot, "is running;")
        await pilot.press("C")
        assert isinstance(app.screen, Confirm)
        await pilot.press("n")
        assert cancelled == []
        await pilot.press("C", "y")
        await app.workers.wait_for_complete()
        assert cancelled == [run.folder.resolve()]


async def test_resume_of_a_final_run_shows_the_new_one(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FakeRun(run.folder.parent / "2026-11-20-drone-router-4")
    monkeypatch.setattr("engine.supervise.resume.resume", lambda path: other.folder)
    run.status("cancelled", alive=None)
    app = app_of(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "■ cancelled")
        await pilot.press("R")
        await shown(pilot, "drone-router-4")
        assert live(app).run_id == other.folder.name


async def test_help_lists_the_keys_of_the_screen(run: FakeRun) -> None:
    app = app_of(run)
    async with app.run_test(size=(120, 50)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await shown(pilot, "A logarithmic or linear chart.", "In the log pane")
        await pilot.press("escape")
        assert isinstance(app.screen, LiveScreen)
