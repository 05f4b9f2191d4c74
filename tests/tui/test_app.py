"""The app: one table of bindings for keys, help and palette; screens by name; light start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES

from tests.tui.fake_run import FakeRun
from tui import __main__ as entry
from tui.app import ROOMS, FactoryApp, load_room
from tui.bindings import EVERYWHERE, KEYS, PANES, keys_of
from tui.screens.base import RoomScreen
from tui.styles import style_paths
from tui.widgets.key_bar import fitting

RUN = "2026-11-20-x"


@pytest.mark.parametrize("name", ROOMS)
def test_every_screen_has_its_name_its_style_and_its_actions(name: str) -> None:
    room = load_room(name)
    assert issubclass(room, RoomScreen)
    assert name == room.ROOM
    assert Path(style_paths(name)[0]).is_file()
    for key in KEYS:
        if key.screen == name:
            action = key.action.partition("(")[0]
            owner, _, method = action.rpartition(".")
            where = FactoryApp if owner == "app" else room
            assert hasattr(where, f"action_{method}"), f"{name}: {key.action} is not there"


def test_no_key_of_a_screen_does_two_things() -> None:
    for name in (*ROOMS, *PANES):
        taken: dict[str, str] = {}
        for key in keys_of(name):
            if name in ROOMS and key.screen in PANES:
                continue  # a pane's keys come before its screen's while it has the focus
            for one in key.keys.split(","):
                other = taken.setdefault(one, key.action)
                by_turns = {other, key.action} == {"filter_charts", "search"}  # see check_action
                assert other == key.action or key.screen == EVERYWHERE or by_turns, f"{name}: {one}"


def test_every_key_has_a_sentence() -> None:
    for key in KEYS:
        assert key.help.endswith("."), key
        assert key.label == key.label.strip() and key.label, key


def test_a_narrow_footer_keeps_the_way_back_and_the_help() -> None:
    keys = [key for key in keys_of("live") if key.shown]
    for width in (40, 80, 120):
        found = fitting(keys, width)
        assert [key.label for key in found][-2:] == ["back", "help"]
        size = sum(len(key.caption) + len(key.label) + 2 for key in found)
        assert size <= width + 1


async def test_screens_open_and_close_and_are_not_opened_twice(tmp_path: Path) -> None:
    FakeRun(tmp_path / "runs" / RUN).tell("data")
    app = FactoryApp(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        assert isinstance(app.screen, RoomScreen) and app.screen.ROOM == "runs"
        app.open_run(RUN)
        await pilot.pause()
        assert app.screen.ROOM == "live"
        app.show("live", RUN)
        await pilot.pause()
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.ROOM == "runs"
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_the_palette_holds_the_actions_of_the_screen(tmp_path: Path) -> None:
    FakeRun(tmp_path / "runs" / RUN)
    app = FactoryApp(tmp_path, start="live", run_id=RUN)
    async with app.run_test():
        titles = [command.title for command in app.get_system_commands(app.screen)]
    assert "Cancel  (C)" in titles
    assert "Help  (?)" in titles
    assert "Theme" in titles
    assert {"Go to Runs", "Go to Loops", "Go to New run"} <= set(titles)


@pytest.mark.parametrize("theme", [*list(BUILTIN_THEMES)[:4], "factory"])
async def test_other_themes_work(tmp_path: Path, theme: str) -> None:
    FakeRun(tmp_path / "runs" / RUN).tell("data")
    app = FactoryApp(tmp_path, start="live", run_id=RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        app.theme = theme
        await pilot.pause()
        assert app.screen.query_one("#loss").styles.color is not None


def test_opening_the_app_loads_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from tui.app import FactoryApp, load_room\n"
        "load_room('runs'); load_room('live')\n"
        "heavy = {'mlx', 'mlx_lm', 'numpy', 'transformers', 'pydantic', 'typer', 'ruamel'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert done.stdout.strip() == "[]"


def test_without_a_workspace_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["factory-tui", "--workspace", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        entry.main()
    assert stop.value.code == 3
    assert "No workspace in" in capsys.readouterr().err


def test_options_of_the_demo() -> None:
    assert entry._demo_options([]) == (Path("demo"), 0)
    assert entry._demo_options(["--dir", "d", "--seed", "7"]) == (Path("d"), 7)
    assert entry._demo_options(["--help"]) is None
    assert entry._demo_options(["--seed", "x"]) is None
