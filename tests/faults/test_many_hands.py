"""Two screens and two command lines on one run: one wins, the others are told so."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.checks import contents
from engine.checks.contents import RunContents
from engine.decisions import deciding
from engine.decisions.deciding import Refused, decide
from engine.folder import RunFolder
from engine.records.run import Decision, DecisionKind
from engine.records.status import Phase, ProcessId, RunStatus
from engine.supervise import launch as launching
from engine.supervise import resume as resuming
from engine.supervise.launch import LaunchError, cancel, wait_ended
from engine.supervise.process import Patience
from engine.supervise.resume import prepare_resume
from tests.engine import folders
from tests.engine.folders import read_json
from tests.engine.supervise.kit import Lab, assert_unbroken, events, kill, status, until

ROOT = Path(__file__).resolve().parents[2]


def together(workspace: Path, *commands: tuple[str, ...]) -> list[tuple[int, str]]:
    """Start the commands at once; how each ended and what it said. None with a traceback."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tui", *words, "--workspace", str(workspace)],
            cwd=workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for words in commands
    ]
    ended = []
    for process in started:
        out, error = process.communicate(timeout=120)
        assert "Traceback" not in error, error
        ended.append((process.returncode, out + error))
    return ended


def test_of_two_command_lines_that_decide_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    because = ("--reason", "So it is.", "--lesson", "None.", "--failure-reason", "none")
    ended = together(
        tmp_path, ("decide", run.name, "reject", *because), ("decide", run.name, "park", *because)
    )
    assert sorted(code == 0 for code, _ in ended) == [False, True], ended
    winner = ("reject", "park")[[code for code, _ in ended].index(0)]
    told = next(words for code, words in ended if code != 0)
    assert read_json(run / "decision.json")["decision"] == winner
    assert "decided already" in told or "changed while it was being decided" in told, told
    assert [event["decision"] for event in events(run, "decided")] == [winner]
    assert status(run).phase is Phase.DECIDED


def test_two_cancels_and_a_decision_at_once_on_a_run_under_way(lab: Lab) -> None:
    code = "for i in range(100000):\n    metric(i, loss=1.0); time.sleep(0.01)"
    run = lab.run(lab.stage("slow", code))
    supervisor = lab.launch(run)
    until(lambda: events(run, "metric"))
    because = ("--reason", "x", "--lesson", "y", "--failure-reason", "z")
    first, second, third = together(
        lab.path, ("cancel", run.name), ("cancel", run.name), ("decide", run.name, "park", *because)
    )
    assert wait_ended(supervisor, 60)
    assert 0 in (first[0], second[0])
    for code_, words in (first, second):
        assert code_ == 0 or "cancelled already" in words, words
    # The decision came too early (it is under way), or after the end and is refused or stands.
    if third[0] != 0:
        assert "under way" in third[1] or "changed while" in third[1] or "config" in third[1], third
        assert not (run / "decision.json").exists()
    assert status(run).phase is Phase.CANCELLED
    assert [event["to_phase"] for event in events(run, "phase")] == ["cancelled"]
    assert_unbroken(run)


@pytest.fixture
def dead(lab: Lab) -> Path:
    """A run whose supervisor died."""
    run = lab.run(lab.stage("slow", "metric(1, loss=1.0)\ntime.sleep(600)"))
    supervisor = lab.launch(run)
    until(lambda: events(run, "metric"))
    kill(supervisor)
    return run


REJECT = Decision.model_validate(folders.REJECT | {"evidence_sources": ["config.json"]})


def test_a_decision_between_the_look_and_the_cancel_stands(
    dead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = launching.stop_orphans

    def decides_meanwhile(run: Path, child: ProcessId | None, patience: Patience) -> int:
        count = stop(run, child, patience)
        made = decide(dead, REJECT)
        assert not isinstance(made, Refused), made
        return count

    monkeypatch.setattr(launching, "stop_orphans", decides_meanwhile)
    with pytest.raises(LaunchError, match="changed while it was being cancelled: it is decided"):
        cancel(dead)
    assert status(dead).phase is Phase.DECIDED
    assert read_json(dead / "decision.json")["decision"] == "reject"
    monkeypatch.undo()
    with pytest.raises(LaunchError, match="is decided already"):
        cancel(dead)
    assert_unbroken(dead)


def test_a_cancel_between_the_look_and_the_decision_refuses_it(
    dead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = deciding.load

    def cancels_meanwhile(run: Path) -> RunContents:
        contents = load(run)
        cancel(run)
        return contents

    monkeypatch.setattr(deciding, "load", cancels_meanwhile)
    outcome = decide(dead, REJECT)
    assert isinstance(outcome, Refused) and "changed while" in outcome.reasons[0]
    assert status(dead).phase is Phase.CANCELLED
    assert not (dead / "decision.json").exists()
    assert_unbroken(dead)


def test_a_decision_while_another_one_is_being_written_is_refused(
    dead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the status that is decided and the record of the decision: who looks then sees what
    a decision that was cut short leaves, and must not take it for one."""
    move, rivals = deciding.RunFolder.move, []

    def and_a_rival(folder: RunFolder, *args: Any, **more: Any) -> RunStatus:
        moved = move(folder, *args, **more)
        if not rivals:
            rivals.append(Rival(dead))
            rivals[0].looked.wait(20)
            assert not (dead / "decision.json").exists()
        return moved

    monkeypatch.setattr(deciding.RunFolder, "move", and_a_rival)
    assert not isinstance(decide(dead, REJECT), Refused)
    (rival,) = rivals
    rival.join(20)
    assert isinstance(rival.outcome, Refused) and "changed while" in rival.outcome.reasons[0]
    assert read_json(dead / "decision.json")["decision"] == "reject"
    assert [event["decision"] for event in events(dead, "decided")] == ["reject"]
    assert_unbroken(dead)


def test_a_decision_that_comes_between_the_list_of_files_and_their_reading_is_seen(
    dead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, first = contents.read_document, []

    def after_a_rival(path: Path, name: str, model: Any) -> Any:
        if not first:
            first.append(name)
            assert not isinstance(decide(dead, REJECT), Refused)
        return read(path, name, model)

    monkeypatch.setattr(contents, "read_document", after_a_rival)
    found = decide(dead, REJECT.model_copy(update={"decision": DecisionKind.PARK}))
    assert isinstance(found, Refused) and "decided already" in found.reasons[0]
    assert read_json(dead / "decision.json")["decision"] == "reject"
    assert [event["decision"] for event in events(dead, "decided")] == ["reject"]
    assert_unbroken(dead)


class Rival(threading.Thread):
    """Decides the same run otherwise; ``looked`` once it has read the folder."""

    def __init__(self, run: Path) -> None:
        super().__init__(daemon=True)
        self.looked = threading.Event()
        self.outcome: Decision | Refused | None = None
        self._run_folder = run
        self.start()

    def run(self) -> None:
        prepare = deciding._prepare

        def prepared(*args: Any) -> Any:
            ready = prepare(*args)
            self.looked.set()
            return ready

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(deciding, "_prepare", prepared)
            self.outcome = decide(self._run_folder, REJECT.model_copy(update={"decision": "park"}))


def test_of_two_who_resume_a_failed_run_at_once_one_makes_the_new_run(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lab.run(lab.stage("broken", "sys.exit(5)"))
    assert lab.finish(run).phase is Phase.FAILED
    both = threading.Barrier(2)
    check = resuming._check

    def meet(*args: Any) -> None:
        check(*args)
        both.wait(20)

    monkeypatch.setattr(resuming, "_check", meet)
    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(prepare_resume, run) for _ in range(2)]
        made = [one.result() for one in tries if one.exception() is None]
        told = [str(one.exception()) for one in tries if one.exception() is not None]
    (new,) = made
    assert told == [
        f"{run.name} goes on already, as {new.name}, which is not started. To go on with that "
        f"one: factory-tui resume {new.name}"
    ]
    monkeypatch.undo()
    assert lab.finish(new).phase is Phase.FAILED
    assert prepare_resume(run).name not in (run.name, new.name), "that one has ended"
