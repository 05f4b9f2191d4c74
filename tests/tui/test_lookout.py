"""A run that ends while nobody looks is told; the title says what runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from tui.app import FactoryApp
from tui.attention import BEL, GIVE_TITLE_BACK, KEEP_TITLE
from tui.lookout import AWAY_AFTER_S, Lookout
from tui.settings import ScreenSettings

RUN = "2026-11-20-x"


class Stage:
    """A workspace with one run that this very process drives, as far as its files say."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "runs" / RUN
        self.run.mkdir(parents=True)
        (path / ".factory" / "queue").mkdir(parents=True)
        self.status("training")
        self.me = {"pid": os.getpid(), "started": psutil.Process().create_time()}
        self.hold(RUN)

    def hold(self, run: str) -> None:
        lock = {"run_id": run, "run_dir": str(self.run), "asked": "2026-11-20T10:00:00Z"}
        (self.path / ".factory" / "accelerator.lock").write_text(json.dumps(lock))

    def status(self, phase: str, **more: object) -> None:
        me = psutil.Process()
        record = {
            "phase": phase,
            "revision": 1,
            "supervisor": {"pid": me.pid, "started": me.create_time()},
            **more,
        }
        if phase in ("failed", "cancelled", "evaluated"):
            record["supervisor"] = None
        (self.run / "run-status.json").write_text(json.dumps(record))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def lookout(stage: Stage, settings: ScreenSettings) -> tuple[Lookout, list[str], list[str]]:
    written: list[str] = []
    told: list[str] = []
    return (
        Lookout(stage.path, settings, written.append, lambda t, well: told.append(t)),
        written,
        told,
    )


def test_the_title_changes_only_when_there_is_something_new(stage: Stage) -> None:
    one, written, _ = lookout(stage, ScreenSettings())
    for _ in range(3):
        one.say(one.look())
    assert len(written) == 1 and f"▶ {RUN}" in written[0]


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("evaluated", "is through its plan"),
        ("failed", "failed: no space left"),
        ("cancelled", "was"),
    ],
)
def test_an_end_is_told_once_and_calls_only_who_is_away(
    stage: Stage, phase: str, said: str
) -> None:
    one, written, told = lookout(stage, ScreenSettings(title=False, notify="bell"))
    one.focus_moved(False)
    one.say(one.look())
    stage.status(phase, last_error={"code": "disk-full", "message": "no space left"})
    one.say(one.look())
    one.say(one.look())
    assert len(told) == 1 and told[0].startswith(f"{RUN} {said}")
    assert written == [BEL]


def test_nobody_is_called_who_is_there(stage: Stage) -> None:
    one, written, told = lookout(stage, ScreenSettings(title=False, notify="bell"))
    one.focus_moved(True)
    one.say(one.look())
    stage.status("evaluated")
    one.say(one.look())
    assert told and not written


def test_a_terminal_that_says_nothing_counts_as_left_after_a_while(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("tui.lookout.monotonic", lambda: now[0])
    one, _, _ = lookout(stage, ScreenSettings())
    assert not one.away
    now[0] += AWAY_AFTER_S + 1
    assert one.away
    one.key_pressed()
    assert not one.away


def test_a_hostile_ticket_is_passed_over(stage: Stage) -> None:
    stage.hold("../../etc")
    (stage.path / ".factory" / "queue" / "000000001-x.json").write_text("[1, 2")
    one, _, _ = lookout(stage, ScreenSettings())
    assert one.look().running == []


def test_the_shell_has_its_title_while_the_screen_is_suspended(stage: Stage) -> None:
    one, written, _ = lookout(stage, ScreenSettings())
    one.say(one.look())
    title = written[-1]
    one.suspended()
    assert written[-1] == GIVE_TITLE_BACK
    one.resumed()
    assert written[-2:] == [KEEP_TITLE, title]


async def test_suspending_the_app_gives_the_title_back(stage: Stage) -> None:
    app = FactoryApp(stage.path)
    written: list[str] = []
    async with app.run_test(size=(80, 24)):
        app.lookout._write = written.append
        app.app_suspend_signal.publish(app)
        assert GIVE_TITLE_BACK in written
        app.app_resume_signal.publish(app)
        assert KEEP_TITLE in written
