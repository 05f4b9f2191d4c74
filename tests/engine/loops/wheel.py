"""A target whose stages are small programs: a flywheel turns in a second, with real processes."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from engine.loops.flywheel.making import Wish, make_flywheel
from engine.loops.folder import LoopFolder
from engine.loops.run import kind_of
from engine.loops.runner import Runner
from engine.plans.programs import agree_to, not_agreed
from engine.records.loop import (
    IterationCommit,
    IterationData,
    IterationPlan,
    IterationRun,
    IterationVerdict,
)
from engine.target import load_target
from engine.workspace import Workspace

FORGE = """\
# A target that learns by counting its rows.
name: counter
model: {base: base, max_seq_len: 64}
lora: {r: 8, alpha: 16, dropout: 0}
training: {batch_size: 4, learning_rate: 1e-3, epochs_max: 2, weight_decay: 0}
eval: {target_accuracy: 0.99, scorer: exact, max_new_tokens: 16}
flywheel: {max_iterations: 3, augment_per_failure: 10}
factory:
  goal: Count.
  base: {hidden_size: 16}
  data: {generator: generator.py, rows: 40, valid_rows: 4}
  suites:
    primary: {name: counter-gold, file: dataset/gold.jsonl, scorer: exact}
    regression:
      - {name: breadth, file: dataset/breadth.jsonl, scorer: exact}
  gates: {primary_min: 0.8, breadth_drop_max_pp: 5}
  stages:
    - {name: eval-baseline, argv: ["{python}", stage.py, baseline, "{run}", "{target}"]}
    - {name: train, argv: ["{python}", stage.py, train, "{run}", "{target}"]}
    - name: judge-candidate
      argv: ["{python}", stage.py, candidate, "{run}", "{target}"]
      enters: evaluating
      leaves: evaluated
"""

GENERATOR = """
import random

def generate(n, focus=None, seed=0):
    dice = random.Random(f"{seed} {focus}")
    words = ["alpha", "bravo", "carol", "delta", "echo", "fox", "golf", "hotel", "india", "julia"]
    return [
        {
            "messages": [
                {"role": "user", "content": " ".join(dice.sample(words, 6))},
                {"role": "assistant", "content": "yes"},
            ],
            "category": dice.choice(["small", "large"]),
        }
        for _ in range(n)
    ]
"""

STAGE = """
import hashlib, json, sys
from pathlib import Path

what, run, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
config = json.loads((run / "config.json").read_text())
canonical = [one for one in (target / "dataset/canonical.jsonl").read_text().splitlines() if one]

def record(name, rows_name, suite, file, quality):
    data = (target / file).read_bytes()
    rows = []
    for line, text in enumerate(data.decode().splitlines(), start=1):
        row = json.loads(text)
        prompt = row["messages"][0]["content"]
        right = int(hashlib.sha256(prompt.encode()).hexdigest(), 16) % 100 < quality
        rows.append({
            "id": str(line), "prompt": prompt, "expected": "yes", "got": "yes" if right else "no",
            "score": float(right), "correct": right, "slice": row.get("category"),
        })
    (run / rows_name).write_text("".join(json.dumps(one) + "\\n" for one in rows))
    mean = sum(one["score"] for one in rows) / len(rows)
    (run / name).write_text(json.dumps({
        "model_id": "counter", "command": "stage.py", "suite": suite, "score": mean,
        "date": "2026-01-01", "n": len(rows), "metric": "accuracy", "scorer": "exact",
        "suite_sha256": hashlib.sha256(data).hexdigest(), "rows_file": rows_name,
        "rows_sha256": hashlib.sha256((run / rows_name).read_bytes()).hexdigest(),
    }))

if what == "train":
    (run / "adapters").mkdir(exist_ok=True)
    (run / "adapters/adapters.safetensors").write_bytes(b"weights")
    (run / "adapters/adapter_config.json").write_text("{}")
    (run / "data").mkdir(exist_ok=True)
    (run / "data/train.jsonl").write_text("\\n".join(canonical))
    print(f"trained on {len(canonical)} rows")
else:
    quality = 10 if what == "baseline" else min(95, 20 + len(canonical))
    record(f"eval-{what}.json", f"rows-{what}.jsonl", "dev", "dataset/dev.jsonl", quality)
    record(
        f"eval-regression-{what}.json", f"rows-regression-{what}.jsonl", "breadth",
        "dataset/breadth.jsonl", 90,
    )
"""


def make_wheel(directory: Path, forge: str = FORGE, stage: str = STAGE) -> Workspace:
    """A workspace with the target ``counter``."""
    target = directory / "targets/counter"
    (target / "dataset").mkdir(parents=True)
    (directory / "runs").mkdir()
    (directory / "factory.toml").write_text(
        "[supervisor]\ninterrupt_s = 0.6\nterminate_s = 0.4\nsample_s = 0.1\n"
    )
    (target / "forge.yaml").write_text(forge)
    (target / "BACKGROUND.md").write_text("# Background\n")
    (target / "generator.py").write_text(GENERATOR)
    (target / "stage.py").write_text(textwrap.dedent(stage))
    _write(target / "dataset/gold.jsonl", "gold", 30)
    _write(target / "dataset/breadth.jsonl", "breadth", 30)
    _write(target / "dataset/canonical.jsonl", "canonical", 12)
    return Workspace(directory)


def _write(path: Path, word: str, count: int) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"{word} question about the number {i} of {i * i}"},
                {"role": "assistant", "content": "yes"},
            ],
            "category": "small" if i % 2 else "large",
        }
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def agree_now(workspace: Workspace) -> None:
    """Agree to what the target brings as it is now."""
    agree_to(workspace, not_agreed(workspace, load_target(workspace.target_path("counter"))))


def make_loop(workspace: Workspace, **wish: Any) -> LoopFolder:
    """A loop on the target, whose programs are agreed to."""
    agree_now(workspace)
    return make_flywheel(workspace, workspace.target_path("counter"), Wish(**wish))


def turn(folder: LoopFolder) -> int:
    """Run the loop in this process; its runs are real, with supervisors of their own."""
    return Runner(folder).run(kind_of)


def experiments(folder: LoopFolder) -> list[tuple[Any, ...]]:
    """What was tried and what came of it, without names and times."""
    found: list[tuple[Any, ...]] = []
    for number in folder.iterations():
        plan, run = folder.done(number, IterationPlan), folder.done(number, IterationRun)
        verdict = folder.done(number, IterationVerdict)
        data, commit = folder.done(number, IterationData), folder.done(number, IterationCommit)
        assert plan and run and verdict and data and commit
        found.append((number, plan.patches, verdict.outcome, verdict.score, data.canonical_rows))
    return found
