"""What a frame of Live costs: no layout of the screen for new numbers, nothing where none came."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.screen import Screen
from textual.widgets import Static

from tests.tui.drive import until
from tests.tui.fake_run import FakeRun
from tui.app import FactoryApp
from tui.screens.live import LiveScreen

RUN = "2026-11-20-drone-router-3"


@pytest.mark.parametrize("size", [(120, 40), (200, 60)])
async def test_new_numbers_lay_out_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    run = FakeRun(tmp_path / "runs" / RUN)
    run.tell("train", steps=190)
    run.status("training")
    app = FactoryApp(tmp_path, start="live", run_id=RUN)
    laid_out: list[object] = []
    lay_out = Screen._refresh_layout

    def counted(screen: Screen[object], *arguments: object, **more: object) -> None:
        laid_out.append(screen)
        lay_out(screen, *arguments, **more)  # type: ignore[arg-type]

    async with app.run_test(size=size) as pilot:
        live = app.screen
        assert isinstance(live, LiveScreen)
        for step in range(300, 312):
            values = {"loss": 0.1, "tok_s": 2000.0 + step, "it_s": 24.0, "learning_rate": 1e-3}
            run.event({"kind": "metric", "step": step, "values": values, "stage": "train"}, 9e4)
            await until(
                pilot,
                lambda step=step: (
                    (stage := live.feed.projection.stages.get("train")) is not None
                    and stage.step == step
                    and f"{2000 + step:,}" in str(live.query_one("#numbers", Static).content)
                ),
            )
            if step == 303:  # everything has its place by now
                monkeypatch.setattr(Screen, "_refresh_layout", counted)
    assert len(laid_out) <= 1, "eight frames; one may have made room for a wider number"


async def test_a_line_that_says_the_same_is_not_painted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = FakeRun(tmp_path / "runs" / RUN)
    run.tell("train", steps=50)
    run.status("failed", alive=None)
    app = FactoryApp(tmp_path, start="live", run_id=RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        live = app.screen
        assert isinstance(live, LiveScreen)
        await until(pilot, lambda: "loss" in str(live.query_one("#numbers", Static).content))
        await until(pilot, lambda: not live.feed.behind)
        live._draw()
        updated: list[str | None] = []
        monkeypatch.setattr(Static, "update", lambda self, *_, **__: updated.append(self.id))
        for _ in range(3):
            live._draw()
        assert updated == []
