"""Keys that come faster than a screen can follow: each meets what the one before it left."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widgets import Input

from tests.tui.drive import app_on, until
from tests.tui.make_runs import make_workspace
from tui import keys_in_turn
from tui.keys_in_turn import KeysInTurnApp
from tui.screens.base import RoomScreen
from tui.widgets.run_table import RunTable

NAMES = {"/": "slash", ":": "colon", "?": "question_mark", "-": "minus", " ": "space"}


def hurry(app: App[None], *keys: str) -> None:
    """Send keys all at once: a text of one letter is typed, a longer one is a key's name."""
    for key in keys:
        char = key if len(key) == 1 else None
        app.post_message(events.Key(NAMES.get(key, key), char))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


async def test_a_filter_is_written_entered_and_its_run_opened_in_one_go(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.screen.query_one(RunTable).rows) == 8)
        table = app.screen.query_one(RunTable)
        hurry(app, *"/decision:reject", "enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, RoomScreen) and app.screen.ROOM == "live")
        assert app.screen_stack[0].query_one("#filter", Input).value == "decision:reject"
        assert isinstance(app.screen, RoomScreen)
        assert [row.run_id for row in table.rows] == [app.screen.run_id]


async def test_no_letter_of_a_filter_is_pressed_in_the_list(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.screen.query_one(RunTable).rows) == 8)
        hurry(app, *"/drone -D C q n t")
        field = app.screen.query_one("#filter", Input)
        await until(pilot, lambda: field.value == "drone -D C q n t")
        assert len(app.screen_stack) == 1


async def test_pasted_text_waits_for_the_key_before_it(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.screen.query_one(RunTable).rows) == 8)
        hurry(app, "/")
        app.post_message(events.Paste("target:sql"))
        hurry(app, *" x")
        field = app.screen.query_one("#filter", Input)
        await until(pilot, lambda: field.value == "target:sql x")


async def test_a_screen_that_closes_takes_no_later_key_with_it(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.screen.query_one(RunTable).rows) == 8)
        began = time.monotonic()
        hurry(app, "?", "escape", "?", "escape", *"/abc", "escape", *"?", "escape", *"/xy")
        field = app.screen.query_one("#filter", Input)
        await until(pilot, lambda: field.value == "xy")
        assert len(app.screen_stack) == 1
        assert time.monotonic() - began < 20, "each wait ran into its limit"


class Hangs(KeysInTurnApp):
    """Its line does not come back from a key before it is let go."""

    def __init__(self) -> None:
        super().__init__([])
        self.let_go = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield Stuck()


class Second(Screen[None]):
    def compose(self) -> ComposeResult:
        yield Stuck()


class Stuck(Input):
    async def on_key(self) -> None:
        assert isinstance(self.app, Hangs)
        await self.app.let_go.wait()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were handed on, as they are."""
    keys: list[str] = []
    hand_on = KeysInTurnApp._hand_on

    async def listened(self: KeysInTurnApp, event: events.Event) -> None:
        keys.append(event.key if isinstance(event, events.Key) else "")
        await hand_on(self, event)

    monkeypatch.setattr(KeysInTurnApp, "_hand_on", listened)
    return keys


async def hears(heard: list[str], keys: list[str]) -> None:
    """Wait until these were handed on. Not with a pilot, which waits for what hangs."""
    end = time.monotonic() + 40
    while heard != keys:
        assert time.monotonic() < end, heard
        await asyncio.sleep(0.02)


async def test_what_hangs_does_not_make_the_app_deaf(
    heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_in_turn, "PATIENCE_S", 0.2)
    app = Hangs()
    async with app.run_test():
        hurry(app, "a", "b", "c")
        await hears(heard, ["a", "b", "c"])
        app.let_go.set()


async def test_what_closes_in_the_middle_of_a_key_is_waited_for_no_longer(
    heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_in_turn, "PATIENCE_S", 600)
    app = Hangs()
    async with app.run_test():
        await app.push_screen(Second())
        hurry(app, "a", "b")
        await hears(heard, ["a"])
        app.pop_screen()
        await asyncio.sleep(0.2)  # by now it takes no more messages, and is still at the first
        app.let_go.set()
        await hears(heard, ["a", "b"])
