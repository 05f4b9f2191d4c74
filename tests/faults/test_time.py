"""A clock that is set back, a machine that sleeps, a process number that is used again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import folder as folder_module
from engine.catalogue.summary import summarise
from engine.checks import check_folder
from engine.cli.showing import describe
from engine.folder import RunFolder
from engine.live.projection import RunProjection
from engine.live.signs import SignBook
from engine.processes import identify, is_alive
from engine.records.base import utc_now
from engine.records.status import Phase, ProcessId, RunStatus, StageState, StageStatus
from engine.supervise import awake as awake_clock
from engine.supervise import supervisor as supervisor_module
from engine.supervise.launch import cancel, liveness, wait_ended
from engine.supervise.resume import prepare_resume
from engine.supervise.supervisor import Supervisor
from tests.engine.supervise.kit import Lab, assert_unbroken, events, messages, status, until


async def test_a_clock_that_is_set_back_makes_nothing_negative(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour back, as soon as the child has spoken: events, status and who reads them."""
    code = """
    for i in range(1, 40):
        metric(i, loss=1.0 / i); emit(kind="progress", done=i, total=40); time.sleep(0.01)
    """
    run = lab.run(lab.stage("train", code, enters=Phase.TRAINING, leaves=Phase.TRAINED))

    def now() -> datetime:
        log = run / "events.jsonl"
        back = log.exists() and log.stat().st_size > 2500
        return utc_now() - timedelta(hours=1 if back else 0)

    monkeypatch.setattr(folder_module, "utc_now", now)
    monkeypatch.setattr(supervisor_module, "utc_now", now)
    assert await Supervisor(run).run() == 0
    monkeypatch.undo()
    told = events(run)
    times = [event["t"] for event in told]
    assert times != sorted(times), "the clock was not set back in the middle"
    assert_unbroken(run)
    (end,) = events(run, "stage-end")
    assert 0 < end["duration_s"] < 60
    view, book = RunProjection(), SignBook()
    last = datetime.fromisoformat(told[-1]["t"]).timestamp()
    for number, event in enumerate(told):
        view.apply(event)
        stage = view.running
        for clock in (last, last + 3600):
            left = None if stage is None else stage.seconds_left(clock)
            assert left is None or left >= 0, (number, left)
            assert not [sign for sign in book.tell(view, now=clock) if "-" in sign.text.split()[0]]
    assert (summarise(run).duration_s or 0.0) >= 0
    shown = describe(run).as_text()
    assert run.name in shown
    assert not [one for one in check_folder(run) if one.file == "events.jsonl"], check_folder(run)


def test_a_machine_that_sleeps_ends_no_stage_and_says_so_once(lab: Lab, tmp_path: Path) -> None:
    """SIGSTOP of supervisor and child for longer than both limits: seconds stand for minutes."""
    awake = tmp_path / "awake"
    code = f"""
    metric(1, loss=1.0)
    while not os.path.exists({str(awake)!r}): time.sleep(0.02)
    metric(2, loss=0.5)
    """
    run = lab.run(lab.stage("train", code, timeout_s=5.0, silence_s=5.0))
    supervisor = lab.launch(run)
    child = until(lambda: events(run, "metric") and status(run).child)
    for process in (supervisor, child):
        os.kill(process.pid, signal.SIGSTOP)
    time.sleep(5.3)
    # It is asleep, not dead: nobody may take its run away.
    assert liveness(status(run)) == "running" and summarise(run).liveness == "running"
    for process in (supervisor, child):
        os.kill(process.pid, signal.SIGCONT)
    until(lambda: messages(run, "slept"))
    awake.touch()
    assert wait_ended(supervisor, 60)
    assert status(run).stages["train"].state is StageState.DONE
    assert [one["step"] for one in events(run, "metric")] == [1, 2]
    assert len(messages(run, "slept")) == 1
    assert messages(run, "silence") == [] and messages(run, "time-limit") == []
    assert_unbroken(run)


@pytest.fixture
def stranger() -> Iterator[ProcessId]:
    """A process that has nothing to do with us."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    found = identify(process.pid)
    assert found is not None
    yield found
    process.kill()
    process.wait()


@pytest.mark.parametrize("ticks", [True, False], ids=["with-ticks", "start-time-alone"])
def test_a_number_that_is_used_again_is_neither_believed_nor_stopped(
    lab: Lab, stranger: ProcessId, ticks: bool
) -> None:
    """After a reboot: supervisor and child of the status have the number of a stranger."""

    def was(process: ProcessId) -> dict[str, Any]:
        plain = process.model_dump()
        if ticks:
            return {**plain, "ticks": plain.get("ticks", 100) - 50, "started": process.started}
        known = {name: plain[name] for name in ("pid", "host") if name in plain}
        return {**known, "started": process.started - 500}

    def left(name: str) -> Path:
        run = lab.run(lab.stage("train", "print(1)"), run_id=name)

        def change(one: RunStatus) -> None:
            one.supervisor = one.child = ProcessId.model_validate(was(stranger))
            one.stage = "train"
            one.stages["train"] = StageStatus(
                state=StageState.RUNNING, started=utc_now(), attempts=1
            )

        RunFolder(run).move(0, change)
        return run

    one, two = left("cancelled"), left("resumed")
    for run in (one, two):
        assert liveness(status(run)) == "dead" and summarise(run).liveness == "dead"
    assert cancel(one).phase is Phase.CANCELLED
    assert lab.finish(prepare_resume(two)).stages["train"].state is StageState.DONE
    assert messages(two, "orphan") == []
    assert is_alive(stranger), "a stranger was stopped"


async def test_a_machine_that_slept_is_told_of_though_no_clock_of_ours_went_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a machine sleeps, Python's monotonic clock stands still."""
    asleep = iter([100.0, 100.0 + 3600.0, 5000.0, 5000.0])
    monkeypatch.setattr(awake_clock, "_with_sleep", lambda: next(asleep))
    clock = awake_clock.WakingClock()
    before = clock.now()
    assert await clock.sleep(0.01) == pytest.approx(3600.0, abs=0.1)
    assert clock.now() - before < 2.0, "and none of it is taken off a second time"
    assert await clock.sleep(0.01) == 0.0


def test_the_clock_that_counts_sleep_goes_on() -> None:
    before = awake_clock._with_sleep()
    time.sleep(0.02)
    assert 0.01 < awake_clock._with_sleep() - before < 5.0
