"""A workspace with runs of one stage each, for benchmarks that start a real supervisor."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.folder import EventLog, RunFolder
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage
from engine.records.status import RunStatus, StageStatus
from tests.engine.work.tiny import make_model

STEP_ENV = {"HF_HUB_OFFLINE": "1"}


def make_run(workspace: Path, run_id: str, stage: dict[str, Any]) -> Path:
    """A run of one stage, ready to be launched."""
    folder = RunFolder(workspace / "runs" / run_id)
    folder.path.mkdir(parents=True)
    (workspace / "targets" / "bench").mkdir(parents=True, exist_ok=True)
    only, now = Stage.model_validate({"name": "train", **stage}), utc_now()
    plan = Plan(run_id=run_id, target_dir="targets/bench", created=now, stages=[only])
    folder.write("plan.json", plan)
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
