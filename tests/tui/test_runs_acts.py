"""Acting on runs from the list: filters, columns, groups, tags, the trash, other rooms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

import tui.app
from engine.catalogue.summary import summarise
from engine.catalogue.trash import Trash
from engine.workspace import Workspace
from tests.tui.drive import app_on, texts, until, write
from tests.tui.make_runs import make_run, make_workspace
from tui.app import FactoryApp
from tui.remembered import Remembered
from tui.screens.ask_text import AskText
from tui.screens.runs import RunsScreen
from tui.screens.runs_columns import ColumnsDialog
from tui.screens.runs_tags import TagsDialog
from tui.screens.runs_trash import TrashDialog
from tui.views.run_index import GroupHead
from tui.widgets.completing import CompletingInput, Offers
from tui.widgets.confirm import Confirm
from tui.widgets.run_table import RunTable

FIRST = "2026-11-20-drone-router-2"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


def screen_of(app: FactoryApp) -> RunsScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, RunsScreen)
    return screen


def table(app: FactoryApp) -> RunTable:
    return screen_of(app).query_one(RunTable)


def shown(app: FactoryApp) -> list[str]:
    one = table(app)
    return [row.run_id for row in one.rows] if one.size.height or not one.rows else []


def lines(app: FactoryApp) -> list[str]:
    one = table(app)
    return [one.render_line(y).text for y in range(one.size.height)]


async def ready(pilot: Pilot[None], app: FactoryApp, count: int = 8) -> None:
    await until(pilot, lambda: len(shown(app)) == count)


async def kept(pilot: Pilot[None], workspace: Path, name: str, value: object) -> None:
    """Wait until a value is on the disk: it is written in a thread."""
    await until(pilot, lambda: Remembered(workspace).get(name, type(value)()) == value)


async def dialog(pilot: Pilot[None], app: FactoryApp, kind: type) -> None:
    await until(pilot, lambda: isinstance(app.screen, kind) and app.screen.focused)


# --- filter --------------------------------------------------------------------------


async def test_a_filter_is_completed_by_keys_and_by_mouse(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot, app)
        field = app.screen.query_one(CompletingInput)
        offers = app.screen.query_one(Offers)
        await pilot.press("slash", *"tar")
        await until(pilot, lambda: offers.display and "what is being built" in str(offers.content))
        assert len(shown(app)) == 8  # a word that is being written empties no list
        height = table(app).size.height
        await pilot.press("tab")
        await until(pilot, lambda: field.value == "target:" and "file-ops" in str(offers.content))
        assert table(app).size.height == height  # what is offered takes no room
        assert not app.screen.query_one("#filter-error").display
        await pilot.press("down", "down", "up", "enter")
        await until(pilot, lambda: field.value == f"target:{field.past or 'drone-router'}")
        await until(pilot, lambda: len(shown(app)) == 4)
        await pilot.press("space", *"dec")
        await until(pilot, lambda: field.offered and field.offered[0].text == "decision:")
        await pilot.click(Offers, offset=(3, 0))
        await until(pilot, lambda: field.value == "target:drone-router decision:")
        await write(pilot, "reject")
        await until(pilot, lambda: shown(app) == ["2026-11-19-drone-router"])
        await pilot.press("enter")
        await until(pilot, lambda: table(app).has_focus and not offers.display)


async def test_a_wrong_filter_is_explained_over_the_list_and_pushes_nothing(
    workspace: Path,
) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot, app)
        region = table(app).region
        await pilot.press("slash", *"xx score>y")
        error = app.screen.query_one("#filter-error", Static)
        await until(pilot, lambda: error.display)
        await pilot.pause()
        assert str(error.content).startswith(" " * 9 + "^\n“y” is not a value")
        field = app.screen.query_one("#filter", Input)
        field.value = "decision:ship score>y"
        await until(pilot, lambda: len(shown(app)) == 1)  # the words before the wrong one hold
        field.value = "xx score>y"
        await until(pilot, lambda: not shown(app))
        assert error.region.x == field.region.x  # so the caret lies under the y
        assert table(app).region == region or not table(app).rows


async def test_the_last_filters_come_back_with_up_also_after_a_start(workspace: Path) -> None:
    for turn in range(2):
        app = app_on(workspace)
        async with app.run_test(size=(100, 30)) as pilot:
            await ready(pilot, app)
            field = app.screen.query_one(CompletingInput)
            if turn == 0:
                for text in ("router", "score>0.9"):
                    await pilot.press("slash")
                    field.value = text
                    await pilot.press("enter", "escape")
                    await until(pilot, lambda: not field.value)  # noqa: B023
                await kept(pilot, workspace, "runs.filters", ["score>0.9", "router"])
            await pilot.press("slash", "up")
            await until(pilot, lambda: field.value == "score>0.9")  # noqa: B023
            await pilot.press("up")
            await until(pilot, lambda: field.value == "router")  # noqa: B023
            await pilot.press("down", "down")
            await until(pilot, lambda: not field.value)  # noqa: B023


async def test_escape_takes_filter_then_marks_away(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot, app)
        await pilot.press("space", "slash", *"router", "enter")
        await until(pilot, lambda: len(shown(app)) < 8)
        await pilot.press("escape")
        await ready(pilot, app)
        assert table(app).marked == {FIRST}
        await pilot.press("escape")
        assert table(app).marked == set()


# --- marks, groups, columns ------------------------------------------------------------


async def test_all_listed_are_marked_and_none(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot, app)
        await pilot.press("a")
        assert len(table(app).marked) == 8
        await until(pilot, lambda: "8 marked" in str(app.screen.query_one("TopBar").render()))
        await pilot.press("a")
        assert table(app).marked == set()
        await pilot.click(RunTable, offset=(2, 2))
        assert table(app).marked == {shown(app)[1]}


async def test_groups_open_and_close_and_are_remembered(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app)
        await pilot.press("b")
        await until(pilot, lambda: lines(app)[1].startswith("  ▾ drone-router  4 runs"))
        current = table(app).current
        assert current is not None and current.run_id == FIRST
        await pilot.press("left")
        assert table(app).head is not None
        preview = app.screen.query_one("#preview", Static)
        await until(pilot, lambda: "best   0.98" in str(preview.content))
        await pilot.press("left")
        await until(pilot, lambda: lines(app)[1].startswith("› ▸ drone-router"))
        count = len(table(app).lines)
        await pilot.press("right")
        await until(pilot, lambda: len(table(app).lines) == count + 4)
        await pilot.press("enter")
        await until(pilot, lambda: len(table(app).lines) == count)
        await kept(pilot, workspace, "runs.collapsed", ["drone-router"])
    again = app_on(workspace)
    async with again.run_test(size=(120, 40)) as pilot:
        await ready(pilot, again)
        assert len(table(again).lines) == count
        heads = [line for line in table(again).lines if isinstance(line, GroupHead)]
        assert heads[0].collapsed and not heads[1].collapsed
        await pilot.press("b")
        await until(pilot, lambda: len(table(again).lines) == 8)


async def test_columns_are_chosen_moved_shifted_reset_and_remembered(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(80, 40)) as pilot:
        await ready(pilot, app)
        usual = lines(app)[0]
        await pilot.press("w")
        await dialog(pilot, app, ColumnsDialog)
        await pilot.press("space")  # the day goes
        await pilot.press("down", "space", "J", "K")  # the name stays
        await pilot.press("end", "space", *["shift+up"] * 40)  # the last setting comes first
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen_of(app))
        chosen = table(app).columns
        assert chosen[0] == "set.schedule" and chosen[1] == "run" and "date" not in chosen
        assert "›" in lines(app)[0] and "schedule" in lines(app)[0]
        before = lines(app)[0]
        await pilot.press("greater_than_sign")
        assert lines(app)[0].startswith("‹1") and lines(app)[0] != before
        await pilot.press("less_than_sign")
        assert lines(app)[0] == before
        await pilot.press("l")
        assert lines(app)[0].startswith("‹1")
        await pilot.press("h", "o", "o")
        while table(app).order.name != "set.schedule":
            await pilot.press("o")
        assert "schedule ▾" in lines(app)[0]
        assert {one.cell_length for one in map(table(app).render_line, range(20))} == {78}
        await kept(pilot, workspace, "runs.order", ["set.schedule", False])
        await kept(pilot, workspace, "runs.columns", list(chosen))
    again = app_on(workspace)
    async with again.run_test(size=(80, 40)) as pilot:
        await ready(pilot, again)
        assert table(again).columns == chosen and table(again).order.name == "set.schedule"
        await pilot.press("w")
        await dialog(pilot, again, ColumnsDialog)
        await pilot.press("r", "enter")
        await until(pilot, lambda: again.screen is screen_of(again))
        assert table(again).columns == () and lines(again)[0].split() == [
            word for word in usual.split() if word != "▾"
        ]
        await pilot.press("w")
        await dialog(pilot, again, ColumnsDialog)
        await pilot.press("space", "escape")
        await until(pilot, lambda: again.screen is screen_of(again))
        assert table(again).columns == ()


# --- tags ----------------------------------------------------------------------------


async def test_tags_are_written_completed_filtered_by_and_undone(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app)
        await pilot.press("t")
        await dialog(pilot, app, TagsDialog)
        await write(pilot, "nightly bad,")
        await until(pilot, lambda: "adds nightly, bad" in texts(app))
        await pilot.press("backspace", "enter")
        await until(pilot, lambda: summarise(workspace / "runs" / FIRST).tags == ["nightly", "bad"])
        preview = screen_of(app).query_one("#preview", Static)
        await until(pilot, lambda: "nightly bad" in str(preview.content))
        await pilot.press("space", "space", "t")  # both, of which one has tags
        await dialog(pilot, app, TagsDialog)
        assert "Only some have: bad (1), nightly (1)." in texts(app)
        await pilot.press(*"ni", "tab")
        await until(pilot, lambda: app.screen.query_one(Input).value == "nightly")
        await pilot.press("enter")
        second = shown(app)[1]
        await until(pilot, lambda: summarise(workspace / "runs" / second).tags == ["nightly"])
        await pilot.press("escape", "slash", *"tag:nightly", "enter")
        await until(pilot, lambda: shown(app) == [FIRST, second])
        await pilot.press("u")
        await until(pilot, lambda: shown(app) == [FIRST])
        await pilot.press("u")
        await until(pilot, lambda: summarise(workspace / "runs" / FIRST).tags == [])


async def test_a_word_that_is_no_tag_is_not_taken(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app)
        await pilot.press("t")
        await dialog(pilot, app, TagsDialog)
        await pilot.press(*'a"', "enter")
        await until(pilot, lambda: "quotation mark" in texts(app))
        assert isinstance(app.screen, TagsDialog)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen_of(app))
        assert not (workspace / "runs" / FIRST / "tags.json").exists()


# --- the trash -----------------------------------------------------------------------


async def test_marked_runs_go_to_the_trash_and_come_back(workspace: Path) -> None:
    make_run(workspace, "2026-11-21-child", config={"parent_run_id": FIRST})
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app, 9)
        table(app).select(FIRST)
        await pilot.press("space", "space", "D")
        await dialog(pilot, app, Confirm)
        assert "Move 2 runs to the trash?" in texts(app)
        assert "2026-11-21-child names one of them as parent" in texts(app)
        await pilot.press("n")
        await until(pilot, lambda: app.screen is screen_of(app))
        assert len(shown(app)) == 9
        await pilot.press("delete")
        await dialog(pilot, app, Confirm)
        await pilot.press("y")
        await ready(pilot, app, 7)
        assert FIRST not in shown(app)
        await pilot.press("D")
        await dialog(pilot, app, Confirm)
        gone = table(app).current
        assert gone is not None and gone.run_id in texts(app)
        await pilot.press("y")
        await ready(pilot, app, 6)
        assert len(Trash(Workspace(workspace)).entries()) == 3
        await pilot.press("u")
        await ready(pilot, app, 7)
        assert gone.run_id in shown(app)
        await pilot.press("u")
        await ready(pilot, app, 9)
        await pilot.press("u")
        await until(
            pilot, lambda: any("Nothing to undo" in str(one.message) for one in app._notifications)
        )
        assert Trash(Workspace(workspace)).entries() == []


async def test_marked_runs_that_a_filter_hides_are_said_before_they_go(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app)
        await pilot.press("space", "slash", *"decision:ship", "enter")
        await until(pilot, lambda: len(shown(app)) == 1)
        await pilot.press("space", "D")
        await dialog(pilot, app, Confirm)
        assert "1 of them is not listed now." in texts(app)
        await pilot.press("escape")


async def test_a_run_that_runs_is_not_deleted(workspace: Path) -> None:
    import os

    from engine.identity import describe

    make_run(
        workspace,
        "2026-11-22-live",
        phase="training",
        after=None,
        status={"supervisor": describe(os.getpid()), "stage": "train"},
    )
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app, 9)
        table(app).select("2026-11-22-live")
        await pilot.press("D")
        await until(
            pilot, lambda: any("is under way" in str(one.message) for one in app._notifications)
        )
        assert app.screen is screen_of(app)


async def test_the_trash_restores_refuses_a_taken_name_and_removes_for_good(
    workspace: Path,
) -> None:
    trash = Trash(Workspace(workspace))
    now = datetime.now(UTC)
    trash.put("2026-11-16-broken", now - timedelta(days=40))
    trash.put("2026-11-18-stopped", now - timedelta(hours=3))
    trash.put(FIRST, now)
    make_run(workspace, FIRST)
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app, 6)
        await pilot.press("T")
        await dialog(pilot, app, TrashDialog)
        await until(pilot, lambda: "3 in the trash" in texts(app))
        await pilot.press("enter")
        await until(
            pilot,
            lambda: any("has that name now" in str(one.message) for one in app._notifications),
        )
        assert len(trash.entries()) == 3
        await pilot.press("down", "r")
        await until(pilot, lambda: "2 in the trash" in texts(app))
        assert (workspace / "runs" / "2026-11-18-stopped").is_dir()
        await pilot.press("home", "D")
        await dialog(pilot, app, AskText)
        await pilot.press(*"wrong", "enter")
        await until(pilot, lambda: "That is not" in texts(app))
        app.screen.query_one(Input).value = FIRST
        await pilot.press("enter")
        await until(pilot, lambda: "1 in the trash" in texts(app))
        await pilot.press("O")
        await dialog(pilot, app, Confirm)
        assert "Delete 1 run for good?" in texts(app)
        await pilot.press("y")
        await until(pilot, lambda: "The trash is empty" in texts(app))
        await pilot.press("O", "escape")
        await ready(pilot, app, 7)


# --- other rooms -----------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """The rooms that were asked for; all of them are there."""
    calls: list[tuple[str, str | None, tuple[str, ...]]] = []

    def show(
        _self: FactoryApp, name: str, run_id: str | None = None, runs: tuple[str, ...] = ()
    ) -> None:
        calls.append((name, run_id, runs))

    monkeypatch.setattr(FactoryApp, "show", show)
    for room in ("compare", "examples", "loops"):
        monkeypatch.setitem(tui.app.ROOMS, room, "nowhere:Nothing")
    return calls


async def test_marked_runs_are_compared_or_one_with_its_parent_or_the_best(
    workspace: Path, opened: list[tuple[str, str | None, tuple[str, ...]]]
) -> None:
    make_run(workspace, "2026-11-21-child", config={"parent_run_id": FIRST}, target="sql")
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app, 9)
        table(app).select("2026-11-21-child")
        await pilot.press("c")
        await until(pilot, lambda: opened)
        assert opened.pop() == ("compare", None, (FIRST, "2026-11-21-child"))
        table(app).select(FIRST)
        await pilot.press("c")
        await until(pilot, lambda: opened)
        assert opened.pop() == ("compare", None, ("2026-11-19-drone-router", FIRST))
        await pilot.press("space", "c")
        await until(pilot, lambda: opened)
        assert opened.pop() == ("compare", None, (FIRST, shown(app)[shown(app).index(FIRST) + 1]))
        await pilot.press("space", "space", "c")
        await until(pilot, lambda: opened)
        name, _, runs = opened.pop()
        assert name == "compare" and len(runs) == 3
        await pilot.press("escape")
        table(app).select("experiment-of-someone")
        await pilot.press("c")
        await until(
            pilot,
            lambda: any("Nothing to compare" in str(one.message) for one in app._notifications),
        )
        assert opened == []


async def test_examples_and_loops_have_their_keys(
    workspace: Path, opened: list[tuple[str, str | None, tuple[str, ...]]]
) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app)
        await pilot.press("e", "L")
        await until(pilot, lambda: len(opened) == 2)
        assert opened == [("examples", FIRST, ()), ("loops", None, ())]


async def test_a_room_that_is_not_there_is_a_sentence(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(tui.app.ROOMS, "loops", raising=False)
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, app)
        await pilot.press("L")
        await until(
            pilot,
            lambda: any("no screen for loops" in str(one.message) for one in app._notifications),
        )
