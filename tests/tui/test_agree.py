"""All of what is agreed to can be seen, at 80×24 too; what nobody would read is refused there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from engine.supervise.gate import to_agree
from tests.engine.supervise.kit import Lab, status
from tests.tui.drive import app_on, texts, until
from tui.app import FactoryApp
from tui.widgets.agree import MOST, Agree

COMMAND = "sh -c '" + "".join(f"echo {number:04d}; " for number in range(270)) + "rm -rf /'"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    one = Lab(tmp_path / "workspace")
    yield one
    one.close()


def drawn(app: FactoryApp) -> str:
    """What stands on the screen, row by row."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


async def test_a_long_command_can_be_seen_whole(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    app = app_on(tmp_path)
    assert len(COMMAND) > 2900
    async with app.run_test(size=(80, 24)) as pilot:
        answers: list[bool | None] = []
        question = Agree("Run it?", [COMMAND], "from x.", "factory-tui run x")
        app.push_screen(question, answers.append)
        await until(pilot, lambda: "echo 0000" in drawn(app) and "all of it" in drawn(app))
        assert "rm -rf /" not in drawn(app) and "(y)" in drawn(app), "the buttons stay"
        seen = drawn(app)
        for _ in range(8):
            await pilot.press("pagedown")
            await pilot.wait_for_animation()
            seen += drawn(app)
        flat = "".join(char for char in seen if char.isalnum())
        assert all(f"echo{number:04d}" in flat for number in range(270) if number % 7)
        await until(pilot, lambda: "rm -rf /" in drawn(app) and "from x." in drawn(app))
        await pilot.press("enter")
        assert not answers, "enter agrees to nothing"
        await pilot.press("y")
        await until(pilot, lambda: answers == [True])

        long = Agree("Run it?", ["x" * (MOST + 1)], "from x.", "factory-tui run x --seed 1")
        app.push_screen(long, answers.append)
        await until(pilot, lambda: "factory-tui run x --seed 1" in drawn(app))
        assert "8,001 characters" in drawn(app)
        assert [one.id for one in app.screen.query(Button)] == ["no"]
        await pilot.press("y")
        await pilot.pause()
        assert isinstance(app.screen, Agree), "it cannot be agreed to here"
        await pilot.press("n")
        await until(pilot, lambda: answers == [True, False])


@pytest.mark.parametrize("start", ["runs", "live"])
async def test_resume_asks_in_the_screen(
    lab: Lab, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[Path] = []
    monkeypatch.setattr("engine.supervise.resume.launch", launched.append)
    run = lab.run(lab.stage("train", "pass"))
    for agreement in (lab.path / ".factory/agreed").iterdir():
        agreement.unlink()
    app = app_on(lab.path, start, run.name)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: run.name in drawn(app))
        await _resume(pilot, app)
        assert "train-1.py" in texts(app) and not launched
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, Agree))
        assert to_agree(run)
        await _resume(pilot, app)
        await pilot.press("y")
        await until(pilot, lambda: launched == [run])
    assert to_agree(run) == [] and status(run).stages["train"].attempts == 0


async def _resume(pilot: Pilot[None], app: FactoryApp) -> None:
    app.screen.action_resume()  # type: ignore[attr-defined]
    await until(pilot, lambda: isinstance(app.screen, Agree))
