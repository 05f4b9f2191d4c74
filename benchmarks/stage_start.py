"""From the launch of a training stage to its first optimizer step, beside ``mlx_lm.lora``.

    python benchmarks/stage_start.py [--quick] [--check] [--json FILE]

Both sides train the same random model on the same rows with the same settings, the same BLAS and
the same mode of ``mx.compile``, in turn, many times; both validate before their first step, as
both always do. Ours is what a key press in the room does: ``launch`` starts a detached
supervisor, which starts the worker; it ends when the event of step 1 is in ``events.jsonl``.
``mlx_lm.lora`` is started as a shell would and ends when it prints its report of step 1. Ours is
measured cold, with rows that were never tokenised here, and warm, as every further run on the
same data. What a start is made of comes from the times of the run's own events.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from ctypes.util import find_library
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import real_run  # noqa: E402
from figures import Figure, add_json_option, report  # noqa: E402

from engine.supervise.launch import launch, wait_ended  # noqa: E402
from tests.engine.work.tiny import chat_rows, write_rows  # noqa: E402

LORA = {"rank": 8, "scale": 2.0, "dropout": 0.0, "keys": ["self_attn.q_proj", "self_attn.v_proj"]}
SHARED = {"iters": 2, "batch_size": 8, "learning_rate": 1e-4, "seed": 0, "num_layers": -1}
GIVE_UP_S = 120.0
_ANSI = re.compile(rb"\x1b\[[0-9;]*m")
_REPORT = re.compile(rb"^\s*(?:Iter 1: Train loss |1 +)[\d.]+", re.MULTILINE)


def ours(workspace: Path, number: int) -> dict[str, float]:
    """Launch a run; seconds from the launch to each mark of its start."""
    spec = {
        **SHARED,
        "model": str(workspace / "model"),
        "train": str(workspace / "train.jsonl"),
        "valid": {"bench": str(workspace / "valid.jsonl")},
        "lora": LORA,
        "mask_prompt": False,
        "report_every": 1,
        "eval_every": 100,
        "save_every": 100,
    }
    run = real_run.make_run(workspace, f"start-{number}", real_run.train_stage(spec))
    started, wall = time.monotonic(), time.time()
    supervisor = launch(run)
    marks = {"supervisor begun": time.monotonic() - started}
    until = started + GIVE_UP_S
    while not _made_a_step(run):
        if time.monotonic() > until:
            raise SystemExit(f"{run.name} made no step: {(run / 'train.log').read_text()[-2000:]}")
        time.sleep(0.005)
    marks["first step"] = time.monotonic() - started
    wait_ended(supervisor, 60)
    for event in real_run.events(run):
        name = {"stage-start": "worker started", "metric": None}.get(event["kind"])
        if event["kind"] == "message":
            name = {"mlx": "MLX imported", "train": "model and rows"}.get(event["code"])
            marks |= {f"worker: {key}": value for key, value in event.get("start_s", {}).items()}
        if name is not None:
            marks[name] = datetime.fromisoformat(event["t"]).timestamp() - wall
    shutil.rmtree(run)
    return marks


def _made_a_step(run: Path) -> bool:
    metrics = (one for one in real_run.events(run) if one["kind"] == "metric")
    return any(one["step"] == 1 and "loss" in one["values"] for one in metrics)


def theirs(workspace: Path) -> float:
    """Seconds from the start of ``mlx_lm.lora`` to its report of step 1."""
    config = {
        **SHARED,
        "model": str(workspace / "model"),
        "train": True,
        "data": str(workspace),
        "lora_parameters": LORA,
        "val_batches": -1,
        "steps_per_report": 1,
        "steps_per_eval": 100,
        "save_every": 100,
        "adapter_path": str(workspace / "their-adapters"),
    }
    (workspace / "lora.yaml").write_text(json.dumps(config))
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    if platform.system() == "Linux":
        # As our worker has it by itself; without, compilers run and the start takes many seconds.
        env |= {"MLX_DISABLE_COMPILE": "1", "OPENBLAS_NUM_THREADS": "1"}
        if library := find_library("openblas"):
            env["LD_PRELOAD"] = library
    command = [str(Path(sys.executable).parent / "mlx_lm.lora"), "-c", str(workspace / "lora.yaml")]
    started = time.monotonic()
    child = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert child.stdout is not None
    text = b""
    try:
        while piece := os.read(child.stdout.fileno(), 1 << 16):
            text += piece
            if is_report(text):
                return time.monotonic() - started
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    raise SystemExit(f"mlx_lm.lora made no step: {text.decode(errors='replace')[-2000:]}")


def is_report(text: bytes) -> bool:
    """Whether the report of a training step is there, in the words of any mlx-lm version."""
    return _REPORT.search(_ANSI.sub(b"", text)) is not None


def describe(name: str, all_marks: list[dict[str, float]]) -> str:
    """The marks of a start in their order, each at its median."""
    names = {name for marks in all_marks for name in marks}
    middle = {
        name: statistics.median(marks[name] for marks in all_marks if name in marks)
        for name in names
    }
    order = sorted((name for name in middle if not name.startswith("worker: ")), key=middle.get)
    inner = sorted(name for name in middle if name.startswith("worker: "))
    lines = [f"{name}: seconds after the launch"]
    lines += [f"  {one:18} {middle[one]:6.2f}" for one in order]
    lines += [f"  {one:18} {middle[one]:6.2f} long" for one in inner]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    parser.add_argument("--check", action="store_true", help="exit 1 when ours is not shorter")
    parser.add_argument("--slack", type=float, default=1.0, help="ours may take theirs times this")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    add_json_option(parser)
    args = parser.parse_args()
    rounds = args.rounds or (3 if args.quick else 12)
    cold: list[dict[str, float]] = []
    warm: list[dict[str, float]] = []
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        (workspace / "runs").mkdir()
        (workspace / "factory.toml").touch()
        real_run.make_model_apart(workspace / "model", args.hidden, args.layers)
        write_rows(workspace / "train.jsonl", chat_rows(args.rows, 32, 256))
        write_rows(workspace / "valid.jsonl", chat_rows(32, 32, 256, seed=1))
        theirs(workspace)  # files into the page cache, byte code onto the disk
        ours(workspace, 0)
        number = 1
        for turn in range(rounds):
            cache = workspace / ".factory" / "cache" / "tokens"
            shutil.rmtree(cache, ignore_errors=True)
            cold.append(ours(workspace, number))
            sides = ("ours", "theirs") if turn % 2 == 0 else ("theirs", "ours")
            for side in sides:
                if side == "ours":
                    warm.append(ours(workspace, number + 1))
                else:
                    bare.append(theirs(workspace))
            number += 2
            print(
                f"round {turn + 1}: ours {warm[-1]['first step']:.2f} s, cold "
                f"{cold[-1]['first step']:.2f} s, mlx_lm.lora {bare[-1]:.2f} s",
                file=sys.stderr,
            )
    print(describe("rows tokenised before", warm))
    print(describe("rows new", cold))
    firsts = [marks["first step"] for marks in warm]
    ratios = [ours / theirs for ours, theirs in zip(firsts, bare, strict=True)]
    first_cold = statistics.median(marks["first step"] for marks in cold)
    ratio, their = statistics.median(ratios), statistics.median(bare)
    figures = [
        Figure(
            "stage-start",
            "Training",
            f"launch of a training stage to its first step, {args.rows:,} rows tokenised before",
            f"{statistics.median(firsts):.2f} s, {ratio:.2f} times the peer",
            asked="shorter",
            holds=ratio < args.slack,
            against=f"mlx_lm.lora from the shell {their:.2f} s",
        ),
        Figure(
            "stage-start-cold",
            "Training",
            f"the same, {args.rows:,} rows never tokenised here",
            f"{first_cold:.2f} s",
            against=f"mlx_lm.lora, which tokenises as it goes, {their:.2f} s",
        ),
    ]
    return 0 if report(figures, args.json) or not args.check else 1


if __name__ == "__main__":
    sys.exit(main())
