"""Run folders for the tests of the screens, written file by file as a run would."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def evaluation(suite: str, score: float, n: int, rows: str | None = None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "model_id": "base",
        "command": "evaluate",
        "suite": suite,
        "score": score,
        "passed": True,
        "date": NOW.isoformat(),
        "latency_ms": 12.0,
        "peak_rss_mb": 1900.0,
        "tokens_per_second": 2102.0,
        "notes": [],
        "n": n,
        "metric": "accuracy",
        "direction": "higher",
    }
    if rows:
        record["rows_file"] = rows
    return record


def rows_of(n: int, right: int, seed: int, prompt: str = "go to {}") -> list[dict[str, Any]]:
    correct = [True] * right + [False] * (n - right)
    random.Random(seed).shuffle(correct)
    return [
        {
            "id": f"g{index:03}",
            "prompt": prompt.format(index),
            "expected": f'{{"cmd":"goto","args":[{index}]}}',
            "got": f'{{"cmd":"goto","args":[{index if ok else index + 1}]}}',
            "score": float(ok),
            "correct": ok,
            "error": None if ok else "args differ",
        }
        for index, ok in enumerate(correct)
    ]


def make_run(
    workspace: Path,
    run_id: str,
    *,
    target: str = "drone-router",
    before: float | None = 0.31,
    after: float | None = 0.94,
    breadth: tuple[float, float] | None = (0.98, 0.97),
    decision: dict[str, Any] | None = None,
    phase: str = "reporting",
    created: datetime | None = None,
    n: int = 120,
    status: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    rows: bool = True,
    foreign: bool = False,
) -> Path:
    """A run as far as its arguments say; None leaves the evidence out."""
    path = workspace / "runs" / run_id
    path.mkdir(parents=True)
    created = created or NOW - timedelta(hours=3)
    write(
        path / "config.json",
        {
            "run_id": run_id,
            "target": target,
            "owner_goal": "Answer every command of the drone.",
            "base_model": {"id": "mlx-community/Qwen3-0.6B-4bit"},
            "candidate": {"method": "sft-lora", "adapter_format": "mlx-lora"},
            "eval": {
                "primary": f"{target}-gold",
                "regression": "small-skills" if breadth else None,
                "threshold": {
                    "primary_min": 0.9,
                    "breadth_drop_max_pp": 8.0 if breadth else None,
                },
                "direction": "higher",
            },
            "seed": 7,
            "hyperparameters": {
                "iters": 300,
                "batch_size": 16,
                "learning_rate": 0.002,
                "schedule": "cosine",
                "rows": 3000,
                "replay_share": 0.4,
                "lora": {"rank": 16},
            },
            "created": created.isoformat(),
            **(config or {}),
        },
    )
    write(
        path / "dataset.json",
        {
            "dataset_id": f"{target}-data",
            "sources": [{"kind": "generator", "path": "generator.py", "rows": 3000}],
            "processing": {"dedupe": True},
            "counts": {"train_rows": 3000, "heldout_rows": n, "dropped_rows": 12},
        },
    )
    for which, score, seed in (("baseline", before, 1), ("candidate", after, 2)):
        if score is not None:
            _write_eval(path, which, f"{target}-gold", score, n, seed, rows)
    if breadth is not None:
        for which, score, seed in (("baseline", breadth[0], 3), ("candidate", breadth[1], 4)):
            _write_eval(path, f"regression-{which}", "small-skills", score, n, seed, rows)
    if foreign:
        write(path / "artifact.json", artifact(run_id))
    else:
        _write_ours(path, decision is not None, phase, created, status or {})
    if decision:
        write(path / "decision.json", decision)
    return path


def artifact(run_id: str) -> dict[str, Any]:
    return {
        "artifact_id": run_id,
        "kind": "adapter",
        "path": "adapters",
        "base_model": "mlx-community/Qwen3-0.6B-4bit",
        "format": "mlx-lora",
        "package_dir": "artifacts/x",
        "shipped": True,
        "routing_constraint": None,
    }


def _write_ours(
    path: Path, decided: bool, phase: str, created: datetime, status: dict[str, Any]
) -> None:
    """What only runs of ours have: plan, status, the frozen first event, weights."""
    stage = {"name": "train", "kind": "train", "argv": ["{python}", "-m", "engine.work.train"]}
    write(
        path / "plan.json",
        {
            "run_id": path.name,
            "target_dir": "targets/drone-router",
            "created": created.isoformat(),
            "stages": [stage],
        },
    )
    write(
        path / "run-status.json",
        {
            "run_id": path.name,
            "phase": "decided" if decided else phase,
            "revision": 9,
            "created": created.isoformat(),
            "updated": NOW.isoformat(),
            "stages": {"train": {"state": "done", "peak_tree_rss_bytes": 2_040_109_465}},
            **status,
        },
    )
    write(
        path / "leakage.json",
        {
            "training_file": "data/train.jsonl",
            "training_sha256": "0" * 64,
            "training_rows": 3000,
            "threshold": 0.7,
            "gram": 5,
            "template_share": 0.5,
            "numbers_matter": True,
            "suites": [],
            "date": NOW.isoformat(),
        },
    )
    (path / "adapters").mkdir()
    (path / "adapters" / "adapters.safetensors").write_bytes(b"weights")
    write_events(path, 120)


def _write_eval(
    path: Path, which: str, suite: str, score: float, n: int, seed: int, rows: bool
) -> None:
    right = round(score * n)
    name = f"rows-{which}.jsonl"
    exact = right / n if rows else score
    write(path / f"eval-{which}.json", evaluation(suite, exact, n, name if rows else None))
    if rows:
        text = "".join(json.dumps(row) + "\n" for row in rows_of(n, right, seed))
        (path / name).write_text(text)


def write_events(path: Path, steps: int) -> None:
    """A training stage's events: a falling loss with one point that is not a number."""
    config = json.loads((path / "config.json").read_text())
    lines: list[dict[str, Any]] = [
        {
            "kind": "run-created",
            "run_id": path.name,
            "threshold": config["eval"]["threshold"],
            "suites": {},
            "plan_sha256": sha256((path / "plan.json").read_bytes()).hexdigest(),
        },
        {"kind": "stage-start", "stage": "train", "command": ["x"], "pid": 1},
    ]
    for step in range(1, steps + 1):
        loss: float | str = 3 * math.exp(-step / 30) + 0.1
        lines.append(
            {
                "kind": "metric",
                "stage": "train",
                "step": step,
                "values": {"loss": "nan" if step == 50 else loss, "tok_s": 2140.0},
            }
        )
    text = ""
    for seq, line in enumerate(lines):
        moment = (NOW + timedelta(seconds=seq)).isoformat()
        text += json.dumps({"seq": seq, "t": moment, **line}) + "\n"
    (path / "events.jsonl").write_text(text)


SHIP = {
    "decision": "ship",
    "reason": "Both gates hold on seeds that were not tuned on.",
    "failure_reason": None,
    "failure_reason_confidence": "not-applicable",
    "lesson": "Replay keeps breadth.",
    "next_action": "Serve it.",
    "evidence_sources": ["eval-candidate.json"],
    "blocked_by": [],
}
HOSTILE = "[red]boo[/] \x1b[31mESC\x1b[0m \u202eevil"


def make_workspace(path: Path) -> Path:
    """Runs of every kind: shipped, rejected, undecided, failed, interrupted, broken, foreign."""
    (path / "targets").mkdir(parents=True)
    make_run(path, "2026-11-20-drone-router-2")
    make_run(
        path,
        "2026-11-19-drone-router",
        after=0.98,
        breadth=(0.98, 0.18),
        decision={
            **SHIP,
            "decision": "reject",
            "reason": "Breadth fell by 80 points.",
            "failure_reason": "no replay rows in the training mix",
            "failure_reason_confidence": "exact",
            "lesson": "Without replay it forgets.",
            "blocked_by": ["replay data for swap"],
        },
        created=NOW - timedelta(days=1),
    )
    make_run(
        path,
        "2026-10-02-qwen3-4b-file-ops",
        before=0.58,
        after=1.0,
        breadth=None,
        decision=SHIP,
        created=NOW - timedelta(days=49),
        target="file-ops",
    )
    make_run(
        path,
        "2025-06-28-qwen06-sql-routed",
        before=0.484,
        after=0.531,
        n=64,
        breadth=None,
        target="sql",
        created=NOW - timedelta(days=510),
    )
    make_run(
        path,
        "2026-11-18-stopped",
        after=None,
        breadth=None,
        phase="training",
        status={"supervisor": {"pid": 2**22 - 3, "started": 1.0}, "stage": "train"},
    )
    make_run(
        path,
        "2026-11-17-failed-" + "very-long-name-" * 6 + "end",
        after=None,
        phase="failed",
        status={"last_error": {"stage": "train", "message": f"Out of memory. {HOSTILE}"}},
    )
    broken = make_run(path, "2026-11-16-broken", target=HOSTILE)
    (broken / "eval-candidate.json").write_text('{"score": 0.9')
    foreign = path / "runs" / "experiment-of-someone"
    foreign.mkdir()
    write(foreign / "config.json", {"run_id": "experiment-of-someone", "target": "echo"})
    return path
