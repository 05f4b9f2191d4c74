"""Writes a run folder as a supervisor would, with made-up numbers: for pictures and for tests.

python tests/tui/fake_run.py DIR/runs/2026-11-20-drone-router-3 --live --seconds 40
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

STAGES = ("pretrain", "data", "eval-baseline", "train", "eval-candidate", "report")
START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
Event = dict[str, Any]


def story(seed: int = 0, steps: int = 300) -> Iterator[tuple[float, Event]]:
    """Events of a whole run as (seconds since the start, event without seq and t)."""
    rng = random.Random(seed)
    t = 0.0

    def at(event: Event, stage: str | None = None, dt: float = 0.0) -> tuple[float, Event]:
        nonlocal t
        t += dt
        return t, ({"stage": stage, **event} if stage else event)

    yield at({"kind": "run-created", "run_id": "r", "threshold": {}, "suites": {}})
    for stage, total, dt in (("pretrain", 600, 0.04), ("data", 3000, 0.0003)):
        yield at({"kind": "stage-start", "command": [], "pid": 1}, stage, 0.1)
        for done in range(0, total + 1, total // 60):
            if stage == "pretrain":
                loss = 0.3 + 5.8 * math.exp(-done / 110) + rng.gauss(0, 0.05)
                values = {"loss": loss, "tok_s": 9_000 + rng.gauss(0, 300), "tokens": done * 512}
                yield at({"kind": "metric", "step": done, "values": values}, stage, dt * 10)
            unit = "steps" if stage == "pretrain" else "rows"
            yield at({"kind": "progress", "done": done, "total": total, "unit": unit}, stage)
        yield at(_end(1.0 if stage == "data" else 24.6, 410), stage)
    yield at({"kind": "phase", "from_phase": "created", "to_phase": "data-ready"})
    yield from _evaluate(rng, "eval-baseline", 0.22, at)
    yield at({"kind": "phase", "from_phase": "data-ready", "to_phase": "training"})
    yield at({"kind": "stage-start", "command": [], "pid": 2}, "train", 0.2)
    for step in range(1, steps + 1):
        loss = (
            0.08 + 2.3 * math.exp(-step / 45) + abs(rng.gauss(0, 0.06)) * (1 + 3 / (1 + step / 20))
        )
        if step == 168:
            loss += 0.9
        values = {
            "loss": loss,
            "learning_rate": 2e-3 * 0.5 * (1 + math.cos(math.pi * step / steps)),
            "it_s": 24 + rng.gauss(0, 0.8),
            "tok_s": 2_100 + rng.gauss(0, 70),
            "tokens": step * 88 * 16,
            "mlx_peak_bytes": 310 << 20,
        }
        yield at({"kind": "metric", "step": step, "values": values}, "train", 0.042)
        yield at({"kind": "progress", "done": step, "total": steps, "unit": "steps"}, "train")
        if step % 10 == 0:
            grown = int((420 + 60 * (1 - math.exp(-step / 40)) + rng.gauss(0, 3)) * 2**20)
            yield at({"kind": "memory", "tree_rss_bytes": grown, "processes": 2}, "train")
        if step % 50 == 0:
            target = 0.10 + 2.1 * math.exp(-step / 48)
            breadth = 0.31 + 0.0009 * max(0, step - 100)
            values = {
                "val_loss/target": target,
                "val_loss/breadth": breadth,
                "val_loss": (target + breadth) / 2,
            }
            yield at({"kind": "metric", "step": step, "values": values}, "train", 0.2)
        if step % 100 == 0:
            path = f"adapters/checkpoints/{step:07}"
            yield at(
                {"kind": "checkpoint", "step": step, "path": path, "reason": "best"}, "train", 0.05
            )
    yield at(_end(14.2, 482), "train")
    yield at({"kind": "phase", "from_phase": "training", "to_phase": "trained"})
    yield from _evaluate(rng, "eval-candidate", 0.94, at)
    yield at({"kind": "phase", "from_phase": "evaluating", "to_phase": "evaluated"})


def _evaluate(
    rng: random.Random, stage: str, right: float, at: Any
) -> Iterator[tuple[float, Event]]:
    commands = ("takeoff", "land", "rtl", "hover", "goto_waypoint")
    yield at({"kind": "stage-start", "command": [], "pid": 3}, stage, 0.1)
    for suite in ("drone-router", "breadth"):
        for number in range(120):
            command = rng.choice(commands)
            correct = rng.random() < right
            wanted = json.dumps({"cmd": command, "args": {}, "confidence": 1.0})
            got = wanted if correct else json.dumps({"cmd": rng.choice(commands), "args": {}})
            event = {
                "kind": "example",
                "suite": suite,
                "id": f"{suite}-{number:03}",
                "score": float(correct),
                "correct": correct,
                "prompt": f"please {command.replace('_', ' ')} number {number % 9} now",
                "expected": wanted,
                "got": got,
            }
            yield at(event, stage, 0.003)
        progress = {"kind": "progress", "done": 120, "total": 240, "unit": "rows"}
        yield at(progress, stage)
    yield at(_end(0.9, 396), stage)


def _end(seconds: float, megabytes: int) -> Event:
    return {
        "kind": "stage-end",
        "outcome": "done",
        "duration_s": seconds,
        "exit_code": 0,
        "peak_tree_rss_bytes": megabytes << 20,
    }


class FakeRun:
    """A run folder that grows as told."""

    def __init__(self, folder: Path, *, alive: bool | None = True) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._seq = 0
        self.start = START
        self._write("config.json", {"run_id": folder.name, "target": "drone-router"})
        self._write("plan.json", {"run_id": folder.name, "stages": [{"name": n} for n in STAGES]})
        self.status("created", alive=alive)

    def _write(self, name: str, value: object) -> None:
        path = self.folder / name
        path.with_suffix(".tmp").write_text(json.dumps(value))
        path.with_suffix(".tmp").replace(path)

    def status(self, phase: str, *, alive: bool | None = True, **more: Any) -> None:
        """Write the status; ``alive`` False names a supervisor that is not there, None none."""
        process = psutil.Process()
        supervisor = {"pid": process.pid, "started": process.create_time()}
        if alive is False:
            supervisor = {"pid": 2**22 - 7, "started": 1.0}
        status = {"run_id": self.folder.name, "phase": phase, "revision": 1, "stages": {}}
        if alive is not None:
            status["supervisor"] = supervisor
        self._write("run-status.json", {**status, **more})

    def event(self, event: Event, seconds: float = 0.0) -> None:
        """Append one event, as it would have been at that many seconds after the start."""
        moment = self.start + timedelta(seconds=seconds)
        whole = {"seq": self._seq, "t": moment.isoformat(timespec="milliseconds"), **event}
        self._seq += 1
        with (self.folder / "events.jsonl").open("a") as file:
            file.write(json.dumps(whole) + "\n")

    def log(self, text: str) -> None:
        with (self.folder / "train.log").open("a") as file:
            file.write(text)

    def tell(self, until: str | None = None, steps: int = 10**9, seed: int = 0) -> None:
        """Write the story's events: all, or up to a stage and so many of its metrics."""
        seen = 0
        for seconds, event in story(seed):
            if until is not None and event.get("stage") == until:
                seen += event["kind"] == "metric"
                if seen > steps:
                    break
            self.event(event, seconds)
            if event["kind"] == "metric" and event["step"] % 10 == 0:
                values = event["values"]
                if "loss" in values:
                    self.log(f"step {event['step']:>4}  loss {values['loss']:.4f}\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--until")
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--seconds", type=float, default=40.0)
    options = parser.parse_args()
    run = FakeRun(options.folder)
    if not options.live:
        run.tell(options.until, options.steps)
        return
    began, run.start = time.monotonic(), datetime.now(UTC)
    told = list(story())
    factor = options.seconds / told[-1][0]
    for seconds, event in told:
        time.sleep(max(0.0, seconds * factor - (time.monotonic() - began)))
        run.event(event, time.monotonic() - began)
        if event["kind"] == "phase":
            run.status(event["to_phase"])
        if event["kind"] == "metric":
            run.log(f"\x1b[36mstep\x1b[0m {event['step']:>4}  {event['values']}\n")
    run.status("evaluated", alive=None)
    os.sync()


if __name__ == "__main__":
    main()
