"""Real tokens a second of our train stage against bare ``mlx_lm.lora``, alternating in one run.

    python benchmarks/train_throughput.py [--quick] [--check] [--json FILE]

Both train the same random model on the same rows with the same settings, the same BLAS
(OpenBLAS, preloaded for mlx-lm, where it is there) and the same mode of ``mx.compile``.
Ours runs as under the supervisor: a child with an event pipe. A real token is a token of
a row; padding is not counted, on either side. Time is each side's own training time, of
all reports but the first: start-up, validation and the first shapes are left out, and for
mlx-lm also the making of batches, which its clock leaves out and ours counts. The time of a step
is the mean of the same steps. The short form has the mixed rows alone: there a slower step and
lost batching both show.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import subprocess
import sys
import tempfile
from ctypes.util import find_library
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from figures import Figure, add_json_option, report  # noqa: E402
from table import kind  # noqa: E402

CASES = {
    "equal": {"low": 128, "high": 128, "bound": 0.98},
    "mixed": {"low": 32, "high": 512, "bound": 1.2},
}
"""Row lengths in tokens (uniform from low to high) and the least ratio that is asked for."""

REPORT_EVERY = 10
LORA = {"rank": 8, "scale": 2.0, "dropout": 0.0, "keys": ["self_attn.q_proj", "self_attn.v_proj"]}


class Pace(NamedTuple):
    """What a side did in one round."""

    tok_s: float
    step_ms: float


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """What both sides train with."""
    return {
        "iters": args.iters,
        "batch_size": args.batch_size,
        "learning_rate": 1e-4,
        "seed": 0,
        "num_layers": -1,
        "grad_checkpoint": False,
    }


@functools.cache
def on_linux_cpu() -> bool:
    """Whether MLX computes on the processor of a Linux machine."""
    return platform.system() == "Linux" and kind() == "cpu"


def environment() -> dict[str, str]:
    """No compile on a Linux CPU, one BLAS thread, as our workers have it by themselves."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    if on_linux_cpu():
        env |= {"MLX_DISABLE_COMPILE": "1"}
        env.setdefault("OPENBLAS_NUM_THREADS", "1")
    return env


def bare_environment() -> dict[str, str]:
    """The same for programs that are not ours, with the BLAS that ours load by themselves."""
    env = environment()
    library = find_library("openblas") if on_linux_cpu() else None
    return {**env, "LD_PRELOAD": library} if library else env


def ours(folder: Path, shared: dict[str, Any]) -> Pace:
    """The train stage, from its metric events."""
    run = folder / "runs" / "bench"
    spec = {
        **shared,
        "model": str(folder / "model"),
        "train": str(folder / "train.jsonl"),
        "valid": {"bench": str(folder / "valid.jsonl")},
        "max_seq_len": 1024,
        "lora": LORA,
        "mask_prompt": False,
        "report_every": REPORT_EVERY,
        "eval_every": shared["iters"],
        "save_every": shared["iters"],
    }
    stage = {"name": "train", "kind": "train", "argv": ["engine.work.train"], "spec": spec}
    plan = {
        "run_id": "bench",
        "target_dir": ".",
        "created": "2026-01-01T00:00:00Z",
        "stages": [stage],
    }
    run.mkdir(parents=True, exist_ok=True)
    (run / "plan.json").write_text(json.dumps(plan))
    reader, writer = os.pipe()
    env = environment() | {
        "FACTORY_RUN": str(run),
        "FACTORY_STAGE": "train",
        "FACTORY_EVENTS_FD": str(writer),
    }
    command = [sys.executable, "-m", "engine.work.train"]
    with subprocess.Popen(command, env=env, pass_fds=[writer], stdout=subprocess.DEVNULL) as child:
        os.close(writer)
        with os.fdopen(reader) as pipe:
            events = [json.loads(line) for line in pipe]
    if child.returncode != 0:
        raise SystemExit(f"our train stage ended with code {child.returncode}")
    reports = [event["values"] for event in events if "tok_s" in event.get("values", {})][1:]
    seconds = sum(REPORT_EVERY / report["it_s"] for report in reports)
    tokens = sum(r["tok_s"] * REPORT_EVERY / r["it_s"] for r in reports)
    return Pace(tokens / seconds, 1000 * seconds / (REPORT_EVERY * len(reports)))


def bare(folder: Path, shared: dict[str, Any]) -> Pace:
    """mlx_lm.lora, in a child that counts the rows it is given."""
    config = {
        **shared,
        "model": str(folder / "model"),
        "train": True,
        "data": str(folder),
        "max_seq_length": 1024,
        "lora_parameters": LORA,
        "steps_per_report": REPORT_EVERY,
        "steps_per_eval": shared["iters"],
        "val_batches": 1,
        "save_every": shared["iters"],
        "adapter_path": str(folder / "bare-adapters"),
    }
    (folder / "lora.yaml").write_text(json.dumps(config))
    out = folder / "bare.json"
    command = [sys.executable, __file__, "--bare-child", str(folder / "lora.yaml"), str(out)]
    subprocess.run(command, env=bare_environment(), check=True, stdout=subprocess.DEVNULL)
    return Pace(**json.loads(out.read_text()))


def bare_child(config: str, out: str) -> None:
    """``mlx_lm.lora -c config``, with a callback for its clock and a count of real tokens."""
    import mlx_lm.lora as lora
    from mlx_lm.tuner import trainer
    from mlx_lm.tuner.callbacks import TrainingCallback

    counts: list[int] = []
    seconds: list[float] = []
    original = trainer.iterate_batches

    def counted(*args: Any, **options: Any) -> Any:
        for batch, lengths in original(*args, **options):
            if options.get("loop"):
                counts.append(sum(int(length) for _, length in lengths.tolist()))
            yield batch, lengths

    class Clock(TrainingCallback):  # type: ignore[misc]
        def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
            seconds.append(REPORT_EVERY / train_info["iterations_per_second"])

        def on_val_loss_report(self, val_info: dict[str, Any]) -> None:
            """Validation is not timed."""

    defaults = trainer.train.__defaults__
    trainer.train.__defaults__ = tuple(counted if d is original else d for d in defaults)
    lora.get_reporting_callbacks = lambda *_args, **_options: Clock()
    sys.argv = ["mlx_lm.lora", "-c", config]
    lora.main()
    tokens = sum(counts[REPORT_EVERY : REPORT_EVERY * len(seconds)])
    spent = sum(seconds[1:])
    pace = Pace(tokens / spent, 1000 * spent / (REPORT_EVERY * len(seconds[1:])))
    Path(out).write_text(json.dumps(pace._asdict()))


def measure(name: str, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Both sides in turn, ``args.rounds`` times; the ratio is that of the best rounds.

    What else a machine does only ever makes a round slower, so the best round is the nearest
    to what a side can do.
    """
    from tests.engine.work.tiny import chat_rows, write_rows

    case = CASES[name]
    low, high = int(case["low"]), int(case["high"])
    write_rows(folder / "train.jsonl", chat_rows(args.rows, low, high))
    write_rows(folder / "valid.jsonl", chat_rows(args.batch_size, low, high, seed=1))
    shared = settings(args)
    got: dict[str, list[Pace]] = {"ours": [], "bare": []}
    for number in range(args.rounds):
        # The side that begins changes, so that a machine that warms up favours neither.
        for side in ("ours", "bare") if number % 2 == 0 else ("bare", "ours"):
            pace = ours(folder, shared) if side == "ours" else bare(folder, shared)
            got[side].append(pace)
            print(f"{name:6} {side:5} {pace.tok_s:10,.0f} real tok/s", file=sys.stderr, flush=True)
    best = {side: max(paces) for side, paces in got.items()}
    return {
        "tokens": f"{low} to {high} tokens" if low < high else f"{low} tokens",
        "best": best,
        "ratio": best["ours"].tok_s / best["bare"].tok_s,
        "bound": float(case["bound"]),
    }


def figures_of(name: str, case: dict[str, Any], slack: float) -> list[Figure]:
    """The lines of one case."""
    fast, peer = case["best"]["ours"], case["best"]["bare"]
    rows = f"rows of {case['tokens']}"
    bound = case["bound"] * slack
    return [
        Figure(
            f"train-tok-s-{name}",
            "Training",
            f"real tokens a second of a training stage over bare mlx-lm, {rows}",
            f"{case['ratio']:.2f} ({fast.tok_s:,.0f} tok/s)",
            f"≥ {bound:.3g}",
            case["ratio"] >= bound,
            f"mlx_lm.lora {peer.tok_s:,.0f} tok/s",
        ),
        Figure(
            f"train-step-{name}",
            "Training",
            f"one training step, {rows}",
            f"{fast.step_ms:.1f} ms",
            against=f"mlx_lm.lora {peer.step_ms:.1f} ms",
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a small form for CI, half a minute")
    parser.add_argument("--check", action="store_true", help="exit 1 when a ratio is too low")
    parser.add_argument(
        "--slack", type=float, default=1.0, help="bounds are multiplied by this on a noisy machine"
    )
    add_json_option(parser)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--iters", type=int, help="steps of a round")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--bare-child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--make-child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare_child:
        bare_child(*args.bare_child)
        return 0
    if args.make_child:
        from tests.engine.work.tiny import make_model

        make_model(args.make_child, hidden=args.hidden, layers=args.layers)
        return 0
    args.iters = args.iters or (40 if args.quick else 120)
    args.rounds = args.rounds or (2 if args.quick else 5)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        make = [sys.executable, __file__, "--make-child", str(folder / "model")]
        make += [f"--hidden={args.hidden}", f"--layers={args.layers}"]
        subprocess.run(make, env=environment(), check=True)
        names = ["mixed"] if args.quick else list(CASES)
        figures = []
        for name in names:
            figures += figures_of(name, measure(name, args, folder), args.slack)
    holds = report(figures, args.json)
    return int(args.check and not holds)


if __name__ == "__main__":
    sys.exit(main())
