"""What was begun for something older and ends late does not take the place of what is newer."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from threading import Event

import pytest
from textual.widgets import Markdown, MarkdownViewer

import engine.loops.launch
import tui.screens.compare_runs
import tui.screens.decide
import tui.screens.loops_acts
import tui.screens.report
import tui.widgets.example_browser
from engine.loops.folder import Request
from engine.processes import myself
from engine.records.loop import LoopPhase
from tests.engine.loops.make_loops import Turn, make_loop_folder
from tests.tui.drive import Held, app_on, at, said, texts, until, write
from tests.tui.make_research import STORY as CAMPAIGN
from tests.tui.make_research import make_campaign_of
from tests.tui.make_runs import make_run
from tests.tui.make_tries import STORY, make_tries
from tests.tui.test_new_run import make_target
from tui.screens import new_run_work
from tui.screens.compare import CompareScreen
from tui.screens.examples import ExamplesScreen
from tui.screens.journal import JournalScreen
from tui.screens.loops import LoopsScreen
from tui.screens.new_run import NewRunScreen
from tui.screens.new_run_plan import PlanPane
from tui.screens.research import ResearchScreen
from tui.views.journal_reader import JournalReader
from tui.views.loops_look import LoopsReader
from tui.widgets.entry_list import EntryList
from tui.widgets.example_browser import ExampleBrowser
from tui.widgets.record_dialog import RecordDialog

RUN = "2026-11-20-drone-router-2"


async def test_the_course_of_the_journal_is_that_of_the_entry_at_the_cursor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, "2026-11-20-one", target="one")
    make_run(tmp_path, "2026-11-21-two", target="two")
    held = Held(monkeypatch, JournalReader, "trend")
    app = app_on(tmp_path, "journal")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, JournalScreen)
        await until(pilot, lambda: held.begun and screen.journal.whole)
        before = screen.current
        await pilot.press("down")
        await until(pilot, lambda: screen.current not in (None, before))
        assert screen.current is not None
        target = screen.current.target
        await until(pilot, lambda: screen._trend is not None and screen._trend[0] == target)
        await held.let_go(pilot)
        assert screen._trend is not None and screen._trend[0] == target


async def test_a_report_is_shown_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = make_run(tmp_path, RUN) / "report.md"
    report.write_text("# before\n")
    held = Held(monkeypatch, tui.screens.report, "excerpt")
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: held.begun)
        report.write_text("# as it is now\n")
        await until(pilot, lambda: app.screen.query_one(Markdown).source.startswith("# as it is"))
        await held.let_go(pilot)
        assert app.screen.query_one(MarkdownViewer).display
        assert app.screen.query_one(Markdown).source.startswith("# as it is now")


async def test_a_run_that_was_decided_is_not_shown_as_it_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, RUN)
    loading = Held(monkeypatch, tui.screens.decide, "load_evidence", at=2)
    rehearsing = Held(monkeypatch, tui.screens.decide, "rehearse")
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        app.screen._load()  # type: ignore[attr-defined]
        await until(pilot, lambda: loading.begun)
        await pilot.press("s")
        await write(pilot, "Yes.")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: rehearsing.begun)
        await pilot.press("ctrl+s")  # the first one is still at work
        rehearsing.end()
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        await pilot.pause()
        assert rehearsing.calls == 1 and "still being worked on" in said(app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "takes it back while you are here" in texts(app))
        await loading.let_go(pilot)
        assert "takes it back while you are here" in texts(app)


async def test_a_class_is_given_to_what_was_at_the_cursor_when_its_key_was_pressed(
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, ExamplesScreen)
        browser = screen.query_one(ExampleBrowser)
        await until(pilot, lambda: browser.page is not None)
        assert browser.page is not None
        first = browser.page.id
        # No thread is free: what the key begins has to wait.
        free = Event()
        busy = [asyncio.get_running_loop().run_in_executor(None, free.wait, 60) for _ in range(40)]
        await pilot.press("1", "down", "down")
        free.set()
        await asyncio.gather(*busy)
        await until(pilot, lambda: browser.reviews)
        assert [key.row_id for key in browser.reviews] == [first]
        assert (run / "trace-review.json").exists()


async def test_no_example_is_shown_that_is_not_listed_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        browser = app.screen.query_one(ExampleBrowser)
        await until(pilot, lambda: browser.page is not None)
        held = Held(monkeypatch, tui.widgets.example_browser, "read_page")
        await pilot.press("down")
        await until(pilot, lambda: held.begun)
        browser._search("in no example at all")
        await until(pilot, lambda: browser.page is None)
        await held.let_go(pilot)
        assert browser.page is None


async def test_what_was_found_out_of_a_target_is_not_shown_under_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_target(tmp_path, "echo")
    make_target(tmp_path, "other", forge="name: [broken\n")
    held = Held(monkeypatch, new_run_work, "look_at_data")
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = app.screen
        assert isinstance(screen, NewRunScreen)
        await until(pilot, lambda: held.begun)
        await pilot.press("right")
        await until(pilot, lambda: screen._pane.target == "other" and screen._plans.state.problem)
        await held.let_go(pilot)
        assert screen._plans.state.check is None


async def test_a_run_is_not_left_out_by_what_was_read_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tries(tmp_path, STORY[:3])
    names = [one.name for one in STORY[:3]]
    app = app_on(tmp_path, "loops")
    async with app.run_test(size=(120, 40)) as pilot:
        app.show("compare", None, runs=tuple(names[:2]))
        screen = await at(pilot, CompareScreen)
        await until(pilot, lambda: len(screen.evidence) == 2)
        held = Held(monkeypatch, tui.screens.compare_runs, "load_evidence")
        screen._load()
        await until(pilot, lambda: held.begun)
        screen.take_in(names[2])
        await until(pilot, lambda: len(screen.evidence) == 3)
        monkeypatch.setattr(screen, "_look", lambda: None)
        await held.let_go(pilot)
        assert len(screen.evidence) == 3


async def test_no_loop_is_steered_that_another_was_chosen_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [
        make_loop_folder(tmp_path, [Turn()], f"2026-11-2{n}-loop", phase=LoopPhase.PAUSED)
        for n in (0, 1)
    ]
    app = app_on(tmp_path, "loops")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, LoopsScreen)
        await until(pilot, lambda: screen.view is not None)
        await pilot.pause(0.1)
        before = screen.view
        held = Held(monkeypatch, LoopsReader, "read")
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: held.begun)
        await pilot.press("x")
        await pilot.pause()
        assert not any(one.asked(Request.SKIP_TRAINING) for one in folders)
        assert "is still being read" in said(app)
        await held.let_go(pilot)
        await until(pilot, lambda: screen.view is not None and screen.view is not before)
        shown = screen.view
        await pilot.press("x")
        await until(pilot, lambda: any(one.asked(Request.SKIP_TRAINING) for one in folders))
        assert shown is not None
        assert [one.loop_id for one in folders if one.asked(Request.SKIP_TRAINING)] == [
            shown.loop_id
        ]


async def test_what_was_done_is_said_when_its_screen_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, RUN)
    held = Held(monkeypatch, JournalReader, "write")
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        app.show("journal")
        screen = await at(pilot, JournalScreen)
        await until(pilot, lambda: screen.journal.whole)
        draft = tmp_path / "draft.md"
        draft.write_text("Mine.")
        screen._write(notes={RUN: "Mine."}, draft=draft)
        await pilot.press("w")
        await until(pilot, lambda: held.begun)
        await pilot.press("escape")
        await until(pilot, lambda: not screen.is_running and not screen.is_attached)
        await held.let_go(pilot)
        await until(pilot, lambda: "JOURNAL.md is written" in said(app))
        assert held.calls == 1 and not draft.exists()


async def test_who_leaves_does_not_wait_for_a_loop_that_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_loop_folder(tmp_path, [Turn()], phase=LoopPhase.RUNNING, runner=myself())
    asked: list[int] = []
    # A run that saves its checkpoint for longer than the test lasts: this very process.
    monkeypatch.setattr(engine.loops.launch.os, "kill", lambda _, number: asked.append(number))
    monkeypatch.setattr(tui.screens.loops_acts, "CANCEL_WAIT_S", 6.0)
    app = app_on(tmp_path, "loops")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, LoopsScreen)
        await until(pilot, lambda: screen.view is not None)
        assert screen.view is not None
        screen._cancel(screen.view)
        await until(pilot, lambda: asked)
        left = time.monotonic()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert time.monotonic() - left < 4


async def test_a_start_that_ends_behind_another_screen_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_target(tmp_path)
    monkeypatch.setattr(new_run_work, "start_all", lambda *_: (["made"], ""))
    held = Held(monkeypatch, new_run_work, "start_all")
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        app.show("new_run")
        screen = await at(pilot, NewRunScreen)
        await until(pilot, lambda: screen.query(PlanPane) and screen._plans.state.draft)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: held.begun)
        await pilot.press("escape")
        assert app.screen is screen and "is being started" in said(app)
        app.show("journal")
        await until(pilot, lambda: isinstance(app.screen, JournalScreen))
        await held.let_go(pilot)
        await until(pilot, lambda: "made is started" in said(app))
        await pilot.pause()
        assert isinstance(app.screen, JournalScreen)


async def test_the_first_campaign_has_the_focus(tmp_path: Path) -> None:
    app = app_on(tmp_path, "research")
    (tmp_path / "runs").mkdir()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, ResearchScreen)
        await until(pilot, lambda: "No campaign yet" in texts(app))
        make_campaign_of(tmp_path, CAMPAIGN)
        await pilot.press("R")
        screen.look_again()
        await until(pilot, lambda: screen.campaign is not None)
        await until(pilot, lambda: isinstance(screen.focused, EntryList))
        at = screen.number
        await pilot.press("down")
        await until(pilot, lambda: screen.number != at)
