"""Two screens on one run: what one does both show, and a folder that goes away is said by both."""

from __future__ import annotations

import time
from pathlib import Path

from textual.pilot import Pilot

from engine.records.status import Phase
from engine.supervise.launch import wait_ended
from tests.engine.supervise.kit import Lab, events, status, until
from tui.app import FactoryApp
from tui.widgets.confirm import Confirm

SLOW = "for i in range(100000):\n    metric(i, loss=1.0); time.sleep(0.02)"


async def shown(pilot: Pilot[None], needle: str, timeout_s: float = 60.0) -> None:
    """Wait until a screen's text holds this."""
    until_ = time.monotonic() + timeout_s
    while True:
        await pilot.pause(0.05)
        text = "\n".join(one.text for one in pilot.app.screen._compositor.render_strips())
        if needle in text:
            return
        assert time.monotonic() < until_, f"{needle!r} not in:\n{text}"


def screen_on(lab: Lab, run: Path) -> FactoryApp:
    return FactoryApp(lab.path, start="live", run_id=run.name)


async def test_two_screens_cancel_one_run_and_both_show_it(lab: Lab) -> None:
    run = lab.run(lab.stage("slow", SLOW, enters=Phase.TRAINING))
    supervisor = lab.launch(run)
    until(lambda: events(run, "metric"))
    one, two = screen_on(lab, run), screen_on(lab, run)
    async with one.run_test(size=(120, 40)) as first, two.run_test(size=(120, 40)) as second:
        for pilot in (first, second):
            await shown(pilot, "▶ training")
            await pilot.press("C")
            assert isinstance(pilot.app.screen, Confirm)
        await first.press("y")
        await second.press("y")
        for pilot in (first, second):
            await shown(pilot, "■ cancelled")
            await pilot.app.workers.wait_for_complete()
    assert wait_ended(supervisor, 60)
    assert status(run).phase is Phase.CANCELLED
    assert [event["to_phase"] for event in events(run, "phase")] == ["training", "cancelled"]


async def test_a_screen_says_that_its_run_s_folder_is_gone(lab: Lab) -> None:
    run = lab.run(lab.stage("slow", SLOW, enters=Phase.TRAINING))
    supervisor = lab.launch(run)
    until(lambda: events(run, "metric"))
    app = screen_on(lab, run)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "▶ training")
        run.rename(run.with_name("2026-01-01-elsewhere"))
        await shown(pilot, "not there any more: moved, renamed or deleted")
    assert wait_ended(supervisor, 60)
