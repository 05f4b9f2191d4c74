"""What this machine could do at most, and how much of it training and decoding reach.

    python benchmarks/limits.py [--quick] [--json FILE]

The limit is a roofline: the best float32 matrix product that MLX does here, in operations a second,
and the best of its large memory kernels or of the C library's copy, in bytes a second,
with one BLAS thread and with one for every core; what a training step under LoRA and a decoded
token need at least is counted in ``roofline.py``. Beside it stands what our train stage and our
generation do with the same model on the same machine. Small models are far from the limit: there
the time goes into starting many small operations, not into arithmetic.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import train_throughput as training  # noqa: E402
from figures import Figure, add_json_option, report  # noqa: E402
from roofline import (  # noqa: E402
    Machine,
    Shape,
    decode_bytes,
    decode_flop,
    lora_step_bytes,
    lora_step_flop,
)

TOKENS = 128
"""Tokens of a training row."""

PROMPT, FIRST, STEPS = 16, 4, 32
"""Decoding: tokens of a prompt, those of an answer that are not timed, and those that are."""

MODELS = {"small": (128, 2, 8, 120), "large": (512, 10, 4, 20)}
"""Hidden size, layers, rows of a training batch and steps of a round."""


def best_rate(work: Callable[[], Any], amount: float, seconds: float) -> float:
    """``amount`` over the shortest time of ``work``, tried for ``seconds`` and at least thrice."""
    import mlx.core as mx

    mx.eval(work())
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < until:
        begin = time.perf_counter()
        mx.eval(work())
        times.append(time.perf_counter() - begin)
    return amount / min(times)


def kernel_child(quick: bool) -> dict[str, dict[str, float]]:
    """Operations a second by the size of the product, bytes a second by the kernel."""
    from engine.work import blas

    on_gpu = blas.prepare()["device"] == "gpu"
    blas.keep_memory()
    import mlx.core as mx

    seconds = 0.3 if quick else 1.5
    sizes = (512, 1024) if quick else (256, 512, 1024, 2048)
    flop_s = {}
    for size in (*sizes, 4096, 8192) if on_gpu else sizes:
        left, right = mx.random.normal((size, size)), mx.random.normal((size, size))
        mx.eval(left, right)
        flop_s[str(size)] = best_rate(lambda a=left, b=right: a @ b, 2.0 * size**3, seconds)
    side = 16384 if on_gpu else (4096 if quick else 8192)
    one, two, thin = mx.ones((side, side)), mx.ones((side, side)), mx.ones((side, 1))
    mx.eval(one, two, thin)
    moved = 4.0 * side * side
    bytes_s = {
        "copy": best_rate(lambda: -one, 2 * moved, seconds),
        "add": best_rate(lambda: one + two, 3 * moved, seconds),
        "sum": best_rate(lambda: one.sum(), moved, seconds),
        "matrix times vector": best_rate(lambda: one @ thin, moved, seconds),
    }
    if not on_gpu:
        # MLX's own kernels compute more than they move on a CPU; the C library's copy does not.
        bytes_s["C library's copy"] = copy_rate(int(moved), seconds)
    return {"flop_s": flop_s, "bytes_s": bytes_s}


def copy_rate(size: int, seconds: float) -> float:
    """Bytes a second that a copy of so many bytes reads and writes, the best of its tries."""
    import numpy as np

    source, target = np.ones(size // 4, np.float32), np.zeros(size // 4, np.float32)
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        begin = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - begin)
    return 2.0 * size / best


def decode_child(model_path: str, rows: int, rounds: int) -> dict[str, float]:
    """Decoded tokens a second: what longer answers cost more than short ones, best of rounds."""
    from engine.work import blas

    blas.prepare()
    blas.keep_memory()
    from eval_throughput import made_prompts
    from mlx_lm.utils import load

    from engine.work.generation import How, answers

    model, tokenizer = load(model_path)
    prompts = [(2 * one + one)[:PROMPT] for one in made_prompts(tokenizer, rows)]

    def spent(limit: int) -> tuple[float, int]:
        begin = time.perf_counter()
        found = list(answers(model, tokenizer, prompts, How(limit, rows)))
        return time.perf_counter() - begin, sum(one.tokens for one in found)

    spent(FIRST)
    short = min(spent(FIRST) for _ in range(rounds))
    long = min(spent(FIRST + STEPS) for _ in range(rounds))
    return {"tok_s": (long[1] - short[1]) / (long[0] - short[0])}


def child(*words: str, threads: int | None = None) -> Any:
    """What a child of this script found, as the last line of its output."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    if threads:
        env["OPENBLAS_NUM_THREADS"] = str(threads)
    output = subprocess.check_output([sys.executable, __file__, *words], env=env, text=True)
    return json.loads(output.splitlines()[-1])


def measured_machine(quick: bool) -> tuple[Machine, list[Figure]]:
    """The best of one BLAS thread and one for every core."""
    quick_word = ["--quick"] if quick else []
    counts = sorted({1, os.cpu_count() or 1})
    found = [child("--kernel-child", *quick_word, threads=count) for count in counts]
    flop, size, threads = max(
        (rate, size, count)
        for count, one in zip(counts, found, strict=True)
        for size, rate in one["flop_s"].items()
    )
    moved, kernel = max((rate, name) for one in found for name, rate in one["bytes_s"].items())
    return Machine(flop, moved), [
        Figure(
            "limit-flops",
            "Training",
            "limit of the machine: float32 matrix product",
            f"{flop / 1e9:,.0f} GFLOP/s ({size} × {size}, {threads} BLAS threads)",
            against=f"one thread {max(found[0]['flop_s'].values()) / 1e9:,.0f} GFLOP/s",
        ),
        Figure(
            "limit-bandwidth",
            "Evaluation",
            "limit of the machine: memory",
            f"{moved / 1e9:,.1f} GB/s ({kernel})",
        ),
    ]


def training_figure(name: str, shape: Shape, machine: Machine, folder: Path, rounds: int) -> Figure:
    """Our train stage on rows of one length, the best round, beside the limit."""
    from tests.engine.work.tiny import chat_rows, write_rows

    _, _, rows, iters = MODELS[name]
    write_rows(folder / "train.jsonl", chat_rows(rows * iters, TOKENS, TOKENS))
    write_rows(folder / "valid.jsonl", chat_rows(rows, TOKENS, TOKENS, seed=1))
    asked = argparse.Namespace(iters=iters, batch_size=rows)
    pace = max(training.ours(folder, training.settings(asked)) for _ in range(rounds))
    flop = lora_step_flop(shape, training.LORA["rank"], rows, TOKENS)
    limit = rows * TOKENS / machine.seconds(flop, lora_step_bytes(shape))
    return Figure(
        f"limit-train-{name}",
        "Training",
        f"LoRA step of {shape.weights / 1e6:.1f} M weights, {rows} rows of {TOKENS} tokens: share"
        " of the machine's limit",
        f"{pace.tok_s / limit:.0%} ({pace.tok_s:,.0f} tok/s)",
        against=f"limit {limit:,.0f} tok/s ({flop / 1e9:,.1f} GFLOP a step)",
    )


def decode_figure(
    name: str, shape: Shape, machine: Machine, folder: Path, rows: int, rounds: int
) -> Figure:
    """Our generation with so many rows at a time, beside the limit."""
    pace = child("--decode-child", str(folder / "model"), str(rows), str(rounds))["tok_s"]
    context = PROMPT + FIRST + STEPS / 2
    flop, moved = decode_flop(shape, rows, context), decode_bytes(shape, rows, context)
    limit = rows / machine.seconds(flop, moved)
    bound = "memory" if moved / machine.bytes_s > flop / machine.flop_s else "matrix product"
    return Figure(
        f"limit-decode-{name}-{rows}",
        "Evaluation",
        f"decoding of {shape.weights / 1e6:.1f} M weights, {rows} rows at a time: share of the"
        " machine's limit",
        f"{pace / limit:.0%} ({pace:,.0f} tok/s)",
        against=f"limit {limit:,.0f} tok/s (set by {bound})",
    )


def figures_of(name: str, machine: Machine, args: argparse.Namespace) -> list[Figure]:
    """Training and decoding of one model."""
    hidden, layers, _, _ = MODELS[name]
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        make = [sys.executable, training.__file__, "--make-child", str(folder / "model")]
        make += [f"--hidden={hidden}", f"--layers={layers}"]
        subprocess.run(make, env=training.environment(), check=True)
        shape = Shape.of(json.loads((folder / "model" / "config.json").read_text()))
        found = [training_figure(name, shape, machine, folder, args.rounds)]
        for rows in (1, 64):
            found.append(decode_figure(name, shape, machine, folder, rows, args.rounds))
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small kernels and the small model")
    parser.add_argument("--rounds", type=int)
    add_json_option(parser)
    parser.add_argument("--kernel-child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--decode-child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 3)
    if args.kernel_child:
        print(json.dumps(kernel_child(args.quick)))
        return 0
    if args.decode_child:
        model, rows, rounds = args.decode_child
        print(json.dumps(decode_child(model, int(rows), int(rounds))))
        return 0
    machine, figures = measured_machine(args.quick)
    for name in ["small"] if args.quick else list(MODELS):
        figures += figures_of(name, machine, args)
    report(figures, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
