"""kill -9 in mid-stage: the screen's side, the supervisor, the child, all of them.

After each the folder says the truth, resume goes on, and no event that was flushed is lost or
doubled. The training here is a little program that saves its step, as a worker does.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.folder import RunFolder
from engine.processes import identify, is_alive
from engine.records.plan import StageKind
from engine.records.status import Phase, ProcessId, StageState
from engine.supervise.launch import LaunchError, cancel, liveness, wait_ended
from engine.supervise.resume import prepare_resume, resume
from tests.engine.supervise.kit import (
    IMPATIENT,
    Lab,
    assert_unbroken,
    events,
    kill,
    messages,
    status,
    until,
)

STEPS = 60
HALF = 30
"""Training waits here until it may go on: what is to be killed in its middle is."""

TRAIN = f"""
run = os.environ["FACTORY_RUN"]
home = os.path.join(run, "adapters", "checkpoints")
step = 0
if os.environ.get("FACTORY_RESUME") == "1" and os.path.isdir(home):
    step = max((int(n) for n in os.listdir(home) if n.isdecimal()), default=0)
def save(reason):
    path = os.path.join(home, f"{{step:07d}}")
    if os.path.isdir(path): return
    os.makedirs(path + ".tmp", exist_ok=True)
    for name in ("adapters.safetensors", "optimizer.safetensors", "state.json"):
        open(os.path.join(path + ".tmp", name), "w").write(str(step))
    os.rename(path + ".tmp", path)
    emit(kind="checkpoint", step=step, path=f"adapters/checkpoints/{{step:07d}}", reason=reason)
asked = []
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, lambda *_: asked.append(1))
parent = os.getppid()
while step < {STEPS}:
    if asked or os.getppid() != parent:
        save("signal"); os._exit(4)
    step += 1
    metric(step, loss=1.0 / step)
    if step % 5 == 0: save("periodic")
    while step == {HALF} and not os.path.exists("go") and not asked and os.getppid() == parent:
        time.sleep(0.03)
    time.sleep(0.03)
open(os.path.join(run, "adapters", "adapters.safetensors"), "w").write(str(step))
"""


@pytest.fixture
def run(lab: Lab) -> Path:
    return lab.run(
        lab.stage("data", "print('rows')", leaves=Phase.DATA_READY),
        lab.stage(
            "train",
            TRAIN,
            kind=StageKind.TRAIN,
            enters=Phase.TRAINING,
            leaves=Phase.TRAINED,
            outputs=["adapters/adapters.safetensors"],
        ),
        lab.stage("eval", "print('scores')", leaves=Phase.EVALUATED),
    )


def mid_training(run: Path) -> ProcessId:
    """Wait until the training has saved twice; its child."""
    until(lambda: len(events_so_far(run, "checkpoint")) >= 2)
    child = status(run).child
    assert child is not None
    return child


def go_on(lab: Lab) -> None:
    """Training does not wait in its middle, or no longer."""
    (lab.target / "go").touch()


def events_so_far(run: Path, kind: str) -> list[dict[str, object]]:
    """Events of a run that is being written: whole lines only."""
    lines = (run / "events.jsonl").read_bytes().split(b"\n")[:-1]
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


def assert_curve_is_whole(run: Path, first: int = 1) -> None:
    """Each attempt's steps follow each other, and the last attempt goes to the end.

    Between two attempts steps may be done twice (it goes on from a checkpoint before) or be missing
    (the child computed on, and what it sent had nobody left to write it down).
    """
    steps = [event["step"] for event in events(run, "metric")]
    seams = [i for i, (a, b) in enumerate(itertools.pairwise(steps), 1) if b != a + 1]
    assert steps[0] == first and steps[-1] == STEPS
    assert len(seams) <= 1


def test_kill_the_supervisor(lab: Lab, run: Path) -> None:
    supervisor = lab.launch(run)
    child = mid_training(run)
    before = (run / "events.jsonl").read_bytes()
    kill(supervisor)
    dead = status(run)
    assert (dead.phase, liveness(dead)) == (Phase.TRAINING, "dead")
    until(lambda: not is_alive(child))  # it notices that its parent died, and saves
    go_on(lab)
    assert prepare_resume(run) == run
    lab.launch(run)
    until(lambda: liveness(status(run)) == "idle")
    ended = status(run)
    assert ended.phase is Phase.EVALUATED
    assert ended.stages["train"].attempts == 2
    assert ended.stages["data"].attempts == 1
    assert (run / "events.jsonl").read_bytes().startswith(before)
    assert_unbroken(run)
    assert_curve_is_whole(run)
    start = [e for e in events(run, "stage-start") if e["stage"] == "train"][1]
    assert start["attempt"] == 2 and start["resumed_from_step"] >= 10
    again = [e["step"] for e in events(run, "metric") if e["seq"] > start["seq"]]
    assert again == list(range(start["resumed_from_step"] + 1, STEPS + 1))
    assert len(messages(run, "resumed")) == 1
    assert [e["to_phase"] for e in events(run, "phase")] == [
        "data-ready",
        "training",
        "trained",
        "evaluated",
    ]


def test_kill_the_child(lab: Lab, run: Path) -> None:
    supervisor = lab.launch(run)
    kill(mid_training(run))
    go_on(lab)
    assert wait_ended(supervisor, 40)
    failed = status(run)
    assert (failed.phase, liveness(failed)) == (Phase.FAILED, "idle")
    assert failed.stages["train"].signal == 9
    assert failed.last_error is not None and "SIGKILL" in failed.last_error.message
    assert_unbroken(run)

    new = resume(run)
    assert new != run
    until(lambda: liveness(status(new)) == "idle")
    ended = status(new)
    assert ended.phase is Phase.EVALUATED
    assert ended.stages["data"].state is StageState.REUSED
    assert_unbroken(new)
    assert events(new)[0]["kind"] == "run-created" and events(new)[0]["run_id"] == new.name
    config = json.loads((new / "config.json").read_text())
    assert (config["run_id"], config["parent_run_id"]) == (new.name, run.name)
    assert json.loads((new / "plan.json").read_text())["run_id"] == new.name
    texts = [event["text"] for event in messages(new, "resumed")]
    assert "Taken over with their records: data." in texts[0]
    assert "train goes on from step" in texts[1]
    first = events(new, "metric")[0]["step"]
    assert first > 10 and first % 5 == 1
    assert_curve_is_whole(new, first)


def test_kill_supervisor_and_child_at_once(lab: Lab, run: Path) -> None:
    """The power cut, in effect."""
    supervisor = lab.launch(run)
    child = mid_training(run)
    os.kill(supervisor.pid, signal.SIGKILL)
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: not is_alive(supervisor) and not is_alive(child))
    before = (run / "events.jsonl").read_bytes()
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":9999,"kind":"metr')  # and a line that the cut tore
    assert liveness(status(run)) == "dead"
    go_on(lab)
    lab.launch(prepare_resume(run))
    until(lambda: liveness(status(run)) == "idle")
    assert status(run).phase is Phase.EVALUATED
    lines = (run / "events.jsonl").read_bytes()
    assert lines.startswith(before)
    whole = [line for line in lines.split(b"\n")[:-1] if not line.endswith(b"metr")]
    assert [json.loads(line)["seq"] for line in whole] == list(range(len(whole)))


def test_kill_whoever_launched_it(lab: Lab, run: Path) -> None:
    """The screen: its death leaves the run alone."""
    code = (
        "import sys, time; from pathlib import Path; from engine.supervise.launch import launch\n"
        "print(launch(Path(sys.argv[1])).pid, flush=True); time.sleep(60)"
    )
    screen = subprocess.Popen(
        [sys.executable, "-c", code, str(run)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert screen.stdout is not None
    supervisor = identify(int(screen.stdout.readline()))
    assert supervisor is not None
    lab.launched.append(supervisor)
    mid_training(run)
    os.killpg(screen.pid, signal.SIGKILL)
    screen.wait()
    screen.stdout.close()
    assert liveness(status(run)) == "running"
    go_on(lab)
    until(lambda: liveness(status(run)) == "idle")
    assert status(run).phase is Phase.EVALUATED
    assert_unbroken(run)


def test_an_orphan_that_goes_on_computing_is_stopped_first(lab: Lab) -> None:
    """A foreign command does not look after its parent, and prints nothing."""
    lab.settings(IMPATIENT)
    code = """
    print("on", os.environ.get("FACTORY_RESUME"), flush=True)
    if os.environ.get("FACTORY_RESUME") != "1":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(60)
    """
    run = lab.run(lab.stage("train", code))
    supervisor = lab.launch(run)
    until(lambda: (run / "train.log").exists() and b"on" in (run / "train.log").read_bytes())
    child = until(lambda: status(run).child)
    kill(supervisor)
    assert is_alive(child)
    ended = lab.finish(prepare_resume(run))
    assert not is_alive(child)
    assert ended.stages["train"].state is StageState.DONE
    assert len(messages(run, "orphan")) == 1
    assert "nothing of its earlier attempt is restored" in messages(run, "not-restored")[0]["text"]


def test_an_orphan_of_another_run_is_stopped_before_ours_computes(lab: Lab) -> None:
    first = lab.run(lab.stage("train", "time.sleep(60)"), run_id="first")
    supervisor = lab.launch(first)
    child = until(lambda: status(first).child)
    kill(supervisor)
    assert is_alive(child)
    second = lab.run(lab.stage("train", "print('mine')"), run_id="second")
    ended = lab.finish(second)
    assert ended.stages["train"].state is StageState.DONE
    assert not is_alive(child)
    assert "of first" in messages(second, "orphan")[0]["text"]
    assert liveness(status(first)) == "dead"


def test_an_orphan_s_own_children_are_found_when_it_has_ended(lab: Lab, tmp_path: Path) -> None:
    code = f"""
    grand = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open({str(tmp_path / "pid")!r}, "w").write(str(grand.pid) + "\\n")
    time.sleep(60)
    """
    run = lab.run(lab.stage("train", code))
    supervisor = lab.launch(run)
    text = until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    grandchild = identify(int(text))
    child = until(lambda: status(run).child)
    kill(supervisor)
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: not is_alive(child))
    assert is_alive(grandchild)
    assert cancel(run).phase is Phase.CANCELLED
    assert not is_alive(grandchild)


def test_a_dead_run_can_be_cancelled(lab: Lab, run: Path) -> None:
    supervisor = lab.launch(run)
    child = mid_training(run)
    kill(supervisor)
    ended = cancel(run)
    assert (ended.phase, ended.supervisor, ended.child) == (Phase.CANCELLED, None, None)
    assert ended.stages["train"].state is StageState.CANCELLED
    assert not is_alive(child)
    assert events(run, "phase")[-1]["to_phase"] == "cancelled"
    assert_unbroken(run)
    with pytest.raises(LaunchError, match="is cancelled already"):
        cancel(run)


def test_a_cancelled_run_goes_on_in_a_new_one_where_it_was(lab: Lab, run: Path) -> None:
    supervisor = lab.launch(run)
    mid_training(run)
    cancel(run)
    assert wait_ended(supervisor, 40)
    saved = max(int(path.name) for path in (run / "adapters" / "checkpoints").iterdir())
    assert saved == events(run, "metric")[-1]["step"]
    go_on(lab)
    new = resume(run)
    until(lambda: liveness(status(new)) == "idle")
    assert status(new).phase is Phase.EVALUATED
    assert events(new, "metric")[0]["step"] == saved + 1
    assert not (run / "adapters" / "adapters.safetensors").exists()
    assert status(run).phase is Phase.CANCELLED


def test_what_cannot_be_resumed_says_why(lab: Lab, run: Path) -> None:
    process = lab.launch(run)
    with pytest.raises(LaunchError, match="there is nothing to resume"):
        resume(run)
    go_on(lab)
    assert wait_ended(process, 40)
    with pytest.raises(LaunchError, match="What it lacks is a decision"):
        resume(run)
    with pytest.raises(LaunchError, match="nothing to cancel"):
        cancel(run)
    folder = RunFolder(run)
    decided = status(run)
    folder.move(decided.revision, lambda one: setattr(one, "phase", Phase.DECIDED))
    with pytest.raises(LaunchError, match="a decision stands"):
        resume(run)
    (run / "run-status.json").unlink()
    with pytest.raises(LaunchError, match="another tool"):
        resume(run)


def test_an_idle_supervisor_costs_next_to_nothing(lab: Lab) -> None:
    """Waiting for the accelerator, and watching a child that says nothing."""
    import psutil

    (lab.path / "factory.toml").write_text("")
    first = lab.run(lab.stage("train", "time.sleep(60)"), run_id="first")
    second = lab.run(lab.stage("train", "pass"), run_id="second")
    processes = [lab.launch(first), lab.launch(second)]
    until(lambda: status(second).waiting_for and status(first).child)
    time.sleep(0.5)
    watched = [psutil.Process(process.pid) for process in processes]
    before = [sum(one.cpu_times()[:2]) for one in watched]
    time.sleep(4)
    used = [sum(one.cpu_times()[:2]) - b for one, b in zip(watched, before, strict=True)]
    for run_path, process in ((second, processes[1]), (first, processes[0])):
        cancel(run_path)
        assert wait_ended(process, 40)
    assert used[0] / 4 < 0.05, f"watching: {used[0] / 4:.1%} CPU"
    assert used[1] / 4 < 0.02, f"waiting: {used[1] / 4:.1%} CPU"
