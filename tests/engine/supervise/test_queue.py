"""One accelerator: order, position, dead owners, dead tickets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engine.processes import identify, myself
from engine.records.status import Phase, ProcessId, StageState
from engine.supervise.launch import cancel, liveness, wait_ended
from engine.supervise.queue import Place, state
from tests.engine.supervise.kit import Lab, events, kill, status, until

NOBODY = ProcessId(pid=2**22 - 3, started=1.0)


def place(workspace: Path, name: str, process: ProcessId | None = None) -> Place:
    one = Place(workspace, workspace / "runs" / name, process or myself())
    one.ask()
    return one


def test_places_are_taken_in_the_order_asked(tmp_path: Path) -> None:
    first, second, third = (place(tmp_path, name) for name in ("a", "b", "c"))
    assert not second.try_take()
    assert first.try_take() and first.held
    assert [ticket.run_id for ticket in state(tmp_path).waiting] == ["b", "c"]
    assert not second.try_take()
    assert third.wait_words() == (2, "the accelerator, which a has; 1 run asked before")
    first.leave()
    assert state(tmp_path).owner is None
    assert not third.try_take()
    assert second.try_take()
    owner = state(tmp_path).owner
    assert owner is not None and owner.run_id == "b"
    second.leave()
    assert third.try_take() and third.previous is None
    third.leave()
    assert list((tmp_path / ".factory" / "queue").glob("*.json")) == []


def test_who_is_not_ready_lets_others_pass_and_keeps_the_place(tmp_path: Path) -> None:
    first = Place(tmp_path, tmp_path / "runs" / "a", myself())
    first.ask(ready=False)  # its stages up to now need none
    second, third = place(tmp_path, "b"), place(tmp_path, "c")
    assert second.wait_words() == (1, "the accelerator")
    assert second.try_take()
    assert not first.try_take() and not third.try_take()
    second.leave()
    assert not third.try_take(), "the first one is ready by now"
    assert third.wait_words()[1] == "the accelerator; 1 run asked before"
    assert first.try_take()


def test_a_dead_ticket_is_removed(tmp_path: Path) -> None:
    place(tmp_path, "dead", NOBODY)
    mine = place(tmp_path, "mine")
    assert [ticket.run_id for ticket in state(tmp_path).waiting] == ["mine"]
    assert mine.wait_words()[0] == 1
    assert mine.try_take()
    assert list((tmp_path / ".factory" / "queue").glob("*.json")) == []


def test_what_is_no_ticket_does_not_block(tmp_path: Path) -> None:
    queue = tmp_path / ".factory" / "queue"
    queue.mkdir(parents=True)
    (queue / "000000001-broken.json").write_text("{")
    (queue / "notes.json").write_text("x")
    assert place(tmp_path, "mine").try_take()


def test_the_kernel_frees_the_lock_of_a_dead_owner(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from engine.supervise.queue import Place\n"
        "from engine.processes import myself\n"
        "w = Path(sys.argv[1]); p = Place(w, w / 'runs' / 'dead', myself()); p.ask()\n"
        "print(p.try_take(), flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert owner.stdout is not None and owner.stdout.readline() == b"True\n"
    mine = place(tmp_path, "mine")
    assert not mine.try_take()
    process = identify(owner.pid)
    kill(process)
    owner.wait()
    owner.stdout.close()
    assert mine.try_take()
    assert mine.previous is not None and mine.previous.run_id == "dead"
    mine.leave()


def test_two_runs_take_turns_and_say_what_they_wait_for(lab: Lab) -> None:
    go = lab.path / "go"
    first = lab.run(
        lab.stage("train", f"while not os.path.exists({str(go)!r}): time.sleep(0.05)"),
        run_id="first",
    )
    second = lab.run(
        lab.stage("data", "print(1)", needs_accelerator=False, leaves=Phase.DATA_READY),
        lab.stage("train", "print(2)"),
        run_id="second",
    )
    one = lab.launch(first)
    until(lambda: status(first).child)
    other = lab.launch(second)
    waiting = until(lambda: status(second) if status(second).waiting_for else None)
    assert liveness(waiting) == "waiting"
    assert waiting.waiting_for == "the accelerator, which first has"
    assert waiting.phase is Phase.DATA_READY  # what needs no accelerator did not wait
    go.write_text("")
    assert wait_ended(one, 30) and wait_ended(other, 30)
    queued = events(second, "queued")
    assert (queued[0]["position"], queued[0]["waiting_for"]) == (
        1,
        "the accelerator, which first has",
    )
    ended = status(second)
    assert ended.waiting_for is None
    assert ended.stages["train"].state is StageState.DONE
    started, stopped = ended.stages["train"].started, status(first).stages["train"].ended
    assert started is not None and stopped is not None and started >= stopped
    assert state(lab.path).owner is None


def test_a_waiting_run_can_be_cancelled(lab: Lab) -> None:
    first = lab.run(lab.stage("train", "time.sleep(60)"), run_id="first")
    second = lab.run(lab.stage("train", "print(2)"), run_id="second")
    one = lab.launch(first)
    until(lambda: status(first).child)
    other = lab.launch(second)
    until(lambda: status(second).waiting_for)
    assert cancel(second, wait_s=40).phase is Phase.CANCELLED
    assert wait_ended(other, 40)
    assert status(second).stages["train"].state is StageState.PENDING
    assert state(lab.path).waiting == []
    cancel(first)
    assert wait_ended(one, 40)
