"""Pictures of Report and New run, from records that do not change."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Markdown, MarkdownViewer

from tests.snapshots.test_home_pictures import SIZES, SnapCompare, settled
from tests.tui.drive import app_on, until
from tests.tui.make_runs import make_run
from tests.tui.test_new_run import FORGE, make_target

RUN = "2026-11-20-drone-router-2"
REPORT = f"""# {RUN}

## Decision

**ship**: It routes, and keeps the old skills within the bound that was set before.

- Decided: 2026-11-20 12:00 UTC

## Evidence / Exactness

| Record | State | Suite | Examples | Measured |
| --- | --- | --- | ---: | --- |
| eval-baseline.json | measured, with rows | router-gold, sha256 30772d74a3a0 | 180 | 2026-11-20 |
| eval-candidate.json | measured, with rows | router-gold, sha256 30772d74a3a0 | 180 | 2026-11-20 |

## Failures

| Example | Slice | Prompt | Expected | Got |
| --- | --- | --- | --- | --- |
| 3 | goto | fly to 12,83 | {{"cmd":"goto","args":{{"lat":12,"lon":83}}}} | {{"cmd":"go"}} |
"""


@pytest.mark.parametrize("size", SIZES, ids=["small", "usual"])
def test_report_picture(snap_compare: SnapCompare, tmp_path: Path, size: tuple[int, int]) -> None:
    (make_run(tmp_path, RUN) / "report.md").write_text(REPORT)
    app = app_on(tmp_path, "report", RUN)

    async def wait(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: any(one.display for one in app.screen.query(MarkdownViewer)))
        await until(pilot, lambda: "Failures" in app.screen.query_one(Markdown).source)
        await pilot.pause(0.5)

    assert snap_compare(app, terminal_size=size, run_before=wait)


@pytest.mark.parametrize("size", SIZES, ids=["small", "usual"])
def test_new_run_picture(
    snap_compare: SnapCompare,
    tmp_path: Path,
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    make_target(tmp_path, forge=FORGE)
    app = app_on(tmp_path, "new_run")

    async def wait(pilot: Pilot[None]) -> None:
        await settled(app, "no training row has a gold prompt")(pilot)  # type: ignore[misc]
        await settled(app, "The same run from a shell")(pilot)  # type: ignore[misc]
        await pilot.press("tab", "down", "down")
        await settled(app, "dataset.canonical")(pilot)  # type: ignore[misc]

    assert snap_compare(app, terminal_size=size, run_before=wait)
