"""Workspaces of any size for benchmarks, and how what is measured grows with them."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path


def make_runs(workspace: Path, count: int) -> None:
    """Run folders as a finished run leaves them: seven records each, over some months."""
    chance = random.Random(7)
    newest = datetime.now(UTC)
    targets = ("sql", "drone-router", "file-ops", "a-long-name-of-a-target-that-somebody-chose")
    for number in range(count):
        created = newest - timedelta(minutes=37 * number)
        target = targets[number % len(targets)]
        run = workspace / "runs" / f"{created:%Y-%m-%d}-{target}-{number}"
        run.mkdir(parents=True)
        moment = created.isoformat()
        write(
            run / "config.json",
            {
                "run_id": run.name,
                "target": target,
                "owner_goal": "Answer every command.",
                "base_model": {"id": "mlx-community/Qwen3-0.6B-4bit"},
                "candidate": {"method": "sft-lora"},
                "eval": {
                    "primary": "gold",
                    "threshold": {"primary_min": 0.9, "breadth_drop_max_pp": 8.0},
                },
                "seed": number % 5,
                "hyperparameters": {
                    "iters": 300,
                    "batch_size": 16,
                    "learning_rate": chance.choice([5e-5, 1e-4, 1e-3]),
                    "schedule": "cosine",
                    "lora": {"rank": 16},
                },
                "created": moment,
            },
        )
        write(
            run / "run-status.json",
            {
                "run_id": run.name,
                "phase": "decided",
                "revision": 9,
                "created": moment,
                "updated": moment,
                "stages": {"train": {"state": "done", "peak_tree_rss_bytes": 2_040_109_465}},
            },
        )
        for name in ("baseline", "candidate", "regression-baseline", "regression-candidate"):
            write(
                run / f"eval-{name}.json",
                {
                    "model_id": "base",
                    "command": "evaluate",
                    "suite": "gold",
                    "score": round(chance.random(), 3),
                    "date": moment,
                    "n": 120,
                    "tokens_per_second": 2102.0,
                },
            )
        decision = chance.choice(["ship", "reject", "park"])
        write(run / "decision.json", {"decision": decision, "reason": "Both gates hold."})


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2))


def exponent(start: float, times: dict[int, float], spread: float = 1e-3) -> float:
    """How what is measured grows from the second largest size to the largest: 1 is linear.

    ``start`` is what no runs cost, and ``spread`` what it differs by from one time to the next:
    nothing is taken for less than that. Smaller sizes are shown and not fitted.
    """
    (few, less), (many, more) = sorted(times.items())[-2:]
    least = max(1e-3, spread)
    return math.log(max(least, more - start) / max(least, less - start)) / math.log(many / few)
