"""Driving the app in tests: waiting for what a screen shows instead of for a time."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures.thread import _WorkItem
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import pytest
from textual.app import App
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker

from tui.app import FactoryApp

ScreenT = TypeVar("ScreenT", bound=Screen[Any])


def app_on(workspace: Path, start: str = "runs", run_id: str | None = None) -> FactoryApp:
    return FactoryApp(workspace, start=start, run_id=run_id)


async def until(pilot: Pilot[None], holds: Callable[[], object], seconds: float = 40.0) -> None:
    """Wait until something holds; AssertionError after ``seconds``."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "what was waited for did not come"
        await asyncio.sleep(0.02)
        await pilot.pause()


async def at(pilot: Pilot[None], kind: type[ScreenT]) -> ScreenT:
    """Wait until a screen of this kind is in front; that screen."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    screen = pilot.app.screen
    assert isinstance(screen, kind)
    return screen


async def stands(pilot: Pilot[None], widget: Widget) -> Region:
    """Wait until a widget is laid out and stays where it is; where that is."""
    seen: list[Region] = []
    while not (len(seen) >= 5 and seen[-1].area and len(set(seen[-5:])) == 1):
        assert len(seen) < 500, "it does not come to stand"
        await asyncio.sleep(0.03)
        await pilot.pause()
        seen.append(widget.region)
    return seen[-1]


def texts(app: FactoryApp) -> str:
    """All that the widgets of the front screen that hold a text say."""
    return "\n".join(
        str(widget.content) for widget in app.screen.query(Static).results() if widget.display
    )


async def write(pilot: Pilot[None], text: str) -> None:
    """Type a text."""
    names = {" ": "space", ".": "full_stop", ":": "colon", "-": "minus", "_": "underscore"}
    await pilot.press(*(names.get(char, char) for char in text))


def said(app: FactoryApp) -> str:
    """All that was said in passing."""
    return "\n".join(one.message for one in app._notifications)


class Held:
    """A function whose thread is held the first time, with what it found, until ``let_go``.

    ``at`` is the call that is held, counted from the moment that this is made.
    """

    def __init__(self, patch: pytest.MonkeyPatch, owner: object, name: str, *, at: int = 1) -> None:
        self.calls = 0
        self._begun, self._may_end = Event(), Event()
        self._thread = 0
        found_by = getattr(owner, name)

        def held(*values: Any, **named: Any) -> Any:
            self.calls += 1
            holds = self.calls == at
            found = found_by(*values, **named)
            if holds:
                self._thread = threading.get_ident()
                self._begun.set()
                assert self._may_end.wait(60)
            return found

        patch.setattr(owner, name, held)

    @property
    def begun(self) -> bool:
        """Whether the thread has found what it finds and is held."""
        return self._begun.is_set()

    def end(self) -> None:
        """Let the thread go on."""
        self._may_end.set()

    async def let_go(self, pilot: Pilot[None]) -> None:
        """Let the thread end, and all that it sends arrive."""
        self.end()
        # Textual forgets a worker that was superseded; its thread is at work all the same.
        await until(pilot, lambda: not _is_at_work(self._thread))
        await until(pilot, lambda: not any(one.is_running for one in _quick(pilot.app)))
        await pilot.pause()


def _is_at_work(thread: int) -> bool:
    """Whether a thread of a pool has a task, and does not wait for its next one."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code is _WorkItem.run.__code__:
            return True
        frame = frame.f_back
    return False


def _quick(app: App[Any]) -> list[Worker[Any]]:
    """The workers that end by themselves."""
    return [one for one in app.workers if one.group != "watch"]
