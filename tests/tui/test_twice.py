"""A second press that comes before the first has had its effect does nothing a second time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Button

import engine.publish.package.making
import tui.screens.agreeing
import tui.screens.report
from engine.catalogue.run_reader import RunReader
from engine.loops.folder import LoopFolder
from tests.engine.loops.make_loops import Turn, make_loop_folder
from tests.tui.drive import Held, app_on, at, said, until
from tests.tui.make_runs import make_run
from tui.acting import at_work
from tui.previewing import SitePreview
from tui.screens.loops import LoopsScreen
from tui.screens.runs import RunsScreen
from tui.screens.serve import ServeScreen
from tui.views.loops_look import LoopsReader
from tui.widgets.confirm import Confirm

RUN = "2026-11-20-drone-router-2"


async def test_a_question_is_answered_once(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    app = app_on(tmp_path)
    async with app.run_test() as pilot:
        answers: list[bool | None] = []
        behind, question = Confirm("Behind?", "", "Yes"), Confirm("Do it?", "", "Do it")
        app.push_screen(behind)
        await app.push_screen(question, answers.append)
        button = question.query_one("#yes", Button)
        for _ in range(2):
            question.post_message(Button.Pressed(button))
        question.dismiss(False)
        await until(pilot, lambda: answers)
        await pilot.pause()
        assert len(answers) == 1 and app.screen is behind


async def test_an_answer_that_comes_behind_another_question_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    app = app_on(tmp_path)
    async with app.run_test() as pilot:
        answers: list[bool | None] = []
        question, leaving = Confirm("Do it?", "", "Do it"), Confirm("Leave?", "", "Leave", "Stay")
        await app.push_screen(question, answers.append)
        await app.push_screen(leaving)  # as ^q does, which works in dialogs, too
        question.dismiss(True)  # as a form does when its thread has made what was asked for
        question.dismiss(False)
        await pilot.pause()
        assert app.screen is leaving and not answers
        await pilot.press("n")
        await until(pilot, lambda: answers == [True])
        assert isinstance(app.screen, RunsScreen)


async def test_a_run_is_resumed_once_and_packaged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, RUN)
    monkeypatch.setattr(tui.screens.agreeing, "resume_run", lambda *_: None)
    monkeypatch.setattr(
        engine.publish.package.making, "make_package", lambda *_, **__: tmp_path / "made"
    )
    resumed = Held(monkeypatch, tui.screens.agreeing, "resume_run")
    packaged = Held(monkeypatch, engine.publish.package.making, "make_package")
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: screen.current is not None)
        for act, held in ((screen.action_resume, resumed), (screen.action_package, packaged)):
            act()
            await until(pilot, lambda held=held: held.begun)
            act()
            await pilot.pause()
        resumed.end()
        await packaged.let_go(pilot)
        assert resumed.calls == packaged.calls == 1
        assert "A run is still being started" in said(app)
        assert "A package is still being made" in said(app)


async def test_one_preview_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    (tmp_path / "runs").mkdir()
    held = Held(monkeypatch, SitePreview, "start")
    app = app_on(tmp_path, "artifacts")
    opened: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        monkeypatch.setattr(app, "open_url", opened.append)
        # The site is there before the thread that made it has said so: b would end it.
        monkeypatch.setattr(SitePreview, "url", None)
        await pilot.press("b")
        await until(pilot, lambda: held.begun)
        await pilot.press("b")
        await held.let_go(pilot)
        await until(pilot, lambda: opened)
        assert held.calls == 1 and len(opened) == 1
        assert "still being made ready" in said(app)


async def test_one_question_on_a_report_that_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (make_run(tmp_path, RUN) / "report.md").write_text("# mine\n")
    held = Held(monkeypatch, tui.screens.report, "report_of")
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen._looked)  # type: ignore[attr-defined]
        await pilot.press("w")
        await until(pilot, lambda: held.begun)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await held.let_go(pilot)
        assert [type(one) for one in app.screen_stack].count(Confirm) == 1


async def test_an_answer_on_its_way_is_that_of_its_own_screen(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "serve")
    async with app.run_test(size=(120, 40)) as pilot:
        first = app.screen
        assert isinstance(first, ServeScreen)
        worker = first.run_worker(asyncio.sleep(600), group="ask")
        app.show("serve", RUN)
        await until(pilot, lambda: app.screen is not first and app.screen.is_mounted)
        other = app.screen
        assert isinstance(other, ServeScreen)
        assert not other.asking and not other.give_up() and worker.is_running
        assert first.asking and first.give_up()
        await until(pilot, lambda: not first.asking)


async def test_a_loop_is_asked_one_thing_after_another_and_says_how_it_went_once_it_was_left(
    tmp_path: Path,
) -> None:
    make_loop_folder(tmp_path, [Turn()])
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        app.show("loops")
        screen = await at(pilot, LoopsScreen)
        await until(pilot, lambda: screen.view is not None)
        assert screen.view is not None
        done: list[LoopFolder] = []

        class Acts:
            @staticmethod
            def act(folder: LoopFolder) -> str:
                done.append(folder)
                return "It is done."

        with pytest.MonkeyPatch.context() as patch:
            held = Held(patch, Acts, "act")
            act = Acts.act
            screen._do(screen.view, "doing …", act)
            await until(pilot, lambda: held.begun)
            screen._do(screen.view, "doing …", act)
            await pilot.press("escape")
            await until(pilot, lambda: not screen.is_attached)
            await held.let_go(pilot)
            await until(pilot, lambda: "It is done." in said(app))
        assert len(done) == 1 and "still being done" in said(app)


async def test_what_is_read_already_is_not_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_loop_folder(tmp_path, [Turn()])
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        await until(pilot, lambda: runs.read_once and not at_work(runs, "read", "read all"))
        reading = Held(monkeypatch, RunReader, "read")
        for _ in range(3):
            runs.action_refresh()
        await until(pilot, lambda: reading.begun)
        await reading.let_go(pilot)
        assert reading.calls == 1 and "are being read already" in said(app)

        app.show("loops")
        loops = await at(pilot, LoopsScreen)
        await until(pilot, lambda: loops.view is not None and not at_work(loops, "read"))
        looking = Held(monkeypatch, LoopsReader, "read")
        loops.action_refresh()
        await until(pilot, lambda: looking.begun)
        for _ in range(5):  # those that wait for the first one, but for the last, have no use
            loops.action_refresh()
            await pilot.pause(0.05)
        await looking.let_go(pilot)
        await until(pilot, lambda: not at_work(loops, "read"))
        assert looking.calls <= 3
