"""A workspace with runs of one stage each, for benchmarks that start a real supervisor."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.folder import EventLog, RunFolder
from engine.plans.programs import agree_to, not_agreed_of
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage
from engine.records.status import RunStatus, StageStatus
from engine.workspace import Workspace
from tests.engine.work.tiny import make_model

STEP_ENV = {"HF_HUB_OFFLINE": "1"}

CHILD = """
import json, os, sys, time
rate, count = float(sys.argv[1]), int(sys.argv[2])
write = os.write
fd = int(os.environ["FACTORY_EVENTS_FD"])
began = time.monotonic()
step = 0
while step < count:
    due = count if rate == 0 else min(count, int((time.monotonic() - began) * rate) + 1)
    batch = []
    for step in range(step + 1, min(due, step + 2000) + 1):
        values = {"sent": time.monotonic(), "loss": 2.0 / step, "tok_s": 2100.0, "it_s": 24.0,
                  "learning_rate": 1e-4, "tokens": step * 1408, "mlx_peak_bytes": 325058560}
        event = {"kind": "metric", "step": step, "values": values}
        batch.append(json.dumps(event, separators=(",", ":")))
    data = memoryview(("\\n".join(batch) + "\\n").encode() if batch else b"")
    while data:
        data = data[write(fd, data):]
    if rate and step < count:
        time.sleep(max(0.0, began + step / rate - time.monotonic()))
"""
"""A program that sends COUNT metric events at RATE a second, 0 for as fast as they are taken; each
tells by the monotonic clock, which all processes share, when it was made."""


def make_run(workspace: Path, run_id: str, stage: dict[str, Any]) -> Path:
    """A run of one stage, ready to be launched."""
    folder = RunFolder(workspace / "runs" / run_id)
    folder.path.mkdir(parents=True)
    (workspace / "targets" / "bench").mkdir(parents=True, exist_ok=True)
    only, now = Stage.model_validate({"name": "train", **stage}), utc_now()
    plan = Plan(run_id=run_id, target_dir="targets/bench", created=now, stages=[only])
    folder.write("plan.json", plan)
    place, target = Workspace(workspace), (workspace / plan.target_dir).resolve()
    agree_to(place, not_agreed_of(place, target, plan.stages))
    folder.write("config.json", {"run_id": run_id, "target": "bench"})
    log = EventLog(folder.file("events.jsonl"))
    log.append({"kind": "message", "level": "info", "code": "bench", "text": "A benchmark."})
    log.close()
    status = RunStatus(run_id=run_id, created=now, updated=now, stages={"train": StageStatus()})
    folder.write("run-status.json", status)
    return folder.path


def train_stage(spec: dict[str, Any]) -> dict[str, Any]:
    """A training stage as plans have it."""
    argv = ["{python}", "-P", "-m", "engine.work.train"]
    return {"kind": "train", "argv": argv, "spec": spec, "env": STEP_ENV}


def sending_stage(rate: float, count: int) -> dict[str, Any]:
    """A stage whose program sends ``count`` events, ``rate`` a second."""
    argv = ["{python}", "-c", CHILD, str(rate), str(count)]
    return {"kind": "command", "argv": argv, "needs_accelerator": False}


def events(run: Path) -> Iterator[dict[str, Any]]:
    """The events of a run so far; every line must be whole JSON."""
    with (run / "events.jsonl").open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def make_model_apart(folder: Path, hidden: int, layers: int) -> None:
    """Make a random model in a child, so that this process never loads MLX."""
    import subprocess

    command = [sys.executable, __file__, str(folder), str(hidden), str(layers)]
    root = str(Path(__file__).resolve().parent.parent)
    subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, check=True)


if __name__ == "__main__":
    make_model(Path(sys.argv[1]), hidden=int(sys.argv[2]), layers=int(sys.argv[3]))
