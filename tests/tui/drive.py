"""Driving the app in tests: waiting for what a screen shows instead of for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from tui.app import FactoryApp


def app_on(workspace: Path, start: str = "runs", run_id: str | None = None) -> FactoryApp:
    return FactoryApp(workspace, start=start, run_id=run_id)


async def until(pilot: Pilot[None], holds: Callable[[], object], seconds: float = 40.0) -> None:
    """Wait until something holds; AssertionError after ``seconds``."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "what was waited for did not come"
        await asyncio.sleep(0.02)
        await pilot.pause()


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
