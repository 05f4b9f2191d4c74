"""Event logs for benchmarks: a long history at once, or events at a rate.

python benchmarks/events.py FILE RATE SECONDS   append RATE events a second to FILE, and to the
                                                train.log beside it a line for each tenth event
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
MORE = ("beta", "clip", "entropy", "kl", "margin", "noise", "reward", "ratio", "temp", "trust")


def history(count: int, metrics: int = 8) -> Iterator[str]:
    """Lines as a supervisor writes them: a training stage that reports each step.

    Of ``count`` events nearly half are metrics and nearly half progress; one in 20 is memory, and
    each 50th step is validated. ``metrics`` is how many numbers a step reports, 20 at most.
    """
    rng = random.Random(1)
    seq = 0
    seconds = 0.0

    def line(event: dict[str, object]) -> str:
        nonlocal seq
        moment = (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        text = json.dumps(
            {"seq": seq, "t": moment.replace("+00:00", "Z"), "stage": "train", **event},
            separators=(",", ":"),
        )
        seq += 1
        return text + "\n"

    yield line({"kind": "stage-start", "command": [], "pid": 1, "attempt": 1})
    step = 0
    while seq < count:
        step += 1
        seconds += 0.04
        values: dict[str, float] = {
            "loss": 0.1 + 2.3 * math.exp(-step / (count / 10)) + abs(rng.gauss(0, 0.06)),
            "tok_s": 2100 + rng.gauss(0, 70),
            "learning_rate": 2e-3 * rng.random(),
            "it_s": 24 + rng.gauss(0, 0.8),
            "tokens": step * 1408,
            "mlx_peak_bytes": 310 << 20,
            "grad_norm": rng.random(),
        }
        for number in range(metrics - len(values)):
            values[MORE[number % 10] + ("" if number < 10 else "_2")] = rng.random()
        yield line({"kind": "metric", "step": step, "values": values})
        yield line({"kind": "progress", "done": step, "total": count, "unit": "steps"})
        if step % 10 == 0:
            used = int(4e8 + rng.gauss(0, 3e6))
            free = 20_000_000_000
            yield line(
                {
                    "kind": "memory",
                    "tree_rss_bytes": used,
                    "processes": 2,
                    "available_bytes": free,
                    "swap_used_bytes": 0,
                }
            )
        if step % 50 == 0:
            target = values["loss"] + abs(rng.gauss(0, 0.02))
            breadth = 0.3 + abs(rng.gauss(0, 0.02))
            values = {
                "val_loss/target": target,
                "val_loss/breadth": breadth,
                "val_loss": (target + breadth) / 2,
            }
            yield line({"kind": "metric", "step": step, "values": values})


def run_folder(workspace: Path, run_id: str, *, phase: str, alive: int | None = None) -> Path:
    """A run folder without events; ``alive`` is the process that counts as its supervisor."""
    folder = workspace / "runs" / run_id
    folder.mkdir(parents=True)
    status: dict[str, object] = {
        "run_id": run_id,
        "phase": phase,
        "revision": 3,
        "stage": "train",
        "stages": {"train": {"state": "running" if alive else "done"}},
    }
    if alive:
        import psutil

        status["supervisor"] = {"pid": alive, "started": psutil.Process(alive).create_time()}
    stage = {"name": "train", "kind": "train", "argv": ["true"]}
    files = {
        "config.json": {"run_id": run_id, "target": "bench"},
        "plan.json": {"run_id": run_id, "stages": [stage]},
        "run-status.json": status,
    }
    for name, record in files.items():
        (folder / name).write_text(json.dumps(record))
    (folder / "events.jsonl").touch()
    (folder / "train.log").touch()
    return folder


def main() -> None:
    path, rate, seconds = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    lines = history(round(rate * seconds))
    batch = max(1, round(rate / 20))
    due = time.monotonic()
    with path.open("a") as file, path.with_name("train.log").open("a") as log:
        for number, line in enumerate(lines):
            file.write(line)
            if number % 10 == 0:
                log.write(f"Iter {number}: Train loss {random.random():.3f}, It/sec 24.1\n")
            if number % batch == 0:
                file.flush()
                log.flush()
                due += batch / rate
                time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
