"""Journal, driven by keys on real folders."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Markdown, OptionList

from tests.engine.loops.make_loops import Turn, make_loop_folder
from tests.tui.drive import app_on, texts, until
from tests.tui.make_runs import make_workspace, write
from tests.tui.make_tries import STORY, make_tries
from tui.app import FactoryApp
from tui.screens.base import RoomScreen
from tui.screens.journal import JournalScreen
from tui.screens.pick import Pick
from tui.widgets.chart import Chart
from tui.widgets.confirm import Confirm
from tui.widgets.entry_list import EntryList

LOOP = "2026-11-20-counter-flywheel"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_tries(tmp_path, STORY[:3])
    make_loop_folder(tmp_path, [Turn(), Turn("dropped", 0.45, 0.5)], LOOP)
    mark = {"target": "counter", "loop": {"id": LOOP, "iteration": 1}}
    write(tmp_path / "runs" / "2026-11-20-counter" / "config.json", mark)
    return tmp_path


@asynccontextmanager
async def reading(
    workspace: Path, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[FactoryApp, Pilot[None], JournalScreen]]:
    app = app_on(workspace, "journal")
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, JournalScreen)
        await until(pilot, lambda: screen.journal.whole)
        yield app, pilot, screen


def drawn(screen: JournalScreen, selector: str = "#list") -> str:
    widget = screen.query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def page(screen: JournalScreen) -> str:
    return screen.query_one(Markdown).source


def place_of(app: FactoryApp) -> tuple[str, str | None] | None:
    """The room in front and its run."""
    screen = app.screen
    return (screen.ROOM, screen.run_id) if isinstance(screen, RoomScreen) else None


def said(app: FactoryApp) -> str:
    return "\n".join(one.message for one in app._notifications)


async def go_to(pilot: Pilot[None], screen: JournalScreen, key: str) -> None:
    """Put the cursor on an entry and wait for its text."""
    screen.query_one("#list", EntryList).focus()
    await pilot.press("home")
    while screen.query_one("#list", EntryList).current != key:
        await pilot.press("down")
    await until(pilot, lambda: page(screen).startswith(f"### {key.removeprefix('loop:')}"))


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (50, 14)])
async def test_entries_with_the_one_at_the_cursor(workspace: Path, size: tuple[int, int]) -> None:
    async with reading(workspace, size) as (_app, pilot, screen):
        newest = screen.journal.entries[0]
        await until(pilot, lambda: f"### {newest.name}" in page(screen))
        rows = drawn(screen)
        assert "November 2026" in rows and ("↻ counter-flywheel" in rows or size[1] < 40)
        assert page(screen).count("**Goal:**") == 1 and "**Next:**" in page(screen)
        await pilot.press("down", "up")


async def test_a_loop_is_one_entry_and_leads_to_its_newest_run(workspace: Path) -> None:
    async with reading(workspace) as (app, pilot, screen):
        assert "2026-11-20-counter" not in {one.name for one in screen.journal.entries}
        await go_to(pilot, screen, f"loop:{LOOP}")
        assert "2 iterations (1 kept, 1 dropped), 1 runs." in page(screen)
        await pilot.press("enter")
        await until(pilot, lambda: place_of(app) == ("live", "2026-11-20-counter"))


async def test_search_looks_at_all_text_and_escape_takes_it_away(workspace: Path) -> None:
    async with reading(workspace) as (_app, pilot, screen):
        every = len(screen.journal.entries)
        await pilot.press("slash", *"learns the rare")
        assert screen.query_one(Input).value == "learns the rare"
        await until(pilot, lambda: "flywheel" in drawn(screen) and len(screen._shown) == 1)
        await pilot.press("enter")
        assert screen.query_one("#list").has_focus
        await pilot.press("slash", *"zzz")
        await until(pilot, lambda: "No entry has that text." in drawn(screen))
        await until(pilot, lambda: page(screen) == "")
        await pilot.press("enter", "e", "l")
        await pilot.press("slash", "down")
        assert screen.query_one("#list").has_focus
        await pilot.press("escape")
        await until(pilot, lambda: len(screen._shown) == every)


async def test_one_target_and_its_course(workspace: Path) -> None:
    async with reading(workspace) as (app, pilot, screen):
        every = len(screen.journal.entries)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        assert app.screen.query_one(OptionList).option_count == 3
        await pilot.press(*"drone", "enter")
        await until(pilot, lambda: len(screen._shown) == every - 1)
        await until(pilot, lambda: "steps with their intervals" in drawn(screen, "#trend"))
        assert "baseline 0.20" in drawn(screen, "#trend")
        assert screen.query_one("#trend", Chart).display
        await pilot.press("c")
        assert not screen.query_one("#trend", Chart).display
        await pilot.press("escape")
        await until(pilot, lambda: len(screen._shown) == every)


def an_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """An editor that adds a text, and an app that can hand over its terminal."""
    program = tmp_path / "editor"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' {text!r} >> \"$1\"\n")
    program.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(program))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr("tui.editing.editor_command", lambda path, line: [str(program), str(path)])

    @asynccontextmanager
    async def nothing() -> AsyncIterator[None]:
        yield

    class Suspended:
        def __enter__(self) -> None: ...
        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(FactoryApp, "suspend", lambda self: Suspended())


async def test_notes_in_the_editor_stand_in_the_journal(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_editor(workspace, monkeypatch, "We were tired.")
    journal = workspace / "JOURNAL.md"
    async with reading(workspace) as (_app, pilot, screen):
        key = screen.journal.entries[1].key
        await go_to(pilot, screen, key)
        await pilot.press("e")
        await until(pilot, lambda: journal.exists() and "We were tired." in page(screen))
        assert f"<!-- notes:{key} -->\nWe were tired.\n<!-- /notes -->" in journal.read_text()
        assert "✎" in drawn(screen) and not list((workspace / ".factory/drafts").iterdir())
        await until(pilot, lambda: screen.journal.whole and not screen.writing)
        await pilot.press("e")
        await until(pilot, lambda: journal.read_text().count("We were tired.") == 2)


async def test_writing_asks_before_it_takes_what_somebody_wrote(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_editor(workspace, monkeypatch, "not to be lost")
    journal = workspace / "JOURNAL.md"
    async with reading(workspace) as (app, pilot, screen):
        await pilot.press("w")
        await until(pilot, lambda: "JOURNAL.md is written." in said(app))
        await until(pilot, lambda: screen.journal.whole and not screen.writing)
        await pilot.press("w")
        await until(pilot, lambda: "what the runs say already" in said(app))
        edited = journal.read_text() + "\nscribbled\n"
        journal.write_text(edited)
        await until(pilot, lambda: screen.journal.whole and not screen.writing)
        await pilot.press("f5")
        await until(pilot, lambda: "edited outside of notes marks" in texts(app))
        await pilot.press("e")
        await until(pilot, lambda: "Press w first" in said(app))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("escape")
        assert journal.read_text() == edited
        await until(pilot, lambda: app.screen is screen and not screen.writing)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: (workspace / "JOURNAL.md.bak").exists())
        await until(pilot, lambda: "scribbled" not in journal.read_text())


async def test_report_links_and_panes(workspace: Path) -> None:
    async with reading(workspace) as (app, pilot, screen):
        run = next(one for one in screen.journal.entries if one.kind == "run")
        (run.run.path / "train.log").write_text("step 1\n") if run.run else None
        await go_to(pilot, screen, run.key)
        await pilot.press("tab")
        assert screen.query_one(Markdown).has_focus
        await pilot.press("shift+tab")
        assert screen.query_one("#list").has_focus
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("r")
        await until(pilot, lambda: place_of(app) == ("report", run.name))


async def test_from_the_runs_and_nothing_there(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "drone" in str(app.screen.query("*")) or True)
        await pilot.press("J")
        await until(pilot, lambda: isinstance(app.screen, JournalScreen))
    (tmp_path / "empty" / "runs").mkdir(parents=True)
    async with reading(tmp_path / "empty") as (app, pilot, screen):
        assert "Nothing ran in this workspace yet" in drawn(screen)
        for key in ("enter", "r", "e", "l", "t", "escape"):
            await pilot.press(key)
        assert "There is no entry to open." in said(app)


async def test_hostile_runs_are_text(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "2026-11-20-x[b]y"
    config = {"target": "\x1b[31m[red]x", "owner_goal": "[link=javascript:x]a[/] \x1b]0;t\x07"}
    write(run / "config.json", config)
    (run / "decision.json").write_text(json.dumps({"decision": "\x1b[2J[b]"}))
    write(tmp_path / "runs" / "no-date" / "config.json", {"target": 7})
    async with reading(tmp_path, (80, 24)) as (_app, pilot, screen):
        await until(pilot, lambda: "x\\[b\\]y" in page(screen))
        assert "x[b]y" in drawn(screen) and "\x1b" not in drawn(screen) + page(screen)
        await pilot.press("c", "end")
        await until(pilot, lambda: page(screen).startswith("### no-date"))
        assert "No date recorded" in drawn(screen)
