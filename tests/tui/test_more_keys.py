"""Keys that no other test of a screen presses."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandPalette

from engine.checks.contents import RunContents, load
from tests.tui.drive import app_on, texts, until
from tests.tui.fake_run import FakeRun
from tests.tui.make_runs import make_run
from tui.screens.help import HelpScreen
from tui.screens.live import LiveScreen
from tui.screens.new_run import NewRunScreen
from tui.widgets.field import Field
from tui.widgets.log_pane import LogPane
from tui.widgets.run_table import RunTable

RUN = "2026-11-20-drone-router-2"


async def test_a_run_after_the_one_at_the_cursor(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen.query_one(RunTable).rows)
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))
        assert app.screen.run_id == RUN  # type: ignore[attr-defined]


async def test_runs_are_read_again(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: table.rows)
        first = table.rows[0].summary
        await pilot.press("f5")
        await until(pilot, lambda: table.rows[0].summary is not first)
        assert table.rows[0].run_id == run.name


@pytest.mark.parametrize("kind", ["retry-data", "retry-training", "retry-eval"])
async def test_the_retries_have_a_key_each(tmp_path: Path, kind: str) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press({"retry-data": "d", "retry-training": "t", "retry-eval": "e"}[kind])
        await until(pilot, lambda: app.screen.query(Field))
        chosen = [str(row.content) for row in app.screen.query(".kind.-chosen").results()]  # type: ignore[attr-defined]
        assert len(chosen) == 1 and kind in chosen[0]


async def test_files_are_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path, RUN)
    looks: list[Path] = []

    def looked(path: Path) -> RunContents:
        looks.append(path)
        return load(path)

    monkeypatch.setattr("tui.screens.validate.load", looked)
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: looks)
        await pilot.pause(1.5)
        before = len(looks)
        await pilot.press("f5")
        await until(pilot, lambda: len(looks) > before)
        assert looks[-1].name == RUN


async def test_zooming_out_and_the_match_before(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "runs" / RUN)
    run.tell("train", steps=100)
    run.log("needle one\nneedle two\n")
    app = app_on(tmp_path, "live", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, LiveScreen)
        await until(
            pilot,
            lambda: screen.query_one(LogPane).reader.total and screen.feed.projection.charted(),
        )
        viewport = screen.board.charts.settings
        await pilot.press("plus", "plus", "minus")
        assert viewport.viewport.share == 0.5
        await pilot.press("slash", *"needle", "enter")
        title = lambda: str(screen.query_one("#log").border_title)  # noqa: E731
        await until(pilot, lambda: "2 of 2" in title())
        await pilot.press("n")
        await until(pilot, lambda: "1 of 2" in title())
        await pilot.press("N")
        await until(pilot, lambda: "2 of 2" in title())


async def test_the_app_is_left_also_while_a_dialog_is_open(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not app.is_running)


async def test_the_palette_opens_and_the_app_is_left(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, CommandPalette))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not app.is_running)
