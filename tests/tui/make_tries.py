"""A family of runs at one target, for tests of Compare and Loops: each varies one thing."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.tui.make_runs import NOW, evaluation, write

GOLD = "a" * 64
BREADTH = "b" * 64


@dataclass(frozen=True)
class Try:
    """What to make: how many of ``n`` gold rows are right, which settings, how it ended."""

    name: str
    right: int | None = 100
    parent: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    breadth: int = 96
    phase: str = "reporting"
    decision: str | None = None
    gold: str = GOLD
    scorer: str = "json_cmd"
    steps: int = 200
    seed: int = 7
    rows: bool = True
    status: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def make_try(
    workspace: Path,
    one: Try,
    created: datetime,
    *,
    target: str = "drone-router",
    n: int = 120,
    base: int = 24,
) -> Path:
    """Write the run folder of a try. Right rows are the first ones, so that runs flip few rows."""
    path = workspace / "runs" / one.name
    path.mkdir(parents=True)
    settings = {"iters": 300, "learning_rate": 0.002, "lora": {"rank": 16}, "rows": 3000}
    write(
        path / "config.json",
        {
            "run_id": one.name,
            "target": target,
            "owner_goal": "Answer every command of the drone.",
            "base_model": {"id": "mlx-community/Qwen3-0.6B-4bit"},
            "candidate": {"method": "sft-lora", "adapter_format": "mlx-lora"},
            "eval": {
                "primary": "router-gold",
                "regression": "small-skills",
                "threshold": {"primary_min": 0.9, "breadth_drop_max_pp": 8.0},
                "direction": "higher",
                "suites": {"router-gold": one.gold, "small-skills": BREADTH},
            },
            "seed": one.seed,
            "hyperparameters": {**settings, **one.settings},
            "parent_run_id": one.parent,
            "created": created.isoformat(),
            **one.config,
        },
    )
    write(
        path / "dataset.json",
        {
            "dataset_id": f"{target}-data",
            "sources": [{"kind": "generator", "path": "generator.py", "rows": 3000}],
            "processing": {"dedupe": True},
            "counts": {"train_rows": one.settings.get("rows", 3000), "heldout_rows": n},
        },
    )
    write(
        path / "plan.json",
        {
            "run_id": one.name,
            "target_dir": f"targets/{target}",
            "created": created.isoformat(),
            "stages": [
                {"name": "train", "kind": "train", "argv": ["{python}"]},
                {"name": "eval-candidate", "kind": "eval", "argv": ["{python}"]},
            ],
        },
    )
    began = created + timedelta(seconds=5)
    write(
        path / "run-status.json",
        {
            "run_id": one.name,
            "phase": "decided" if one.decision else one.phase,
            "revision": 9,
            "created": created.isoformat(),
            "updated": (created + timedelta(minutes=9)).isoformat(),
            "stages": {
                "train": {
                    "state": "done",
                    "started": began.isoformat(),
                    "ended": (began + timedelta(seconds=0.15 * one.steps)).isoformat(),
                    "attempts": 1,
                    "peak_tree_rss_bytes": 1_900_000_000 + 37_000_000 * (one.seed % 9),
                }
            },
            **one.status,
        },
    )
    for which, right in (("baseline", base), ("candidate", one.right)):
        if right is not None:
            _evaluated(path, which, "router-gold", right, n, one.gold, one.scorer, one.rows)
    for which, right in (("baseline", 98 * n // 100), ("candidate", one.breadth * n // 100)):
        if one.right is not None:
            stem = f"regression-{which}"
            _evaluated(path, stem, "small-skills", right, n, BREADTH, "exact", one.rows)
    if one.decision:
        write(path / "decision.json", {"decision": one.decision, "reason": "As the gates say."})
    write_course(path, one, began)
    return path


def _evaluated(
    path: Path, which: str, suite: str, right: int, n: int, digest: str, scorer: str, rows: bool
) -> None:
    name = f"rows-{which}.jsonl"
    record = evaluation(suite, right / n, n, name if rows else None)
    write(path / f"eval-{which}.json", {**record, "suite_sha256": digest, "scorer": scorer})
    if rows:
        lines = [
            {
                "id": f"g{index:03}",
                "prompt": f"fly to waypoint {index}, please",
                "expected": f'{{"cmd":"goto","args":[{index}]}}',
                "got": f'{{"cmd":"goto","args":[{index + (index >= right)}]}}',
                "score": float(index < right),
                "correct": index < right,
                "error": None if index < right else "args differ",
            }
            for index in range(n)
        ]
        (path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_course(path: Path, one: Try, began: datetime) -> None:
    """The events of a training stage: a falling loss with noise, validation, speed, memory."""
    noise = random.Random(one.name)
    rate = float(one.settings.get("learning_rate", 0.002))
    fall = 40 / max(0.2, math.sqrt(rate / 0.002))
    floor = 0.05 + 0.4 * (1 - (one.right or 60) / 120)
    lines: list[dict[str, Any]] = [
        {"kind": "run-created", "run_id": path.name, "threshold": {}, "suites": {}},
        {"kind": "stage-start", "stage": "train", "command": ["x"], "pid": 1},
    ]
    for step in range(1, one.steps + 1):
        loss = 2.6 * math.exp(-step / fall) + floor + abs(noise.gauss(0, 0.05))
        values = {"loss": loss, "tok_s": 2100 + noise.gauss(0, 60), "tokens": step * 800}
        lines.append({"kind": "metric", "stage": "train", "step": step, "values": values})
        if step % 20 == 0:
            held_out = {"val_loss": loss + 0.08 + 0.0004 * step}
            lines.append({"kind": "metric", "stage": "train", "step": step, "values": held_out})
    if one.status.get("supervisor"):
        done = {"done": one.steps, "total": 3 * one.steps, "unit": "iters"}
        lines.append({"kind": "progress", "stage": "train", **done})
    else:
        lines.append({"kind": "stage-end", "stage": "train", "outcome": "done", "exit_code": 0})
    text = ""
    for seq, line in enumerate(lines):
        moment = (began + timedelta(seconds=0.15 * seq)).isoformat()
        text += json.dumps({"seq": seq, "t": moment, **line}) + "\n"
    (path / "events.jsonl").write_text(text)


def make_tries(
    workspace: Path,
    tries: Sequence[Try],
    target: str = "drone-router",
    *,
    before: datetime = NOW,
) -> None:
    """Write tries one hour after the other, the last one an hour before ``before``."""
    for index, one in enumerate(tries):
        created = before - timedelta(hours=len(tries) - index)
        make_try(workspace, one, created, target=target)


def _named(number: int) -> str:
    return "2026-11-20-drone-router" + (f"-{number}" if number > 1 else "")


STORY = (
    Try(_named(1), right=70, seed=1),
    Try(_named(2), right=74, parent=_named(1), settings={"learning_rate": 0.004}, seed=1),
    Try(_named(3), right=92, parent=_named(1), settings={"rows": 9000}, seed=1),
    Try(_named(4), right=None, parent=_named(3), settings={"rows": 9000, "learning_rate": 0.05},
        phase="failed", status={"last_error": {"stage": "train", "message": "The loss is NaN."}},
        seed=1, steps=60),
    Try(_named(5), right=101, parent=_named(3), settings={"rows": 9000, "lora": {"rank": 32}},
        seed=1, config={"hypothesis": "A higher rank keeps the rare commands."}),
    Try(_named(6), right=112, parent=_named(5), breadth=60,
        settings={"rows": 20000, "lora": {"rank": 32}}, seed=1, decision="reject"),
    Try(_named(7), right=100, parent=_named(5), settings={"rows": 9000, "lora": {"rank": 64}},
        seed=1),
    Try(_named(8), right=113, parent=_named(5),
        settings={"rows": 9000, "lora": {"rank": 32}, "iters": 900}, seed=1, steps=400),
    Try(_named(9), right=114, parent=_named(8),
        settings={"rows": 9000, "lora": {"rank": 32}, "iters": 900}, seed=2, steps=400),
    Try(_named(10), right=None, parent=_named(8), phase="cancelled",
        settings={"rows": 9000, "lora": {"rank": 32}, "iters": 2000}, seed=1, steps=30),
)  # fmt: skip
"""Ten tries: the first is kept, 3, 5 and 8 beat it, 4 crashes, 6 forgets, 9 is within the noise."""
