"""A small target folder for tests: enough to be planned, not to be trained."""

from __future__ import annotations

import json
from pathlib import Path

FORGE = """\
name: tiny
model:
  base: base
  max_seq_len: 64
lora: {r: 8, alpha: 16, dropout: 0}
training: {batch_size: 4, learning_rate: 1e-3, epochs_max: 2, weight_decay: 0}
eval: {target_accuracy: 0.9, max_new_tokens: 16}
factory:
  goal: Route.
  base: {hidden_size: 16}
  data: {generator: generator.py, rows: 40, replay_share: 0.25, valid_rows: 4}
  suites:
    primary: {name: tiny-gold, file: dataset/gold.jsonl, scorer: json_cmd}
    regression:
      - {name: breadth, file: dataset/breadth.jsonl, scorer: exact}
  gates: {primary_min: 0.8, breadth_drop_max_pp: 5}
"""


def chat(question: str, answer: str) -> str:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages})


def make_target(directory: Path, forge: str = FORGE) -> Path:
    """A target folder ``tiny`` below ``directory/targets``."""
    target = directory / "targets" / "tiny"
    (target / "dataset").mkdir(parents=True)
    (target / "forge.yaml").write_text(forge)
    (target / "generator.py").write_text("def generate(n, focus, seed):\n    return []\n")
    gold = [chat(f"go {i}", json.dumps({"cmd": "go", "args": {"n": i}})) for i in range(5)]
    (target / "dataset" / "gold.jsonl").write_text("\n".join(gold) + "\n")
    breadth = [chat(f"say {i}", str(i)) for i in range(5)]
    (target / "dataset" / "breadth.jsonl").write_text("\n".join(breadth) + "\n")
    return target
