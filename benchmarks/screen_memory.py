"""Memory of the screen over an hour of 100 events a second, replayed as quickly as it takes them.

    python benchmarks/screen_memory.py [--quick] [--check] [--metrics N] [--json FILE]

Live runs on a pseudo-terminal of 200×60 and follows a run that reports ``--metrics`` numbers at
each step (20 by default). An hour's events are appended in 36 parts, each when the one before was
taken in; after each the resident set is read. Series are bounded, so memory rises until they are
full and then stays: the second half of the hour must not add more than a tenth. ``--real`` goes on
for so many seconds at 100 events a second in real time. The peer keeps every number of the same
events in lists, without a screen. With --check the exit code is 1 when memory is over 200 MB or
grows in the second half.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import psutil
from events import history, run_folder
from figures import Figure, add_json_option, report
from terminal import Terminal, room, table

MEMORY_MB, GROWTH = 200, 0.1
RATE, PARTS = 100, 36
"""Events a second, and parts of an hour."""
PEER = """
import json, resource, sys
columns = {}
for line in open(sys.argv[1], "rb"):
    event = json.loads(line)
    for name, value in event.get("values", {}).items():
        columns.setdefault(name, []).append((event["step"], value))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak / 2 ** (20 if sys.platform == "darwin" else 10))
"""


def at_rest(process: psutil.Process, seconds: float = 10.0) -> None:
    """Wait until a process has taken in what there was, or so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = sum(process.cpu_times()[:2])
        time.sleep(0.3)
        if sum(process.cpu_times()[:2]) - before < 0.06:
            return


def replayed(metrics: int, parts: int, real_s: float) -> tuple[list[float], float | None]:
    """MB after each part; and the share of a core at 100 events a second, where that was asked."""
    per_part = RATE * 3600 // PARTS
    with tempfile.TemporaryDirectory() as directory:
        folder = run_folder(Path(directory), "bench", phase="training", alive=os.getpid())
        lines = history(RATE * 3600 * 2, metrics)
        seen: list[float] = []
        with (
            Terminal(room(Path(directory), "live", "bench")) as terminal,
            (folder / "events.jsonl").open("a") as file,
        ):
            process = psutil.Process(terminal.pid)
            time.sleep(3.0)
            for _ in range(parts):
                file.writelines(islice(lines, per_part))
                file.flush()
                at_rest(process)
                seen.append(process.memory_info().rss / 2**20)
            if not real_s:
                return seen, None
            before, end = sum(process.cpu_times()[:2]), time.monotonic() + real_s
            while time.monotonic() < end:
                file.writelines(islice(lines, RATE // 10))
                file.flush()
                time.sleep(0.1)
            return seen, (sum(process.cpu_times()[:2]) - before) / real_s


def peer(metrics: int, parts: int) -> float:
    """MB of a process that keeps every number of as many events."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(islice(history(RATE * 3600 * 2, metrics), RATE * 3600 // PARTS * parts))
        file.flush()
        command = [sys.executable, "-c", PEER, file.name]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="a sixth of an hour: no word on growth"
    )
    parser.add_argument("--check", action="store_true", help="exit code 1 over the limits")
    parser.add_argument("--metrics", type=int, default=20)
    parser.add_argument("--real", type=float, default=20.0, metavar="SECONDS")
    add_json_option(parser)
    options = parser.parse_args()
    parts = PARTS // 6 if options.quick else PARTS
    seen, share = replayed(options.metrics, parts, 0.0 if options.quick else options.real)
    minutes = [parts * 60 // PARTS * quarter // 4 for quarter in range(1, 5)]
    marks = [seen[len(seen) * quarter // 4 - 1] for quarter in range(1, 5)]
    rows = [["", *(f"{minute} min" for minute in minutes)]]
    rows.append(["control room", *(f"{mark:.0f} MB" for mark in marks)])
    kept = f"{peer(options.metrics, parts):.0f} MB"
    rows.append(["every number kept", "", "", "", kept])
    print(f"{RATE} events a second with {options.metrics} numbers a step, replayed")
    print(table(rows))
    what = f"{RATE} events a second with {options.metrics} numbers a step"
    figures = [
        Figure(
            "screen-memory",
            "Screen",
            f"memory of Live at its highest, {minutes[3]} minutes of {what}",
            f"{max(seen):.0f} MB",
            asked=f"≤ {MEMORY_MB} MB",
            holds=max(seen) <= MEMORY_MB,
            against=f"every number kept in lists, no screen: {kept}",
        )
    ]
    if not options.quick:
        figures.append(
            Figure(
                "screen-memory-growth",
                "Screen",
                "growth of it in the second half of that hour",
                f"{marks[3] / marks[1] - 1:+.1%}",
                asked=f"≤ {GROWTH:.0%}",
                holds=marks[3] <= marks[1] * (1 + GROWTH),
            )
        )
    if share is not None:
        figures.append(
            Figure(
                "screen-cpu-after-an-hour",
                "Screen",
                f"processor of Live in real time after that hour, at {RATE} events a second",
                f"{share:.0%} of a core",
            )
        )
    return 0 if report(figures, options.json) or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
