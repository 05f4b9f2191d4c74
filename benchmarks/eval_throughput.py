"""Examples a second of our evaluation against one-by-one generation, alternating in one run.

    python benchmarks/eval_throughput.py [--quick] [--check] [--slack SHARE] [--json FILE]

Ours is what an eval stage does when nobody sets a batch size: batches by length, a shared beginning
computed once, rows that have ended make room. The other side asks ``mlx_lm.stream_generate``, which
is what ``mlx_lm.generate`` does, one prompt after the other. Both have the same process, prompts,
loaded model, BLAS and limit of new tokens, and both count until the answer is text.

The demo's candidate is trained first, by the demo's own plan, and answers its own gold set; its
answers end by themselves. The model of some 25 million random weights never ends, so every answer
of it has all the tokens of the limit, on both sides. "Shared" has the same 200 tokens before every
prompt. The one-by-one side of the large model answers an even sample of the prompts: its examples a
second do not depend on how many there are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.judge.latency import evenly_spread, median  # noqa: E402

SHARED = 200
"""Tokens that stand before every prompt of the second case of each model."""

BOUNDS = {"demo": 5.0, "demo, shared": 10.0, "25 M": 9.0, "25 M, shared": 18.0}
"""The least ratio that is asked for."""

SHORT = ("factory.base.steps=150", "factory.train.iters=240", "factory.data.rows=3000")
"""The demo's candidate of the short form: trained less, of the same size."""

Prompts = list[list[int]]


def demo_run(folder: Path, quick: bool) -> tuple[Path, Path]:
    """Train the demo's candidate in a copy of the samples: its base model and its adapter."""
    for name in ("runs", "loops", "artifacts"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "sample_runs/factory.toml", folder)
    shutil.copytree(ROOT / "sample_runs/targets", folder / "targets")
    command = [sys.executable, "-P", "-m", "engine.cli", "run", "drone-router", "-w", str(folder)]
    command += ["--set", "factory.stages=[pretrain, data, train]"]
    for setting in SHORT if quick else ():
        command += ["--set", setting]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    runs = list((folder / "runs").iterdir())
    adapter = runs[0] / "adapters" if runs else folder
    if not (adapter / "adapters.safetensors").is_file():
        raise SystemExit(f"The demo's candidate was not trained:\n{done.stdout}\n{done.stderr}")
    return next((folder / ".factory/cache/bases").iterdir()), adapter


def gold_prompts(tokenizer: Any, count: int) -> Prompts:
    """The prompts of the demo's gold set, as its evaluation makes them."""
    from engine.judge.suites import load_suite
    from engine.work.prompting import prompts_of

    suite = load_suite(
        ROOT / "sample_runs/targets/drone-router/dataset/gold.jsonl", "gold", "json_cmd"
    )
    return prompts_of(tokenizer, suite)[:count]


def made_prompts(tokenizer: Any, count: int) -> Prompts:
    """Made-up questions of 6 to 16 tokens."""
    from tests.engine.work.tiny import chat_rows

    return [
        list(
            tokenizer.apply_chat_template(
                row["messages"][:-1], add_generation_prompt=True, return_dict=False
            )
        )
        for row in chat_rows(count, 10, 20)
    ]


def with_shared(prompts: Prompts) -> Prompts:
    """The same prompts behind the same tokens: those of the first prompts, over and over."""
    tokens = [token for prompt in prompts for token in prompt]
    while len(tokens) < SHARED:
        tokens += tokens
    return [tokens[:SHARED] + prompt for prompt in prompts]


def one_by_one(model: Any, tokenizer: Any, prompts: Prompts, limit: int) -> list[str]:
    """The answers of mlx-lm's own path; texts of its tokens, without what a stream holds back."""
    from mlx_lm import stream_generate

    found = []
    for prompt in prompts:
        tokens = [one.token for one in stream_generate(model, tokenizer, prompt, max_tokens=limit)]
        kept = [token for token in tokens if token not in tokenizer.eos_token_ids]
        found.append(tokenizer.decode(kept) if kept else "")
    return found


def in_batches(model: Any, tokenizer: Any, prompts: Prompts, limit: int) -> list[str]:
    """The answers of an eval stage that chooses its batch size itself."""
    from engine.work import batch_size
    from engine.work.generation import How, answers

    rows = batch_size.chosen(model, [len(prompt) for prompt in prompts], limit)
    found = list(answers(model, tokenizer, prompts, How(limit, rows)))
    return [one.text for one in sorted(found, key=lambda one: one.index)]


def measure(
    name: str, model: Any, tokenizer: Any, prompts: Prompts, alone: int, limit: int, rounds: int
) -> dict[str, Any]:
    """Both sides in turn; the ratio is that of the best rounds.

    What else a machine does only ever makes a round slower, so the best round is the nearest to
    what a side can do; the medians are written down beside it. So is the ratio of examples a second
    of processor time, which a busy machine disturbs less; it does not see that ours uses more than
    one core.
    """
    places = evenly_spread(len(prompts), alone)
    few = [prompts[place] for place in places]
    rates: dict[str, list[float]] = {"ours": [], "one by one": []}
    busy: dict[str, list[float]] = {"ours": [], "one by one": []}
    answers: dict[str, list[str]] = {}
    for number in range(rounds):
        # The side that begins changes, so that a machine that warms up favours neither.
        for side in list(rates)[:: 1 if number % 2 else -1]:
            way, asked = (in_batches, prompts) if side == "ours" else (one_by_one, few)
            begin, processor = time.perf_counter(), time.process_time()
            answers[side] = way(model, tokenizer, asked, limit)
            busy[side].append(len(asked) / (time.process_time() - processor))
            rates[side].append(len(asked) / (time.perf_counter() - begin))
            print(f"{name:14}{side:11}{rates[side][-1]:10,.1f} examples/s", file=sys.stderr)
    equal = sum(
        answers["ours"][place] == answers["one by one"][number]
        for number, place in enumerate(places)
    )
    best = {side: max(values) for side, values in rates.items()}
    return {
        "examples_per_s": rates,
        "best": best,
        "median": {side: median(values) for side, values in rates.items()},
        "ratio": best["ours"] / best["one by one"],
        "processor_ratio": max(busy["ours"]) / max(busy["one by one"]),
        "bound": BOUNDS[name],
        "equal": equal,
        "compared": len(places),
    }


def cases(folder: Path, args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The figures of every case."""
    from engine.work import blas

    print("training the demo's candidate …", file=sys.stderr)
    base, adapter = demo_run(folder / "demo", args.quick)
    print(blas.prepare()["text"], file=sys.stderr)
    blas.keep_memory()  # as in an eval stage
    from mlx_lm.utils import load

    from tests.engine.work.tiny import make_model

    figures = {}
    count = 90 if args.quick else 180
    model, tokenizer = load(str(base), adapter_path=str(adapter))
    prompts = gold_prompts(tokenizer, count)
    for name, asked in (("demo", prompts), ("demo, shared", with_shared(prompts))):
        figures[name] = measure(name, model, tokenizer, asked, count, 40, args.rounds)
    model, tokenizer = load(str(make_model(folder / "large", hidden=512, layers=10, heads=8)))
    prompts = made_prompts(tokenizer, count)
    few, limit = (6 if args.quick else 24), 10
    for name, asked in (("25 M", prompts), ("25 M, shared", with_shared(prompts))):
        figures[name] = measure(name, model, tokenizer, asked, few, limit, args.rounds)
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a small form for CI, about a minute")
    parser.add_argument("--check", action="store_true", help="exit 1 when a ratio is too low")
    parser.add_argument(
        "--slack", type=float, default=1.0, help="bounds are multiplied by this on a noisy machine"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int)
    args = parser.parse_args(argv)
    args.rounds = args.rounds or (2 if args.quick else 4)
    with tempfile.TemporaryDirectory() as name:
        figures = cases(Path(name), args)
    print(
        f"{'model':14}{'ours ex/s':>11}{'one by one':>12}{'ratio':>8}{'bound':>7}{'processor':>11}"
        "  equal answers"
    )
    for case, one in figures.items():
        print(
            f"{case:14}{one['best']['ours']:11,.1f}{one['best']['one by one']:12,.1f}"
            f"{one['ratio']:8.1f}{one['bound']:7.0f}{one['processor_ratio']:11.1f}"
            f"  {one['equal']} of {one['compared']}"
        )
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    enough = all(one["ratio"] >= one["bound"] * args.slack for one in figures.values())
    return int(args.check and not enough)


if __name__ == "__main__":
    sys.exit(main())
