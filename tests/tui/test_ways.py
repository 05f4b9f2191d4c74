"""The ways from one screen to another, by their keys: r, v and d are the same everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.drive import app_on, until
from tests.tui.make_runs import make_run

RUN = "2026-11-20-drone-router-2"
WAYS = [
    (start, key, room)
    for start in ("live", "decide", "validate", "report", "examples")
    for key, room in (("d", "decide"), ("v", "validate"), ("r", "report"))
    # In Decide d is a decision: retry-data.
    if room != start and (start, key) != ("decide", "d")
]


@pytest.mark.parametrize(("start", "key", "room"), WAYS)
async def test_a_key_leads_to_its_room_and_esc_back(
    tmp_path: Path, start: str, key: str, room: str
) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, start, RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press(key)
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == room)
        assert app.screen.run_id == RUN  # type: ignore[attr-defined]
        await pilot.pause()
        await pilot.press("escape")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == start)


async def test_q_leaves(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path)
    async with app.run_test() as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert app._exit
