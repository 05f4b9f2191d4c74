"""What being watched costs: speed of a training, and processor time of supervisor and screen.

    python benchmarks/watched.py [--quick] [--check] [--json FILE]

Speed: the same train stage, with the same settings, in many short rounds, alternating: bare, as a
child of nobody with its events dropped (``python -m engine.work.train`` by hand), and watched,
under a real supervisor with Live open on a pseudo-terminal of 120×40. Tokens a second are the
worker's own, from the times of its steps; a round gives one ratio, and the figure is the median
with a bootstrap interval. The training keeps one core busy, as MLX does on a processor; where all
cores are busy the watchers take from it, and this measures that. Processor time: a child sends ten
events a second, and supervisor and screen are counted together after they have started, in percent
of one core; beside them what each is made of.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import real_run  # noqa: E402
from figures import Figure, add_json_option, report  # noqa: E402
from idle_cpu import used  # noqa: E402
from terminal import Terminal, room  # noqa: E402

from engine.processes import is_alive  # noqa: E402
from engine.records.status import ProcessId  # noqa: E402
from engine.supervise.launch import launch, wait_ended  # noqa: E402
from tests.engine.work.tiny import chat_rows, write_rows  # noqa: E402

SIZE = (120, 40)
RATIO = 0.99
CPU_SHARE = 0.05
RATE = 10
REPORT_EVERY = 10
WARM_S = 5.0
"""Before processor time is counted: the screen starts, and its first pictures are drawn."""
RESAMPLES = 4000
_SPEED = re.compile(r"([\d,]+) tok/s")


def spec(workspace: Path, iters: int) -> dict[str, Any]:
    """A training of some milliseconds a step that reports every tenth."""
    return {
        "model": str(workspace / "model"),
        "train": str(workspace / "train.jsonl"),
        "valid": {},
        "iters": iters,
        "batch_size": 8,
        "learning_rate": 1e-4,
        "keep_best": False,
        "report_every": REPORT_EVERY,
        "eval_every": iters,
        "save_every": iters,
    }


def bare(run: Path) -> float:
    """Tokens a second of the worker alone, by what it prints; its events are dropped."""
    env = {**os.environ, **real_run.STEP_ENV, "PYTHONPATH": str(ROOT)}
    env |= {"FACTORY_RUN": str(run), "FACTORY_STAGE": "train"}
    env.pop("FACTORY_EVENTS_FD", None)
    command = [sys.executable, "-P", "-m", "engine.work.train"]
    # In a session of its own, as under the supervisor: Linux shares a busy core out by sessions.
    done = subprocess.run(
        command,
        cwd=run,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        start_new_session=True,
    )
    (run / "train.log").write_bytes(done.stdout)
    return speed(run)


def watched(workspace: Path, run: Path) -> float:
    """Tokens a second of the worker under a supervisor, with Live on a terminal."""
    supervisor = launch(run)
    with Terminal(room(workspace, "live", run.name), SIZE) as screen:
        screen.wait_for(run.name.encode())
        if not wait_ended(supervisor, 300):
            raise SystemExit(f"{run.name} did not end")
    return speed(run)


def speed(run: Path) -> float:
    """Tokens a second over all reports of a log but the first ones, where a training warms up."""
    text = (run / "train.log").read_text("utf-8")
    found = [float(number.replace(",", "")) for number in _SPEED.findall(text)]
    if len(found) < 5:
        raise SystemExit(f"{run.name} reported {len(found)} speeds:\n{text[-2000:]}")
    return statistics.harmonic_mean(found[2:])


def interval(ratios: list[float]) -> tuple[float, float]:
    """A 95 % bootstrap interval of the median."""
    chance = random.Random(0)
    medians = sorted(
        statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES)
    )
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]


def processor_time(workspace: Path, seconds: float) -> dict[str, float]:
    """Share of a core of supervisor and screen while ten events a second come."""
    count = round(RATE * (seconds + WARM_S + 10))
    run = real_run.make_run(workspace, "ten-a-second", real_run.sending_stage(RATE, count))
    supervisor = launch(run)
    with Terminal(room(workspace, "live", run.name), SIZE) as screen:
        pids = {"supervisor": supervisor.pid, "screen": screen.pid}
        time.sleep(WARM_S)
        before, began = used(pids), time.monotonic()
        time.sleep(seconds)
        if psutil.Process(screen.pid).status() == psutil.STATUS_ZOMBIE:
            raise SystemExit(f"the screen ended: {screen.painted(1000).decode(errors='replace')}")
        spent, now = time.monotonic() - began, used(pids)
        shares = {name: (now[name] - before[name]) / spent for name in pids}
    end(supervisor)
    return shares


def end(supervisor: ProcessId) -> None:
    """Stop a supervisor, which stops its child."""
    if is_alive(supervisor):
        psutil.Process(supervisor.pid).terminate()
        wait_ended(supervisor, 30)


def ratios(workspace: Path, rounds: int, iters: int) -> list[tuple[float, float]]:
    """Tokens a second of each round, (bare, watched); which comes first alternates."""
    real_run.make_model_apart(workspace / "model", 128, 2)
    write_rows(workspace / "train.jsonl", chat_rows(512, 64, 128))
    stage, found = real_run.train_stage(spec(workspace, iters)), []
    for number in range(rounds + 1):
        runs = [real_run.make_run(workspace, f"{side}-{number}", stage) for side in ("b", "w")]
        if number % 2:
            slow = watched(workspace, runs[1])
            fast = bare(runs[0])
        else:
            fast = bare(runs[0])
            slow = watched(workspace, runs[1])
        if number:  # the first round makes caches
            found.append((fast, slow))
            words = f"round {number}: bare {fast:,.0f} tok/s, watched {slow:,.0f}"
            print(f"{words}, ratio {slow / fast:.4f}", file=sys.stderr)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="three rounds, ten seconds")
    parser.add_argument("--check", action="store_true", help="exit 1 where it does not hold")
    parser.add_argument("--slack", type=float, default=1.0, help="room for a noisy machine")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--iters", type=int, default=400)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", choices=("speed", "cpu"))
    add_json_option(parser)
    args = parser.parse_args()
    rounds = args.rounds or (3 if args.quick else 20)
    seconds = args.seconds or (10.0 if args.quick else 60.0)
    figures = []
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        (workspace / "runs").mkdir()
        (workspace / "factory.toml").touch()
        if args.only != "cpu":
            pairs = ratios(workspace, rounds, args.iters)
            each = [slow / fast for fast, slow in pairs]
            low, high = interval(each)
            middle = statistics.median(each)
            peer = statistics.median(fast for fast, _ in pairs)
            figures.append(
                Figure(
                    "watched-tok-s",
                    "Training",
                    f"speed under supervisor and screen, of bare; {len(each)} rounds",
                    f"{middle:.3f} ({low:.3f} to {high:.3f})",
                    asked=f"≥ {RATIO}",
                    holds=middle >= RATIO / args.slack,
                    against=f"the same worker alone {peer:,.0f} tok/s",
                )
            )
        if args.only != "speed":
            shares = processor_time(workspace, seconds)
            together = sum(shares.values())
            parts = ", ".join(f"{part} {share:.1%}" for part, share in shares.items())
            figures.append(
                Figure(
                    "watched-cpu",
                    "Training",
                    f"supervisor and screen at {RATE} events a second, of one core",
                    f"{together:.1%} ({parts})",
                    asked=f"< {CPU_SHARE:.0%}",
                    holds=together < CPU_SHARE * args.slack,
                )
            )
    return 0 if report(figures, args.json) or not args.check else 1


if __name__ == "__main__":
    sys.exit(main())
