"""Pictures of Live at the sizes it is made for. After a wanted change: pytest --snapshot-update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.fake_run import FakeRun
from tui.app import FactoryApp
from tui.screens.live import LiveScreen
from tui.widgets.log_pane import LogPane

RUN = "2026-11-20-drone-router-3"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FactoryApp:
    monkeypatch.setattr("tui.screens.live._machine_bytes", lambda: 16 << 30)
    run = FakeRun(tmp_path / "runs" / RUN, alive=None)
    run.tell("train", steps=190)
    run.status("training", alive=False)
    return FactoryApp(tmp_path, start="live", run_id=RUN)


async def settled(pilot: Pilot[None]) -> None:
    """Wait until all that was written is drawn."""
    screen = pilot.app.screen
    assert isinstance(screen, LiveScreen)
    for _ in range(100):
        await pilot.pause(0.05)
        log = screen.query_one(LogPane)
        if screen.feed.projection.last_seq > 0 and not screen.feed.behind and log.reader.total:
            break
    await pilot.pause(0.5)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_live(app: FactoryApp, size: tuple[int, int], snap_compare: Any) -> None:
    assert snap_compare(app, terminal_size=size, run_before=settled)


def test_live_with_a_full_log(app: FactoryApp, snap_compare: Any) -> None:
    async def press(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press("l")
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=(120, 40), run_before=press)


def test_help(app: FactoryApp, snap_compare: Any) -> None:
    async def press(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press("question_mark")
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=(120, 40), run_before=press)
