"""Pictures of the screens: what they look like with runs of every kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from tests.tui.drive import app_on, texts, until
from tests.tui.make_runs import NOW, make_workspace
from tui.app import FactoryApp
from tui.screens import runs
from tui.widgets.run_table import RunTable

SnapCompare = Callable[..., bool]
RUN = "2026-11-20-drone-router-2"
SIZES = [(80, 24), (120, 40)]


class Frozen(datetime):
    """A clock that stands still, so that a picture of today is one of next year as well."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return NOW


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runs, "datetime", Frozen)
    monkeypatch.setattr(runs, "_home", lambda path: "~/factory")
    return make_workspace(tmp_path)


def settled(app: FactoryApp, text: str) -> Callable[[Pilot[None]], object]:
    async def wait(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: text in texts(app))
        await pilot.pause(0.5)

    return wait


@pytest.mark.parametrize("size", SIZES, ids=["small", "usual"])
def test_runs_picture(snap_compare: SnapCompare, workspace: Path, size: tuple[int, int]) -> None:
    app: App[None] = app_on(workspace)

    async def wait(pilot: Pilot[None]) -> None:
        await until(
            pilot, lambda: any(len(table.rows) == 8 for table in app.screen.query(RunTable))
        )
        await pilot.pause(1.0)

    assert snap_compare(app, terminal_size=size, run_before=wait)


@pytest.mark.parametrize("size", SIZES, ids=["small", "usual"])
def test_decide_picture(snap_compare: SnapCompare, workspace: Path, size: tuple[int, int]) -> None:
    app = app_on(workspace, "decide", RUN)
    assert snap_compare(app, terminal_size=size, run_before=settled(app, "3 of 3 pass"))


def test_validate_picture(snap_compare: SnapCompare, workspace: Path) -> None:
    app = app_on(workspace, "validate", "2026-11-16-broken")
    assert snap_compare(app, terminal_size=(120, 40), run_before=settled(app, "cut off"))
