"""Makes run folders for tests: one of ours, whole and valid, and one of another tool.

Everything is written by hand here and not by the code under test, so that a test that changes
one thing knows that only this one thing is wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
RUN_ID = "2026-11-20-router"
FOREIGN_ID = "2026-07-02-pace-planner-sft-v1"
PRIMARY = "router-gold"
BREADTH = "router-breadth"
BASE = "router/tiny"
ASKED = {PRIMARY: "fly to point", BREADTH: "repeat number"}
"""What the prompts of a suite begin with; the number of the row follows."""


def answer(number: int) -> str:
    """The expected answer of a row, from 0."""
    return json.dumps({"cmd": "goto", "args": [number]})


def time(minutes: float = 0.0) -> str:
    return (DAY + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", "utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file: ``change`` edits the value, or returns another."""
    value = read_json(path)
    changed = change(value)
    write_json(path, value if changed is None else changed)


def put(path: Path, pointer: str, value: Any) -> None:
    """Set the value at a JSON pointer such as ``/eval/threshold/primary_min``."""

    def change(whole: Any) -> None:
        *way, last = pointer.strip("/").split("/")
        node = whole
        for key in way:
            node = node[int(key)] if isinstance(node, list) else node[key]
        node[int(last) if isinstance(node, list) else last] = value

    edit(path, change)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- a run of ours ------------------------------------------------------------------------


def make_run(
    workspace: Path,
    *,
    run_id: str = RUN_ID,
    n: int = 40,
    right: tuple[int, int] = (8, 38),
    breadth: tuple[int, int] = (39, 38),
    primary_min: float = 0.9,
    breadth_drop_max_pp: float = 8.0,
    phase: str = "reporting",
) -> Path:
    """A run of ours that has ended and waits for its decision; returns its folder.

    ``right`` and ``breadth`` are how many of ``n`` answers are right before and after, on the
    primary and on the regression suite. The defaults pass every gate.
    """
    target = workspace / "targets" / "router"
    suites = {
        PRIMARY: _suite(target / "dataset" / "gold.jsonl", ASKED[PRIMARY], n),
        BREADTH: _suite(target / "dataset" / "breadth.jsonl", ASKED[BREADTH], n),
    }
    source = target / "dataset" / "canonical.jsonl"
    _suite(source, "training row", 60)
    run = workspace / "runs" / run_id
    run.mkdir(parents=True)
    threshold = {"primary_min": primary_min, "breadth_drop_max_pp": breadth_drop_max_pp}
    write_json(
        run / "config.json",
        {
            "run_id": run_id,
            "target": "router",
            "owner_goal": "Route a sentence to a command.",
            "base_model": {"id": BASE, "revision": "abc", "precision": "float32"},
            "candidate": {
                "method": "sft-lora",
                "adapter_format": "mlx-lora",
                "training_command": "factory-tui run router --seed 0",
            },
            "eval": {
                "primary": PRIMARY,
                "regression": BREADTH,
                "threshold": threshold,
                "direction": "higher",
                "suites": suites,
            },
            "seed": 0,
            "created": time(),
        },
    )
    write_json(
        run / "dataset.json",
        {
            "dataset_id": "router-data",
            "sources": [
                {
                    "kind": "canonical",
                    "path": "dataset/canonical.jsonl",
                    "rows": 60,
                    "sha256": sha256(source),
                }
            ],
            "processing": {"dedupe": True, "quality_filter": False, "heldout_split": "locked"},
            "counts": {"train_rows": 60, "heldout_rows": 2 * n, "dropped_rows": 0},
        },
    )
    write_json(run / "plan.json", _plan(run_id))
    _evals(run, n, right, breadth, suites)
    (run / "data").mkdir()
    (run / "data" / "train.jsonl").write_bytes(source.read_bytes())
    write_json(run / "leakage.json", leakage(run / "data" / "train.jsonl", suites))
    (run / "adapters").mkdir()
    (run / "adapters" / "adapters.safetensors").write_bytes(b"weights")
    (run / "train.log").write_text("Iter 1: loss 1.0\n", "utf-8")
    events = [
        {
            "kind": "run-created",
            "run_id": run_id,
            "threshold": threshold,
            "suites": suites,
            "plan_sha256": sha256(run / "plan.json"),
        },
        {"kind": "phase", "from_phase": "created", "to_phase": phase},
    ]
    write_events(run / "events.jsonl", events)
    write_json(run / "run-status.json", _status(run_id, phase))
    return run


def write_events(path: Path, events: Sequence[dict[str, Any]]) -> None:
    lines = [
        json.dumps({"seq": number, "t": time(number / 10), **event}, separators=(",", ":"))
        for number, event in enumerate(events)
    ]
    path.write_text("".join(line + "\n" for line in lines), "utf-8")


def witness(run: Path) -> None:
    """Add what the supervisor and the workers note: the hash of each record as it was written, of
    the first event and of the adapter."""
    lines = (run / "events.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    names = [path.name for path in sorted([*run.glob("eval-*.json"), *run.glob("rows-*.jsonl")])]
    for name in [*names, "leakage.json", "data/train.jsonl"]:
        events.append({"kind": "record", "file": name, "sha256": sha256(run / name)})
    write_events(run / "events.jsonl", [strip(event) for event in events])
    first = (run / "events.jsonl").read_bytes().split(b"\n")[0]
    weights = "adapters/adapters.safetensors"
    write_json(
        run / "provenance.json",
        {
            "run_id": run.name,
            "written": time(4),
            "adapters": {weights: sha256(run / weights)},
            "datasets": {"data/train.jsonl": sha256(run / "data" / "train.jsonl")},
            "frozen_sha256": hashlib.sha256(first).hexdigest(),
        },
    )


def strip(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what the writer adds."""
    return {key: value for key, value in event.items() if key not in ("seq", "t")}


def _suite(path: Path, what: str, n: int) -> str:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"{what} {number}"},
                {"role": "assistant", "content": answer(number)},
            ],
            "category": "even" if number % 2 == 0 else "odd",
        }
        for number in range(n)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return sha256(path)


def leakage(training: Path, suites: dict[str, str]) -> dict[str, Any]:
    """The record of a search that found nothing."""
    return {
        "training_file": "data/train.jsonl",
        "training_sha256": sha256(training),
        "training_rows": 60,
        "threshold": 0.7,
        "gram": 5,
        "template_share": 0.02,
        "numbers_matter": True,
        "refused": {},
        "suites": [
            {"suite": name, "file": file, "sha256": suites[name], "rows": 40}
            for name, file in ((PRIMARY, "dataset/gold.jsonl"), (BREADTH, "dataset/breadth.jsonl"))
        ],
        "date": time(1),
    }


def _plan(run_id: str) -> dict[str, Any]:
    def evaluation(which: str) -> dict[str, Any]:
        suites = [
            {
                "role": role,
                "name": name,
                "file": file,
                "scorer": "json_cmd",
                "direction": "higher",
                "record": f"eval-{stem}.json",
                "rows": f"rows-{stem}.jsonl",
            }
            for role, name, file, stem in (
                ("primary", PRIMARY, "dataset/gold.jsonl", which),
                ("regression", BREADTH, "dataset/breadth.jsonl", f"regression-{which}"),
            )
        ]
        return {
            "name": f"eval-{which}",
            "kind": "eval",
            "argv": ["{python}", "-m", "engine.work.evaluate"],
            "spec": {"model": "base", "suites": suites},
            "outputs": [suite["record"] for suite in suites],
        }

    return {
        "run_id": run_id,
        "target_dir": "targets/router",
        "created": time(),
        "stages": [
            {"name": "data", "kind": "data", "argv": ["{python}"], "leaves": "data-ready"},
            evaluation("baseline"),
            {"name": "train", "kind": "train", "argv": ["{python}"], "enters": "training"},
            evaluation("candidate"),
        ],
    }


def _status(run_id: str, phase: str) -> dict[str, Any]:
    stages = {
        name: {
            "state": "done",
            "started": time(minute),
            "ended": time(minute + 0.5),
            "attempts": 1,
            "exit_code": 0,
        }
        for minute, name in enumerate(("data", "eval-baseline", "train", "eval-candidate"))
    }
    stages["train"]["peak_tree_rss_bytes"] = 500 * 2**20
    return {
        "run_id": run_id,
        "phase": phase,
        "revision": 7,
        "created": time(),
        "updated": time(5),
        "started": time(),
        "stages": stages,
    }


def _evals(
    run: Path, n: int, right: tuple[int, int], breadth: tuple[int, int], suites: dict[str, str]
) -> None:
    for suite, stem, counts in ((PRIMARY, "", right), (BREADTH, "regression-", breadth)):
        for which, correct in zip(("baseline", "candidate"), counts, strict=True):
            write_eval(run, f"{stem}{which}", suite, suites[suite], [k < correct for k in range(n)])


def write_eval(run: Path, stem: str, suite: str, digest: str, right: Sequence[bool]) -> None:
    """An eval record and its rows, from which answers are right."""
    rows = [
        {
            "id": str(number + 1),
            "prompt": f"{ASKED[suite]} {number}",
            "expected": answer(number),
            "got": answer(number) if correct else "no idea",
            "score": float(correct),
            "correct": correct,
            "error": None if correct else "the answer is prose, not JSON",
            "slice": "even" if number % 2 == 0 else "odd",
            "latency_ms": 12.0,
            "tokens": 9,
        }
        for number, correct in enumerate(right)
    ]
    rows_file = run / f"rows-{stem}.jsonl"
    rows_file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    write_json(
        run / f"eval-{stem}.json",
        {
            "model_id": BASE,
            "command": "python -m engine.work.evaluate",
            "suite": suite,
            "score": sum(right) / len(right),
            "passed": None,
            "date": time(3),
            "latency_ms": 12.0,
            "peak_rss_mb": 200.0,
            "tokens_per_second": 900.0,
            "notes": ["greedy"],
            "n": len(right),
            "metric": "accuracy",
            "direction": "higher",
            "rows_file": rows_file.name,
            "rows_sha256": sha256(rows_file),
            "suite_sha256": digest,
            "scorer": "json_cmd",
            "slices": {
                "even": {"n": len(right) // 2, "score": 0.5},
                "odd": {"n": len(right) // 2, "score": 0.25},
            },
        },
    )


SHIP = {
    "decision": "ship",
    "reason": "Every gate passes.",
    "next_action": "Register it.",
    "evidence_sources": ["eval-candidate.json", "rows-candidate.jsonl"],
    "blocked_by": [],
}

REJECT = {
    "decision": "reject",
    "reason": "It forgot too much.",
    "failure_reason": "No replay in the mix.",
    "failure_reason_confidence": "inferred",
    "lesson": "Keep a fifth of breadth rows.",
    "next_action": "Run again with replay.",
    "evidence_sources": ["eval-candidate.json"],
    "blocked_by": [],
}


def artifact(run: Path, **changes: Any) -> None:
    value = {
        "artifact_id": run.name,
        "kind": "adapter",
        "path": "adapters",
        "base_model": BASE,
        "format": "mlx-lora",
        "package_dir": "artifacts/router",
        "shipped": True,
    }
    write_json(run / "artifact.json", value | changes)


def make_shipped(workspace: Path, **settings: Any) -> Path:
    """A run of ours that was shipped, as another hand would have written it."""
    run = make_run(workspace, phase="decided", **settings)
    write_json(run / "decision.json", SHIP)
    artifact(run)
    return run


# --- a folder of another tool --------------------------------------------------------------


def make_foreign(
    workspace: Path, decision: dict[str, Any] | None = None, *, n: int | None = 200
) -> Path:
    """The documented files and nothing else, as the public run schema shows them.

    ``n`` is how many examples the scores are of; None leaves that out, as the schema may.
    """
    run = workspace / "runs" / FOREIGN_ID
    run.mkdir(parents=True)
    for name, value in foreign_files(decision).items():
        counted = {"n": n} if name.startswith("eval-") and n is not None else {}
        write_json(run / name, value | counted)
    (run / "train.log").write_text("step 1 loss 2.0\n", "utf-8")
    (run / "report.md").write_text("# Pace planner\n\nShipped.\n", "utf-8")
    return run


def foreign_files(decision: dict[str, Any] | None = None) -> dict[str, Any]:
    base = "Qwen/Qwen3-4B-Instruct-2507"

    def evaluation(suite: str, score: float) -> dict[str, Any]:
        return {
            "model_id": base,
            "command": "tinygpt eval ...",
            "suite": suite,
            "score": score,
            "passed": score >= 0.95,
            "date": "2026-07-02",
        }

    return {
        "config.json": {
            "run_id": FOREIGN_ID,
            "target": "pace-planner",
            "owner_goal": "Improve Pace planner action grounding without breadth regression.",
            "base_model": {
                "id": base,
                "revision": "cdbee75f17c01a7cc42f958dc650907174af0554",
                "precision": "bf16",
            },
            "candidate": {
                "method": "sft-lora",
                "adapter_format": "tgla",
                "training_command": "tinygpt sft ...",
            },
            "eval": {
                "primary": "pace-v11-ship-gate",
                "regression": "bfcl-heldout-breadth",
                "threshold": {"primary_min": 0.95, "breadth_drop_max_pp": 3},
            },
        },
        "dataset.json": {
            "dataset_id": "pace-planner-v11-sft",
            "sources": [{"kind": "trace", "path": "evals/...", "rows": 709}],
            "processing": {"dedupe": True, "quality_filter": True, "heldout_split": "locked"},
            "counts": {"train_rows": 650, "heldout_rows": 59, "dropped_rows": 0},
        },
        "eval-baseline.json": evaluation("pace-v11-ship-gate", 0.7),
        "eval-candidate.json": evaluation("pace-v11-ship-gate", 0.97),
        "eval-regression-baseline.json": evaluation("bfcl-heldout-breadth", 0.6),
        "eval-regression-candidate.json": evaluation("bfcl-heldout-breadth", 0.58),
        "artifact.json": {
            "artifact_id": "pace-planner-sft-v1",
            "kind": "adapter",
            "path": "~/.cache/tinygpt/models/pace-planner-sft-v1",
            "base_model": base,
            "format": "tgla",
            "package_dir": "specialists/pace-planner-sft-v1",
            "shipped": True,
        },
        "decision.json": decision
        or {
            "decision": "ship",
            "reason": "Primary score cleared threshold with acceptable breadth retention.",
            "next_action": "Register specialist package and add model card.",
            "blocked_by": [],
        },
    }
