"""Artifacts, driven by keys on real folders."""

from __future__ import annotations

import shutil
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from tests.engine import folders
from tests.shared import made_once
from tests.tui.drive import app_on, until, write
from tests.tui.test_artifacts_views import _make
from tui.app import FactoryApp
from tui.screens.artifacts import ArtifactsScreen
from tui.screens.artifacts_make import AT
from tui.screens.ask_text import AskText
from tui.screens.base import RoomScreen
from tui.screens.pick import Pick
from tui.widgets.confirm import Confirm
from tui.widgets.entry_list import EntryList
from tui.widgets.state_toggles import StateToggles

SQL = "artifacts/qwen06-sql-routed-v1.yaml"
EDITOR = "import sys; open(sys.argv[-1], 'a').write('# edited ' + sys.argv[1] + '\\n')"


@pytest.fixture
def workspace(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "artifacts-screen", _make)
    return Path(shutil.copytree(made, tmp_path / "own"))


@asynccontextmanager
async def reading(
    workspace: Path, size: tuple[int, int] = (120, 40), at: str | None = SQL
) -> AsyncIterator[tuple[FactoryApp, Pilot[None], ArtifactsScreen]]:
    app = app_on(workspace, "artifacts")
    if at:
        app.remembered.put(AT, at)
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, ArtifactsScreen)
        await until(pilot, lambda: screen.artifacts.whole)
        await pilot.pause()
        yield app, pilot, screen


def drawn(screen: ArtifactsScreen, selector: str) -> str:
    widget = screen.query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def said(app: FactoryApp) -> str:
    return "\n".join(one.message for one in app._notifications)


def current(screen: ArtifactsScreen) -> str | None:
    return screen.query_one("#list", EntryList).current


async def front(pilot: Pilot[None], kind: type) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=str)
async def test_list_page_and_findings(workspace: Path, size: tuple[int, int]) -> None:
    async with reading(workspace, size, at=None) as (_app, pilot, screen):
        assert current(screen) == screen.artifacts.checked[0].entry.name
        while current(screen) != SQL:
            await pilot.press("down")
        await until(pilot, lambda: "Routed SQL specialist" in drawn(screen, "#page"))
        assert "›◐" in drawn(screen, "#list")
        await pilot.press("enter", "pagedown")
        assert screen.query_one("#page").has_focus
        assert screen.query_one("#page").scroll_offset.y > 0
        assert "›◐" in drawn(screen, "#list"), "its cursor is seen from the page too"
        await pilot.press("f")
        assert screen.query_one("#findings").has_focus
        assert "direct-prompt" in drawn(screen, "#findings")
        await pilot.press("escape", "tab")
        assert screen.query_one("#page").has_focus or screen.query_one("#list").has_focus
        await pilot.press("shift+tab")
        assert "⚠" in drawn(screen, "#list")


async def test_filter_and_states(workspace: Path) -> None:
    async with reading(workspace) as (app, pilot, screen):
        await pilot.press("slash")
        await write(pilot, "playg")
        await until(pilot, lambda: current(screen) == "artifacts/browser-playground.yaml")
        await pilot.press("down")
        assert screen.query_one("#list").has_focus
        await pilot.press("escape")
        assert screen.query_one(Input).value == "" and len(screen._shown) == 5
        for key in "123456":
            await pilot.press(key)
        assert not screen._shown and "fits the filter" in drawn(screen, "#list")
        assert screen.current is None
        await pilot.press("e", "s", "o", "y")
        assert "no artifact here to edit" in said(app) and "whose state" in said(app)
        await pilot.press("escape")
        await until(pilot, lambda: len(screen._shown) == 5)
        toggles = screen.query_one(StateToggles)
        at = "".join(text for text, _ in toggles._make(toggles.size.width)).index("parked")
        await pilot.click(StateToggles, offset=(at, 0))
        await until(pilot, lambda: len(screen._shown) == 4)


async def test_a_finding_opens_its_line_and_a_save_is_checked_again(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vim = tmp_path / "vim"
    vim.write_text(f"#!{sys.executable}\n{EDITOR}\n")
    vim.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(vim))
    async with reading(workspace) as (app, pilot, screen):
        monkeypatch.setattr(app, "suspend", _nothing)
        await pilot.press("f", "down", "enter")
        file = workspace / SQL
        finding = screen._findings[1]
        assert finding.line > 1 and file.read_text().endswith(f"# edited +{finding.line}\n")
        await pilot.press("escape", "e")
        assert file.read_text().endswith("# edited +1\n")
        # Saved from elsewhere: the findings follow by themselves.
        file.write_text("id: [\n")
        await until(pilot, lambda: "cannot be read" in drawn(screen, "#list"))
        assert "It is not YAML" in drawn(screen, "#page") and current(screen) == SQL


def _nothing() -> object:
    from contextlib import nullcontext

    return nullcontext()


async def test_its_run_its_path_and_its_records_again(workspace: Path) -> None:
    async with reading(workspace, at="artifacts/router.yaml") as (app, pilot, screen):
        await pilot.press("y")
        assert app.clipboard == str(workspace / "artifacts" / "router.yaml")
        for one in (workspace / "runs").glob("*/eval-candidate.json"):
            folders.put(one, "/score", 0.25)
        await pilot.press("c")
        await until(pilot, lambda: "5 artifacts checked" in said(app))
        assert "errors" in said(app) and "✘" in drawn(screen, "#list")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, RoomScreen) and app.screen.ROOM == "live")


async def test_new_from_a_run_and_from_a_form(workspace: Path) -> None:
    async with reading(workspace) as (app, pilot, screen):
        await pilot.press("n")
        await front(pilot, Pick)
        assert app.screen.query_one(OptionList).option_count == 2
        await pilot.press("enter")
        await front(pilot, AskText)
        assert app.screen.query_one(Input).value == "router-2", "router is there already"
        await pilot.press("enter")
        await until(pilot, lambda: current(screen) == "artifacts/router-2.yaml")
        assert "Made from the run" in (workspace / "artifacts" / "router-2.yaml").read_text()
        await pilot.press("N")
        await front(pilot, AskText)
        await write(pilot, "router")
        await pilot.press("enter")
        assert isinstance(app.screen, AskText), "it is there already, so it is asked again"
        await write(pilot, "-form")
        await pilot.press("enter")
        await until(pilot, lambda: current(screen) == "artifacts/router-form.yaml")
        await pilot.press("p")
        await front(pilot, AskText)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen and screen.artifacts.whole)
        assert current(screen) == "artifacts/router-form.yaml", "a dialog moves no cursor"


async def test_only_states_that_may_follow_are_offered(workspace: Path) -> None:
    async with reading(workspace) as (app, pilot, screen):
        await pilot.press("s")
        await front(pilot, Pick)
        assert app.screen.query_one(OptionList).option_count == 4
        await write(pilot, "park")
        await pilot.press("enter")
        await until(pilot, lambda: "state: parked\n" in (workspace / SQL).read_text())
        await until(pilot, lambda: "○ parked  2" in drawn(screen, "#list"))
        assert current(screen) == SQL


async def test_preview_is_served_follows_saves_and_ends(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    opened: list[str] = []
    async with reading(workspace) as (app, pilot, screen):
        monkeypatch.setattr(app, "open_url", opened.append)
        await pilot.press("b")
        await until(pilot, lambda: opened)
        url = opened[0]
        assert url.startswith("http://127.0.0.1:") and url in said(app)
        assert url in drawn(screen, "TopBar")
        address = f"{url}artifacts/qwen06-sql-routed-v1.html"

        def served() -> str:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return str(answer.read().decode())

        assert "Routed SQL specialist on a 0.6B base" in served()
        file = workspace / SQL
        file.write_text(file.read_text().replace("title: Routed SQL", "title: Rerouted SQL"))
        await until(pilot, lambda: "Rerouted SQL" in drawn(screen, "#page"))
        await until(pilot, lambda: screen.factory.site_preview.url and not screen._reading)
        assert "Rerouted SQL specialist" in served()
        await pilot.press("b")
        await until(pilot, lambda: app.site_preview.url is None)
        with pytest.raises(OSError):
            served()
        await pilot.press("b")
        await until(pilot, lambda: len(opened) == 2)
    assert app.site_preview.url is None, "it ends with the app"


async def test_publish_asks_where_remembers_it_and_says_what_changed(
    workspace: Path, tmp_path: Path
) -> None:
    async with reading(workspace) as (app, pilot, _screen):
        for answer, words in ((str(tmp_path / "out"), "first time"), (None, "none of them")):
            await pilot.press("p")
            await front(pilot, AskText)
            entry = app.screen.query_one(Input)
            if answer:
                assert entry.value == str(workspace / "site")
                entry.value = answer
            else:
                assert entry.value == str(tmp_path / "out")
            await pilot.press("enter")
            await until(pilot, lambda words=words: words in said(app))  # type: ignore[misc]
        assert (tmp_path / "out" / "index.html").is_file()
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs" / "thesis.txt").write_text("mine")
        await pilot.press("p")
        await front(pilot, AskText)
        app.screen.query_one(Input).value = str(tmp_path / "theirs")
        await pilot.press("enter")
        await until(pilot, lambda: "was not made by this command" in said(app))
        assert [one.name for one in (tmp_path / "theirs").iterdir()] == ["thesis.txt"]


async def test_an_empty_workspace_says_how_to_begin(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    async with reading(tmp_path, at="artifacts/gone.yaml") as (app, pilot, screen):
        assert "n makes one of a decided run" in drawn(screen, "#list")
        await pilot.press("n")
        await until(pilot, lambda: "No run is decided yet" in said(app))


async def test_runs_leads_there_and_makes_artifact_and_package(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        table = app.screen.query_one("#table")
        await until(pilot, lambda: getattr(table, "current", None) is not None)
        while table.current.run_id != folders.RUN_ID:  # type: ignore[attr-defined]
            await pilot.press("down")
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: "specialists/router is made" in said(app))
        await pilot.press("p")
        await front(pilot, AskText)
        await pilot.press("enter")
        await front(pilot, ArtifactsScreen)
        screen = app.screen
        assert isinstance(screen, ArtifactsScreen)
        await until(pilot, lambda: current(screen) == "artifacts/router-2.yaml")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ArtifactsScreen))
        await pilot.press("A")
        await front(pilot, ArtifactsScreen)


async def test_decide_makes_artifact_and_package_of_what_was_shipped(workspace: Path) -> None:
    app = app_on(workspace, "decide", folders.RUN_ID)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("P")
        await front(pilot, Confirm)
        await pilot.press("n", "a")
        await front(pilot, AskText)
        await pilot.press("enter")
        await until(pilot, lambda: (workspace / "artifacts" / "router-2.yaml").exists())
        await front(pilot, ArtifactsScreen)


async def test_a_run_that_is_not_decided_gives_neither(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, phase="evaluated")
    app = app_on(tmp_path, "decide", run.name)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "is not decided, so there is nothing to tell yet" in said(app))
        await pilot.press("P")
        await until(pilot, lambda: said(app).count("is not decided") == 2)
    assert not (tmp_path / "artifacts").exists() and not (tmp_path / "specialists").exists()
