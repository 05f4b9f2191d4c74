"""A supervisor that died: what it left computing is found, and nobody is overrun meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine.decisions.deciding import Refused, decide
from engine.processes import is_alive
from engine.records.run import Decision
from engine.records.status import Phase, ProcessId
from engine.supervise import launch as launching
from engine.supervise import supervisor as supervising
from engine.supervise.launch import LaunchError, cancel, launch
from tests.engine import folders
from tests.engine.supervise.kit import Lab, assert_unbroken, events, kill, messages, status, until

NOTHING: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
REJECT = Decision.model_validate(folders.REJECT | {"evidence_sources": ["config.json"]})
SLOW = "metric(1, loss=1.0)\ntime.sleep(600)"


@pytest.fixture
def dead(lab: Lab) -> Path:
    """A run whose supervisor died and whose child computes on."""
    run = lab.run(lab.stage("slow", SLOW))
    supervisor = lab.launch(run)
    until(lambda: events(run, "metric"))
    kill(supervisor)
    return run


def child_of(run: Path) -> ProcessId:
    child = status(run).child
    assert child is not None and is_alive(child)
    return child


def test_a_child_that_no_status_names_is_stopped_before_the_run_goes_on(
    lab: Lab, dead: Path
) -> None:
    """Killed between the child's start and the note of it."""
    old = child_of(dead)
    record = json.loads((dead / "run-status.json").read_text())
    (dead / "run-status.json").write_text(json.dumps(record | {"child": None}))
    lab.launch(dead)
    until(lambda: len(events(dead, "metric")) == 2)
    assert not is_alive(old)
    assert "had left computing had to be stopped first" in messages(dead, "orphan")[0]["text"]
    assert_unbroken(dead)


def test_what_a_dead_child_left_in_a_session_of_its_own_is_stopped(lab: Lab) -> None:
    code = """
    first = not os.path.exists("../../began")
    open("../../began", "w").close()
    left = subprocess.Popen(["sleep", "600"], start_new_session=True) if first else None
    metric(1, loss=1.0, left=left.pid if left else 0)
    time.sleep(600)
    """
    run = lab.run(lab.stage("slow", code, cwd=str(lab.path / "runs" / "2026-01-01-little")))
    supervisor = lab.launch(run)
    (event,) = until(lambda: events(run, "metric"))
    left = psutil.Process(int(event["values"]["left"]))
    child = child_of(run)
    kill(supervisor)
    kill(child)
    assert left.is_running()
    lab.launch(run)
    until(lambda: len(events(run, "metric")) == 2)
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE


def test_what_a_decided_run_left_computing_can_be_stopped(dead: Path) -> None:
    child = child_of(dead)
    assert not isinstance(decide(dead, REJECT), Refused)
    assert is_alive(child)
    assert cancel(dead).phase is Phase.DECIDED
    assert not is_alive(child)
    with pytest.raises(LaunchError, match="is decided already"):
        cancel(dead)


@pytest.mark.parametrize("plan", ["{", None])
def test_a_run_without_a_plan_can_be_cancelled(dead: Path, plan: str | None) -> None:
    child = child_of(dead)
    if plan is None:
        (dead / "plan.json").unlink()
    else:
        (dead / "plan.json").write_text(plan)
    assert cancel(dead).phase is Phase.CANCELLED
    assert not is_alive(child)


def decides_first(run: Path) -> Callable[[Path], None]:
    def instead(_: Path) -> None:
        made = decide(run, REJECT)
        assert not isinstance(made, Refused), made

    return instead


def test_a_decision_between_the_look_and_the_lock_of_a_cancel_stands(
    dead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "give_up_reserve", decides_first(dead))
    with pytest.raises(LaunchError, match="changed while it was being cancelled: it is decided"):
        cancel(dead)
    assert status(dead).phase is Phase.DECIDED
    launching.stop_orphans(dead, child_of(dead), launching.Settings().patience)


def test_a_run_that_is_decided_while_its_supervisor_begins_is_not_run(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lab.run(lab.stage("slow", SLOW))
    monkeypatch.setattr(supervising, "keep_reserve", decides_first(run))
    with pytest.raises(supervising.Refused, match="is decided, which is final"):
        asyncio.run(supervising.Supervisor(run).run())
    assert not events(run, "stage-start")
    assert status(run).phase is Phase.DECIDED


def test_a_disk_without_place_for_the_reserve_leaves_the_run_as_it_was(
    dead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (dead / "run-status.json").read_bytes()

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(supervising, "keep_reserve", full)
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(supervising.Supervisor(dead).run())
    assert (dead / "run-status.json").read_bytes() == before
    launching.stop_orphans(dead, child_of(dead), launching.Settings().patience)


def test_what_a_child_says_last_does_not_fill_the_status(lab: Lab) -> None:
    code = """
    emit(kind="message", level="error", code="x", text="y" * 3_000_000)
    sys.exit(5)
    """
    run = lab.run(lab.stage("loud", code))
    ended = lab.finish(run)
    assert ended.phase is Phase.FAILED and ended.last_error is not None
    assert ended.last_error.message.startswith("Stage loud: yyy")
    assert (run / "run-status.json").stat().st_size < 20_000
    assert len(messages(run, "x")[0]["text"]) == 3_000_000


@pytest.mark.parametrize("name", ["events.jsonl", "supervisor.log", "train.log"])
def test_nothing_is_written_through_a_link_in_a_run_of_others(
    lab: Lab, tmp_path: Path, name: str
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine\n")
    run = lab.run(lab.stage("quick", "print('theirs')"))
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(mine)
    with pytest.raises(LaunchError, match="is a link, and is not followed"):
        launch(run)
    with pytest.raises(LaunchError, match="is a link") if name == "events.jsonl" else NOTHING:
        cancel(run)
    assert mine.read_text() == "mine\n"
    (run / name).unlink()
    (run / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(LaunchError):
        launch(run)
    assert not (tmp_path / "nowhere").exists()
