"""The list of runs, driven by keys and mouse on real folders."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest
from textual.widgets import Input, Static

from engine.catalogue.run_reader import RunReader
from engine.workspace import Workspace
from tests.tui.drive import app_on, texts, until, write
from tests.tui.make_runs import HOSTILE, make_run, make_workspace
from tui.app import FactoryApp
from tui.screens.base import RoomScreen
from tui.widgets.confirm import Confirm
from tui.widgets.run_table import RunTable


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


def table(app: FactoryApp) -> RunTable:
    return app.screen.query_one(RunTable)


def shown(app: FactoryApp) -> list[str]:
    """The runs that are listed; none before the table has its place on the screen."""
    one = table(app)
    return [row.run_id for row in one.rows] if one.size.height or not one.rows else []


def screen_lines(app: FactoryApp) -> list[str]:
    one = table(app)
    return [one.render_line(y).text for y in range(one.size.height)]


async def test_the_first_keys_are_no_filter_while_the_runs_are_read(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Event()
    read = RunReader.read

    def slow(self: RunReader, anew: bool = False) -> object:
        held.wait(10)
        return read(self, anew=anew)

    monkeypatch.setattr(RunReader, "read", slow)
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        assert not app.screen.query_one("#filter", Input).has_focus
        assert not app.screen.query_one("#offers").display
        held.set()
        await until(pilot, lambda: len(shown(app)) == 8)
        await until(pilot, lambda: table(app).has_focus)


async def test_lists_every_run_newest_first(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        lines = screen_lines(app)
        assert "drone-router-2" in lines[1] and "0.308 → 0.942" in lines[1]
        assert "+63pp ✔" in lines[1] and "◆ decide" in lines[1]
        assert any("interrupted" in line for line in lines)
        assert shown(app)[-1] == "experiment-of-someone"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (60, 16)])
async def test_every_line_is_as_wide_as_the_table(workspace: Path, size: tuple[int, int]) -> None:
    app = app_on(workspace)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        one = table(app)
        widths = {one.render_line(y).cell_length for y in range(one.size.height)}
        assert widths == {one.size.width}


async def test_a_filter_lists_what_matches_and_explains_what_it_cannot_read(
    workspace: Path,
) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        await pilot.press("slash")
        await write(pilot, "decision:ship")
        await until(pilot, lambda: shown(app) == ["2026-10-02-qwen3-4b-file-ops"])
        app.screen.query_one("#filter", Input).value = "tagret:x"
        error = app.screen.query_one("#filter-error", Static)
        await until(pilot, lambda: error.display)
        assert "did you mean “target”?" in str(error.content)
        assert str(error.content).startswith("^^^^^^")
        await pilot.press("escape")
        await until(pilot, lambda: len(shown(app)) == 8 and not error.display)
        assert table(app).has_focus


async def test_a_filter_that_matches_nothing_says_so(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        app.screen.query_one("#filter", Input).value = "score>2"
        await until(pilot, lambda: not shown(app))
        assert "No run matches this filter" in texts(app)


async def test_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No runs yet" in texts(app))
        await pilot.press("d", "v", "r", "C", "R", "space", "enter", "down")
        assert app.screen.query_one("#empty").display


async def test_orders_by_key_and_by_a_click_on_a_title(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        await pilot.press("o")
        assert table(app).order.name == "run"
        before = shown(app)
        await pilot.press("O")
        assert shown(app) == before[::-1]
        await pilot.click(RunTable, offset=(60, 0))
        await until(pilot, lambda: table(app).order.name == "primary")
        assert shown(app)[0] == "2026-10-02-qwen3-4b-file-ops"


async def test_the_cursor_stays_on_its_run_when_the_list_changes(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        await pilot.press("down", "down")
        current = table(app).current
        assert current is not None
        make_run(workspace, "2026-11-21-newer")
        await until(pilot, lambda: len(shown(app)) == 9)
        now = table(app).current
        assert now is not None and now.run_id == current.run_id


async def test_marks_with_space_and_moves_on(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        first = shown(app)[0]
        await pilot.press("space")
        assert table(app).marked == {first} and table(app).cursor == 1
        await pilot.press("up", "space")
        assert table(app).marked == set()


async def test_the_preview_shows_curve_gates_and_error_as_plain_text(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(160, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        preview = app.screen.query_one("#preview", Static)
        # The guess of the list is replaced by the judge's word once the list stands still.
        await until(pilot, lambda: "✔ breadth drop" in str(preview.content))
        assert "loss" in str(preview.content) and "3.002 →" in str(preview.content)
        table(app).select(next(run for run in shown(app) if "failed" in run))
        await until(pilot, lambda: "Out of memory. [red]boo[/]" in str(preview.content))
        assert "\x1b" not in str(preview.content) and "\x1b" in HOSTILE


async def test_the_marks_become_those_of_the_judge(workspace: Path) -> None:
    run = workspace / "runs" / "2026-11-20-drone-router-2"
    record = json.loads((run / "eval-baseline.json").read_text())
    record["suite"] = "another-suite"
    (run / "eval-baseline.json").write_text(json.dumps(record))
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        await until(pilot, lambda: "+63pp ?" in screen_lines(app)[1])


@pytest.mark.parametrize(("key", "room"), [("d", "decide"), ("v", "validate"), ("r", "report")])
async def test_the_keys_lead_to_the_rooms(workspace: Path, key: str, room: str) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        run_id = shown(app)[0]
        await pilot.press(key)
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == room)
        assert isinstance(app.screen, RoomScreen) and app.screen.run_id == run_id
        await pilot.press("escape")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "runs")


async def test_enter_and_a_double_click_open_the_run(workspace: Path) -> None:
    app = app_on(workspace)
    opened: list[str] = []
    app.open_run = opened.append  # type: ignore[method-assign,assignment]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        await pilot.press("enter")
        await pilot.click(RunTable, offset=(20, 3), times=2)
        await until(pilot, lambda: len(opened) == 2)
        assert opened == [shown(app)[0], shown(app)[2]]


async def test_cancelling_asks_first(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import engine.supervise.launch as launch

    asked: list[Path] = []
    monkeypatch.setattr(launch, "cancel", asked.append)
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        await pilot.press("C")
        assert not isinstance(app.screen, Confirm)
        table(app).select("2026-11-18-stopped")
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, Confirm))
        assert asked == []
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: [path.name for path in asked] == ["2026-11-18-stopped"])


@pytest.mark.alone
async def test_ten_thousand_runs_do_not_stall_the_screen(tmp_path: Path) -> None:
    for number in range(10_000):
        run = tmp_path / "runs" / f"2026-01-01-r-{number:05}"
        run.mkdir(parents=True)
        (run / "config.json").write_text(f'{{"target": "t{number % 7}", "seed": {number}}}')
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 10_000, seconds=60)
        started = time.monotonic()
        await pilot.press("end", "home", "pagedown", "o")
        app.screen.query_one("#filter", Input).value = "target:t3 seed>9000"
        await until(pilot, lambda: 0 < len(shown(app)) < 200)
        assert time.monotonic() - started < 5


def test_a_run_is_read_again_only_when_its_folder_changed(workspace: Path) -> None:
    reader = RunReader(Workspace(workspace))
    (first,) = reader.read()
    (second,) = reader.read()
    again = {one.run_id: one for one in second}
    for one in first:
        assert again[one.run_id] is one
    changed = workspace / "runs" / "2026-11-20-drone-router-2"
    (changed / "decision.json").write_text('{"decision": "park"}')
    (third,) = reader.read()
    by_id = {one.run_id: one for one in third}
    assert by_id[changed.name].decision == "park"
    assert by_id["2026-11-19-drone-router"] is again["2026-11-19-drone-router"]


async def test_a_run_that_was_named_at_the_start_is_at_the_cursor(workspace: Path) -> None:
    app = app_on(workspace, "runs", "2026-11-18-stopped")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        current = table(app).current
        assert current is not None and current.run_id == "2026-11-18-stopped"


async def test_a_click_on_the_order_sorts_by_the_next_column(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        await pilot.click("#order")
        await until(pilot, lambda: "sort: run" in texts(app))
        await pilot.click("#filter")
        await write(pilot, "drone")
        await until(pilot, lambda: "keeps" in texts(app))
        await pilot.click("#order")
        await until(pilot, lambda: table(app).has_focus)
        assert app.screen.query_one("#filter", Input).value == "drone"


async def test_a_word_after_a_value_that_was_taken_is_a_word_of_its_own(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8)
        await pilot.press("slash")
        await write(pilot, "decision:sh")
        await pilot.press("tab")
        line = app.screen.query_one("#filter", Input)
        await until(pilot, lambda: line.value == "decision:ship")
        await write(pilot, "score")
        assert line.value == "decision:ship score"
        await pilot.press("escape", "slash")
        await write(pilot, "decision:sh")
        await pilot.press("tab", "comma")
        await write(pilot, "park")
        assert line.value == "decision:ship,park"


async def test_runs_are_looked_at_while_somebody_sees_them(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.runs_reading.LOOK_EVERY_S", 0.05)
    looks: list[int] = []
    look = RunReader.look

    def counted(self: RunReader, seen: Sequence[str] = ()) -> object:
        looks.append(1)
        return look(self, seen)

    monkeypatch.setattr(RunReader, "look", counted)
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(shown(app)) == 8 and looks)
        await pilot.press("question_mark")
        before = len(looks)
        await until(pilot, lambda: len(looks) > before + 3)
        await pilot.press("escape", "enter")
        await until(pilot, lambda: isinstance(app.screen, RoomScreen) and app.screen.ROOM == "live")
        runs = app.screen_stack[0]
        await until(pilot, lambda: not any(w.node is runs and w.is_running for w in runs.workers))
        before = len(looks)
        await pilot.pause(0.4)
        assert len(looks) == before
        await pilot.press("escape")
        await until(pilot, lambda: len(looks) > before)
