"""The power fails in mid-training, with a screen attached: real model, real processes, kill -9.

The run that was cut and resumed must have the curve of one that never was.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.shell import Shell, new_shell, quick_sets

SETS = quick_sets(
    "factory.train.iters=60",
    "factory.train.report_every=1",
    "factory.train.eval_every=20",
    "factory.train.save_every=20",
    "factory.train.early_stop=null",
)
LONGER = ("--set", "factory.train.iters=2000")
"""For a run that a command is to stop in mid-training, however late it comes: it is never over."""
WAIT_S = 120.0


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return new_shell(tmp_path_factory.mktemp("factory"))


def events(run: Path) -> list[dict[str, object]]:
    """The whole events of a run; a line that was cut off is no event."""
    whole = []
    for line in (run / "events.jsonl").read_bytes().split(b"\n"):
        try:
            whole.append(json.loads(line))
        except ValueError:
            continue
    return whole


def curve(run: Path) -> dict[int, float]:
    """Step to training loss; of a step that was done twice the later."""
    return {
        int(str(event["step"])): event["values"]["loss"]  # type: ignore[index]
        for event in events(run)
        if event["kind"] == "metric" and event["stage"] == "train" and "loss" in event["values"]  # type: ignore[operator]
    }


def wait_for_step(run: Path, step: int) -> None:
    """Return when training has told of this step."""
    until = time.monotonic() + WAIT_S
    while max(curve(run), default=0) < step:
        assert time.monotonic() < until, f"training never came to step {step}"
        time.sleep(0.02)


def attach_screen(shell: Shell) -> int:
    """The control room in a terminal of its own; its pid."""
    pid, _ = pty.fork()
    if pid == 0:
        os.chdir(shell.workspace)
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-m", "tui"])
    return pid


def test_a_cut_run_goes_on_as_if_it_had_not_been(shell: Shell) -> None:
    whole = shell("run", "drone-router", "--seed", "7", *SETS)
    assert whole.returncode == 0, whole.stderr
    (unbroken,) = (shell.workspace / "runs").iterdir()

    started = shell("run", "drone-router", "--seed", "7", "--detach", *SETS)
    assert started.returncode == 0, started.stderr
    cut = shell.workspace / "runs" / started.stdout.strip()
    screen = attach_screen(shell)
    wait_for_step(cut, 22)
    status = json.loads((cut / "run-status.json").read_text())
    supervisor, child = status["supervisor"]["pid"], status["child"]["pid"]
    for pid in (screen, supervisor, child):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(screen, 0)
    psutil.wait_procs([psutil.Process(pid) for pid in (child,) if psutil.pid_exists(pid)], 60)
    before = events(cut)
    checkpoints = (cut / "adapters" / "checkpoints").iterdir()
    newest = max(int(one.name) for one in checkpoints if one.name.isdecimal())
    assert newest in (20, 40), "it was cut in mid-training"

    listed = shell("list")
    assert "stopped (its supervisor died)" in listed.stdout
    assert shell("validate", cut.name).returncode == 0
    again = shell("resume", cut.name)
    assert again.returncode == 0, again.stderr

    after = events(cut)
    assert after[: len(before)] == before, "a flushed event was lost or changed"
    assert [event["seq"] for event in after] == list(range(len(after)))
    resumed = [
        event["resumed_from_step"]
        for event in after
        if event["kind"] == "stage-start" and event["stage"] == "train"
    ]
    assert resumed == [None, newest], "not from the newest checkpoint"
    expected, got = curve(unbroken), curve(cut)
    # The seam: what was done and not told when the power failed is done and told again.
    assert set(range(newest + 1, 61)) <= set(got)
    for step in range(newest + 1, 61):
        assert got[step] == pytest.approx(expected[step], rel=1e-4), f"step {step}"
    assert shell("validate", cut.name).returncode == 0


def test_killing_the_screen_leaves_the_run_alone(shell: Shell) -> None:
    started = shell("run", "drone-router", "--seed", "7", "--detach", *SETS)
    run = shell.workspace / "runs" / started.stdout.strip()
    screen = attach_screen(shell)
    time.sleep(1.5)
    os.kill(screen, signal.SIGKILL)
    os.waitpid(screen, 0)
    watched = shell("watch", run.name)
    assert watched.returncode == 0, watched.stderr
    assert json.loads((run / "run-status.json").read_text())["phase"] == "reporting"


def test_ctrl_c_leaves_the_run_going_and_cancel_stops_it(shell: Shell) -> None:
    known = set((shell.workspace / "runs").iterdir())
    command = [sys.executable, "-m", "tui", "run", "drone-router", "--seed", "7", *SETS, *LONGER]
    watcher = subprocess.Popen(
        command, cwd=shell.workspace, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert watcher.stderr is not None
    while "▸ train" not in (line := watcher.stderr.readline()):
        assert line, "ended before training"
    (run,) = set((shell.workspace / "runs").iterdir()) - known
    wait_for_step(run, 5)
    watcher.send_signal(signal.SIGINT)
    _, told = watcher.communicate(timeout=60)
    assert watcher.returncode == 0 and f"Left {run.name} going" in told
    cancelled = shell("cancel", run.name)
    assert cancelled.returncode == 0, cancelled.stderr
    assert json.loads((run / "run-status.json").read_text())["phase"] == "cancelled"
    reasons = [event["reason"] for event in events(run) if event["kind"] == "checkpoint"]
    assert reasons[-1] == "signal"
    saved = max(curve(run))
    resumed = shell("resume", run.name, "--detach")
    assert resumed.returncode == 0, resumed.stderr
    assert "goes on from where it was" in resumed.stderr
    new = shell.workspace / "runs" / resumed.stdout.strip()
    wait_for_step(new, saved + 1)
    assert min(curve(new)) == saved + 1
    assert shell("cancel", new.name).returncode == 0
