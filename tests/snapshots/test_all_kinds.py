"""Runs with runs of every kind: running, waiting, lost, decided, failed, undecided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from textual.pilot import Pilot

from tests.tui.drive import app_on, until
from tests.tui.make_runs import NOW, make_workspace
from tui.widgets.run_table import RunTable


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["small", "usual"])
def test_runs_of_every_kind(
    snap_compare: Callable[..., bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with time_machine.travel(NOW, tick=False):
        app = app_on(make_workspace(tmp_path / "factory"))

        async def wait(pilot: Pilot[None]) -> None:
            await until(
                pilot, lambda: any(len(table.rows) == 8 for table in app.screen.query(RunTable))
            )
            await pilot.pause(1.0)

        assert snap_compare(app, terminal_size=size, run_before=wait)
