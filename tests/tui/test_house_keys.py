"""What every screen has: jump, resizable panes, keys of one's own, themes, the palette."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from textual.widgets import Input
from textual.widgets._footer import FooterKey

from tests.tui.drive import app_on, stands, texts, until
from tests.tui.fake_run import FakeRun
from tests.tui.make_runs import make_run
from tui.acting import sentence_of
from tui.app import FactoryApp
from tui.palette import RunProvider
from tui.screens.jump import JumpScreen, places
from tui.widgets.key_bar import KeyBar

RUN = "2026-11-20-x"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    FakeRun(tmp_path / "runs" / RUN).tell()
    return tmp_path


def footer(app: FactoryApp) -> str:
    bar = app.screen.query_one(KeyBar)
    return " ".join(f"{key.key_display} {key.description}" for key in bar.query(FooterKey))


async def test_jump_goes_to_the_letter(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen.query_one("#preview").region.area)
        found = dict(places(app.screen))
        letter = next(letter for letter, widget in found.items() if isinstance(widget, Input))
        await pilot.press("ctrl+o")
        assert isinstance(app.screen, JumpScreen)
        labels = list(app.screen.query(".jump"))
        assert len(labels) == len(found) >= 2
        assert labels[0].region.offset == next(iter(found.values())).region.offset
        await pilot.press(letter)
        await until(pilot, lambda: app.focused is found[letter])


async def test_jump_is_left_without_going_anywhere(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.focused is not None)
        await until(
            pilot, lambda: app.focused is not None and app.screen.query_one("#table").region
        )
        before = app.focused
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, JumpScreen))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, JumpScreen))
        assert app.focused is before


async def test_an_edge_moves_by_key_and_is_remembered(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.screen.query_one("#preview")
        usual = (await stands(pilot, pane)).height
        await pilot.press("ctrl+up", "ctrl+up")
        await until(pilot, lambda: pane.region.height == usual + 4)
        await pilot.press("ctrl+down")
        await until(pilot, lambda: pane.region.height == usual + 2)
    again = app_on(workspace)
    async with again.run_test(size=(120, 40)) as pilot:
        pane = again.screen.query_one("#preview")
        await stands(pilot, pane)
        await until(pilot, lambda: pane.region.height == usual + 2)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: pane.region.height == usual)


async def test_an_edge_is_dragged_by_the_mouse(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(180, 40)) as pilot:
        pane = app.screen.query_one("#preview")
        usual = await stands(pilot, pane)
        await pilot.mouse_down(offset=(usual.x, usual.y + 3))
        await pilot.hover(offset=(usual.x - 10, usual.y + 3))
        await pilot.mouse_up(offset=(usual.x - 10, usual.y + 3))
        await until(pilot, lambda: pane.region.width == usual.width + 10)
        await pilot.hover(offset=(usual.x + 5, usual.y + 3))
        await pilot.pause()
        assert pane.region.width == usual.width + 10, "the edge was let go"
        await pilot.press("ctrl+left")
        await until(pilot, lambda: pane.region.width == usual.width + 14)
        await pilot.press("ctrl+right")
        await until(pilot, lambda: pane.region.width == usual.width + 10)


async def test_a_pane_keeps_a_least_size(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.screen.query_one("#preview")
        await stands(pilot, pane)
        await pilot.press(*["ctrl+down"] * 30)
        await until(pilot, lambda: pane.region.height == 3)
        await pilot.press(*["ctrl+up"] * 40)
        await pilot.pause()
        assert app.screen.query_one("#table").region.height >= 3


async def test_keys_of_ones_own(workspace: Path) -> None:
    (workspace / "factory.toml").write_text('[keys]\n"runs.filter" = "f9"\n"runs.nothing" = "x"\n')
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.settings.problems and "runs.nothing" in app.settings.problems[0]
        await until(pilot, lambda: "f9 filter" in footer(app))
        await pilot.press("slash")
        assert not app.screen.query_one("#filter", Input).has_focus
        await pilot.press("f9")
        assert app.screen.query_one("#filter", Input).has_focus


async def test_a_theme_is_remembered(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test() as pilot:
        app.theme = "factory-light"
        await pilot.pause()
    assert app_on(workspace).theme == "factory-light"
    (workspace / "factory.toml").write_text('[screen]\ntheme = "factory-contrast"\n')
    assert app_on(workspace).theme == "factory-contrast"
    (workspace / "factory.toml").write_text('[screen]\ntheme = "factory-dusk"\n')
    assert app_on(workspace).theme == "factory"


async def test_the_palette_finds_runs(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test() as pilot:
        provider = RunProvider(app.screen)
        hits = [hit async for hit in provider.search("11-20-x")]
        assert len(hits) == 1
        hits[0].command()
        await until(pilot, lambda: app.screen.query("#signs"))
        assert getattr(app.screen, "ROOM", "") == "live"
        assert [hit async for hit in provider.search("qqqq")] == []


async def test_ctrl_z_suspends(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(FactoryApp, "action_suspend_process", lambda self: asked.append(True))
    app = app_on(workspace)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+z")
        assert asked == [True]


async def test_the_footer_has_no_key_that_does_something_else_here(workspace: Path) -> None:
    app = app_on(workspace, start="live", run_id=RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "C cancel" in footer(app))
        assert not footer(app).startswith("/ search"), "that is the log pane's, without the focus"
        await pilot.press("m", "slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await until(pilot, lambda: "C cancel" not in footer(app))
        assert "y copy" not in footer(app), "what a field calls copy is not the log's y"
        assert "/ filter" not in footer(app), "it would be typed"
        assert "esc back" in footer(app)


async def test_decide_says_the_users_own_keys_where_it_names_them(tmp_path: Path) -> None:
    run = "2026-11-20-drone-router-2"
    make_run(tmp_path, run)
    (tmp_path / "factory.toml").write_text(
        '[keys]\n"decide.choose-ship" = "f7"\n"decide.write" = "f6"\n"live.a" = "b"\n'
        '"live.c" = "d"\n"live.e" = "f"\n'
    )
    app = app_on(tmp_path, "decide", run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        assert "f7  ship" in texts(app) and " p  park" in texts(app)
        assert len(app._notifications) == 1  # one note, however much is wrong
        assert "And 1 more" in next(iter(app._notifications)).message
        await pilot.press("f7")
        await until(pilot, lambda: "f6  see the record" in texts(app))


def test_what_the_system_refuses_is_said_with_a_way_out() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/w/runs/x/.report.md.a7d")
    assert sentence_of(full) == (
        "No space left on device: /w/runs/x. Make room on that disk, then do it again."
    )
    gone = FileNotFoundError(errno.ENOENT, "No such file or directory", "/w/a")
    assert sentence_of(gone) == "No such file or directory: /w/a"
