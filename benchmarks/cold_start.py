"""Start of the command line: the help text, and ``list`` as a workspace grows.

    python benchmarks/cold_start.py [--quick] [--check] [--json FILE]

``list`` is timed with 100, 1,000 and 10,000 runs: with nothing kept, and with the summaries of the
last start, which are held against the folders, all in turn. The exponent of growth is that of the
last factor of ten, less the start itself: 1 is linear.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from figures import Figure, add_json_option, report
from growing import exponent, make_runs

from engine.workspace import Workspace

HELP_S = 0.15
LIST_S = 0.3
EXPONENT = 1.15
SIZES = (100, 1_000, 10_000)
COMMAND = [sys.executable, "-m", "tui"]


def took(*arguments: str) -> float:
    """Seconds from start to exit of one command."""
    started = time.perf_counter()
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - started


def in_turn(rounds: int, ways: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each way, all of them once a round: what the machine does beside meets all."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            seconds = way()
            if number:  # the first one warms the file cache
                times[name].append(seconds)
    return {name: statistics.median(found) for name, found in times.items()}


def listing(workspace: Path, *, kept: bool) -> float:
    """One ``list``; with nothing ``kept`` the summaries of the last start are taken away before."""
    if not kept:
        cache = Workspace(workspace).local_dir / "cache" / "summaries.jsonl"
        cache.unlink(missing_ok=True)
    return took("list", "-w", str(workspace))


def words(times: dict[int, float]) -> str:
    return ", ".join(f"{count:,}: {seconds:.2f} s" for count, seconds in times.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="up to 1,000 runs, fewer rounds")
    parser.add_argument("--check", action="store_true", help="exit code 1 over the limits")
    parser.add_argument("--slack", type=float, default=1.0, help="the limits times this")
    add_json_option(parser)
    options = parser.parse_args()
    rounds, sizes = (3, SIZES[:2]) if options.quick else (15, SIZES)
    with tempfile.TemporaryDirectory() as directory:
        empty = Path(directory) / "empty"
        (empty / "runs").mkdir(parents=True)
        ways: dict[str, Callable[[], float]] = {
            "help": partial(took, "--help"),
            "start": partial(took, "list", "-w", str(empty)),
        }
        for count in sizes:
            make_runs(workspace := Path(directory) / str(count), count)
            # In this order: what the first one keeps is what the second one finds.
            ways[f"cold {count}"] = partial(listing, workspace, kept=False)
            ways[f"kept {count}"] = partial(listing, workspace, kept=True)
        times = in_turn(rounds, ways)
    help_s = times["help"]
    cold = {count: times[f"cold {count}"] for count in sizes}
    kept = {count: times[f"kept {count}"] for count in sizes}
    grown = max(exponent(times["start"], cold), exponent(times["start"], kept))
    limit = LIST_S * options.slack
    figures = [
        Figure(
            "help",
            "Start",
            "factory-tui --help",
            f"{help_s:.3f} s",
            asked=f"≤ {HELP_S * options.slack:g} s",
            holds=help_s <= HELP_S * options.slack,
        ),
        Figure(
            "list-1000",
            "Start",
            "factory-tui list with 1,000 runs",
            f"{kept[1_000]:.2f} s; nothing kept {cold[1_000]:.2f} s",
            asked=f"≤ {limit:g} s",
            holds=kept[1_000] <= limit,
        ),
        Figure(
            "list-growth",
            "Workspaces",
            "factory-tui list as the workspace grows",
            f"{words(kept)}; nothing kept {words(cold)}; exponent {grown:.2f}",
            # Two sizes, one of which costs hardly more than the start itself, carry no fit.
            asked="" if options.quick else f"exponent ≤ {EXPONENT:g}",
            holds=None if options.quick else grown <= EXPONENT,
        ),
    ]
    holds = report(figures, options.json)
    return int(options.check and not holds)


if __name__ == "__main__":
    sys.exit(main())
