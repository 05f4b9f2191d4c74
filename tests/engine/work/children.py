"""Starts a worker as the supervisor does: a child with an event pipe, in a group of its own."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

Event = dict[str, Any]


def make_run(root: Path, kind: str, spec: dict[str, Any], **stage: Any) -> Path:
    """A workspace in ``root`` with one run whose one stage is ``kind``; returns the run folder."""
    module = {"eval": "evaluate"}.get(kind, kind)
    run = root / "runs" / "2026-01-01-tiny"
    run.mkdir(parents=True, exist_ok=True)
    (root / "targets" / "tiny").mkdir(parents=True, exist_ok=True)
    only = {
        "name": kind,
        "kind": kind,
        "argv": ["{python}", "-P", "-m", f"engine.work.{module}"],
        "spec": spec,
        **stage,
    }
    plan = {
        "run_id": run.name,
        "target_dir": "targets/tiny",
        "created": "2026-01-01T00:00:00Z",
        "stages": [only],
    }
    (run / "plan.json").write_text(json.dumps(plan))
    return run


class Child:
    """A worker process and the reading end of its event pipe."""

    def __init__(self, run: Path, *, resume: bool = False) -> None:
        plan = json.loads((run / "plan.json").read_text())
        stage = plan["stages"][0]
        reader, writer = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            # Else it has done hundreds of steps more when a busy test has read of the first.
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        env = {
            **os.environ,
            "FACTORY_RUN": str(run),
            "FACTORY_STAGE": stage["name"],
            "FACTORY_EVENTS_FD": str(writer),
            "HF_HUB_OFFLINE": "1",
        }
        env.pop("FACTORY_RESUME", None)
        if resume:
            env["FACTORY_RESUME"] = "1"
        self.log = run / "train.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *stage["argv"][1:]],
                env=env,
                pass_fds=[writer],
                stdout=log,
                stderr=log,
                cwd=run.parent.parent,
                start_new_session=True,
            )
        os.close(writer)
        self.pipe: TextIO = os.fdopen(reader, encoding="utf-8")
        self.events: list[Event] = []

    def follow(self) -> Iterator[Event]:
        """Events as they come, until the child closes its end."""
        for line in self.pipe:
            self.events.append(json.loads(line))
            yield self.events[-1]

    def until(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event that is wanted; AssertionError when the child ends before."""
        for event in self.follow():
            if wanted(event):
                return event
        raise AssertionError(f"the child ended first: {self.log.read_text()}")

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def finish(self, timeout: float = 120) -> int:
        """Read to the end and return the exit code, negative for a signal."""
        for _ in self.follow():
            pass
        self.pipe.close()
        return self.process.wait(timeout)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(30)


def run_child(run: Path, *, resume: bool = False) -> tuple[int, list[Event]]:
    """Run a worker to its end: exit code and events."""
    child = Child(run, resume=resume)
    return child.finish(), child.events


def messages(events: list[Event], code: str) -> list[str]:
    return [e["text"] for e in events if e["kind"] == "message" and e["code"] == code]


def curve(events: list[Event], name: str = "loss") -> dict[int, float]:
    """A metric by step; where a step came twice, as after a resume, the later one."""
    return {
        e["step"]: float(e["values"][name])
        for e in events
        if e["kind"] == "metric" and name in e["values"]
    }
