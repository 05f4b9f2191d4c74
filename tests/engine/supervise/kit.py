"""A workspace with a run whose stages are small programs, for tests with real processes."""

from __future__ import annotations

import json
import os
import signal
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from engine.folder import EventLog, RunFolder, write_json_atomic
from engine.plans.planning import frozen_event
from engine.plans.programs import agree_to, not_agreed_of
from engine.processes import identify, is_alive
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage, StageKind
from engine.records.run import BaseModelRef, Candidate, EvalConfig, RunConfig, Threshold
from engine.records.status import ProcessId, RunStatus, StageStatus
from engine.supervise.launch import cancel, launch, liveness, wait_ended
from engine.workspace import Workspace

QUICK = "[supervisor]\ninterrupt_s = 10\nterminate_s = 5\nsample_s = 0.1\n"
"""What a child saves when it is asked to stop is saved on a busy machine too."""
IMPATIENT = "[supervisor]\ninterrupt_s = 0.6\nterminate_s = 0.4\nsample_s = 0.1\n"
"""For children that do not listen."""

PREAMBLE = """
import json, os, signal, subprocess, sys, time
_pipe = os.fdopen(int(os.environ["FACTORY_EVENTS_FD"]), "w", buffering=1)
def emit(**event):
    _pipe.write(json.dumps(event) + "\\n")
def metric(step, **values):
    emit(kind="metric", step=step, values=values)
"""


class Lab:
    """One workspace below a temporary directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.target = path / "targets" / "little"
        self.target.mkdir(parents=True)
        (path / "runs").mkdir()
        self.settings(QUICK)
        self._scripts = 0
        self.launched: list[ProcessId] = []

    def settings(self, text: str) -> None:
        """The workspace's factory.toml."""
        (self.path / "factory.toml").write_text(text)

    def stage(self, name: str, code: str, **settings: Any) -> Stage:
        """A stage that runs ``code`` (emit and metric are there) as a program."""
        self._scripts += 1
        script = self.target / f"{name}-{self._scripts}.py"
        script.write_text(PREAMBLE + textwrap.dedent(code))
        kind = settings.pop("kind", StageKind.COMMAND)
        argv = settings.pop("argv", ["{python}", str(script)])
        return Stage(name=name, kind=kind, argv=argv, **settings)

    def run(self, *stages: Stage, run_id: str = "2026-01-01-little") -> Path:
        """A run folder with these stages, ready to be launched."""
        path = self.path / "runs" / run_id
        path.mkdir()
        folder = RunFolder(path)
        config = RunConfig(
            run_id=run_id,
            target="little",
            owner_goal="learn",
            base_model=BaseModelRef(id="none"),
            candidate=Candidate(method="none"),
            eval=EvalConfig(primary="gold", threshold=Threshold(primary_min=0.9)),
        )
        now = utc_now()
        write_json_atomic(folder.file("config.json"), config)
        plan = Plan(run_id=run_id, target_dir="targets/little", created=now, stages=list(stages))
        write_json_atomic(folder.file("plan.json"), plan)
        log = EventLog(folder.file("events.jsonl"))
        log.append(frozen_event(folder, config))
        log.close()
        stages_status = {stage.name: StageStatus() for stage in stages}
        status = RunStatus(run_id=run_id, created=now, updated=now, stages=stages_status)
        folder.write("run-status.json", status)
        self.agree(plan)
        return path

    def agree(self, plan: Plan) -> None:
        """Agree to what the plan executes, as a person does who is asked."""
        place = Workspace(self.path)
        agree_to(place, not_agreed_of(place, self.target.resolve(), plan.stages))

    def launch(self, run: Path) -> ProcessId:
        process = launch(run)
        self.launched.append(process)
        return process

    def finish(self, run: Path, timeout_s: float = 60.0) -> RunStatus:
        """Launch a run and wait for the end of its supervisor."""
        process = self.launch(run)
        assert wait_ended(process, timeout_s), events(run)[-5:]
        return status(run)

    def close(self) -> None:
        """Leave no process behind, whatever the test did."""
        for run in (self.path / "runs").glob("*/run-status.json"):
            one = json.loads(run.read_text())
            child = one.get("child")
            if child and is_alive(ProcessId.model_validate(child)):
                os.killpg(child["pid"], signal.SIGKILL)
        for process in self.launched:
            if is_alive(process):
                os.kill(process.pid, signal.SIGKILL)


def status(run: Path) -> RunStatus:
    found = RunFolder(run).status()
    assert found is not None
    return found


def events(run: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """The events of a run; every line must be whole JSON."""
    end = time.monotonic() + 5
    # A batch is one write, but who looks in the middle of a write may see the half of it.
    while not (data := (run / "events.jsonl").read_bytes()).endswith(b"\n"):
        assert time.monotonic() < end, f"cut off: {data[-200:]!r}"
        time.sleep(0.01)
    every = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    return [event for event in every if kind is None or event["kind"] == kind]


def messages(run: Path, code: str) -> list[dict[str, Any]]:
    return [event for event in events(run, "message") if event["code"] == code]


def assert_unbroken(run: Path) -> None:
    """seq is 0, 1, 2, … without gaps or doubles."""
    assert [event["seq"] for event in events(run)] == list(range(len(events(run))))


def until(condition: Callable[[], Any], timeout_s: float = 40.0) -> Any:
    """Wait for a condition; its value."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def watched(pid: int, look: Callable[[psutil.Process], float]) -> list[float]:
    """What is seen of a process, again and again until it ends."""
    seen: list[float] = []
    process = psutil.Process(pid)
    while identify(pid) is not None:
        try:
            seen.append(look(process))
        except psutil.Error:
            break
        time.sleep(0.02)
    return seen


def memory(process: psutil.Process) -> float:
    """Resident bytes."""
    return float(process.memory_info().rss)


def processor(process: psutil.Process) -> float:
    """Seconds of processor time so far, of its own."""
    return sum(process.cpu_times()[:2])


def kill(process: ProcessId | None) -> None:
    """kill -9, and wait until it is gone."""
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: not is_alive(process))


__all__ = ["Lab", "cancel", "liveness"]
