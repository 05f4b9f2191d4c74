"""What an app in this process paints when, and how late its event loop comes meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from textual import events
from textual.app import App
from textual.keys import _character_to_key

PATIENCE_S = 120.0


@dataclass
class Measured:
    """What was measured of one of the two, in seconds."""

    opened: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    """Processor time up to the same moments."""
    keys: list[float] = field(default_factory=list)
    scroll_lag: float = 0.0
    idle: float | None = None

    @property
    def p95(self) -> float:
        return sorted(self.keys)[int(0.95 * (len(self.keys) - 1))]


class Painted:
    """When an app last finished to paint."""

    def __init__(self, app: App[Any]) -> None:
        self.at = 0.0
        self._holds: Callable[[], object] | None = None
        display = app._display

        def noted(*given: Any) -> None:
            awaited = self._holds is not None and self._holds()
            display(*given)
            self.at = time.perf_counter()
            if awaited:
                self._holds = None

        app._display = noted  # type: ignore[method-assign,assignment]

    async def after(self, holds: Callable[[], object]) -> float:
        """The end of the first paint that begins when ``holds``, or of the last one where that is
        so already and nothing is painted. TimeoutError when it never comes."""
        self._holds = holds
        end = time.perf_counter() + PATIENCE_S
        held_at = 0.0
        while self._holds is not None:
            now = time.perf_counter()
            if now > end:
                raise TimeoutError("what was waited for did not come")
            held_at = held_at or (now if holds() else 0.0)
            if held_at and now - held_at > 0.25:
                break
            await asyncio.sleep(0.001)
        self._holds = None
        return self.at


@asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """Collects by how much each turn of a 2 ms timer of the event loop came too late."""
    late: list[float] = []

    async def watch() -> None:
        while True:
            asked = time.perf_counter() + 0.002
            await asyncio.sleep(0.002)
            late.append(time.perf_counter() - asked)

    task = asyncio.create_task(watch())
    try:
        yield late
    finally:
        task.cancel()


def press(app: App[Any], char: str) -> float:
    """Hand the app a key as its driver does; the moment of it."""
    named = len(char) > 1
    key = char if named else _character_to_key(char)
    at = time.perf_counter()
    app.post_message(events.Key(key, None if named else char))
    return at


async def scroll(app: App[Any], presses: int) -> float:
    """The worst lag while keys that scroll come at 30 a second, as when one is held down."""
    async with lag() as late:
        for number in range(presses):
            press(app, "pagedown" if number % 3 == 0 else "down")
            await asyncio.sleep(1 / 30)
    return max(late)
