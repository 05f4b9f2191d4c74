"""Processor time of the control room when nothing happens, beside a bare Textual app.

    python benchmarks/idle_cpu.py [--quick] [--check] [--seconds S] [--json FILE]

All run at the same time, each on a pseudo-terminal of 200×60, and nobody touches them: Live on a
finished run, Live on a run whose supervisor lives and says nothing, Runs with 100 runs, and a bare
Textual app with one text. What is counted is the processor time of each, from some seconds after
its start. Live on a running run repaints its clocks once a second, which is in its figure. With
--check the exit code is 1 when one of the three uses over 1 % of a core.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
from events import history, run_folder
from figures import Figure, add_json_option, report
from terminal import Terminal, room

from engine.samples import copy_samples

LIMIT = 0.01
RUNS = 100
WARM_S = 6.0
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("a bare app")
Bare().run()
"""


def many_runs(directory: Path) -> Path:
    """A workspace of RUNS runs, copies of a finished sample run."""
    workspace = copy_samples(directory / "many")
    model = max(workspace.run_paths(), key=lambda path: path.name)
    for number in range(RUNS):
        copy = shutil.copytree(
            model, workspace.path / "runs" / f"2026-01-{number % 28 + 1:02}-n{number}"
        )
        config = json.loads((copy / "config.json").read_text())
        (copy / "config.json").write_text(json.dumps({**config, "run_id": copy.name}))
    return workspace.path


def used(pids: dict[str, int]) -> dict[str, float]:
    """Seconds of processor time, user and system, that each process used so far."""
    return {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in pids.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="eight seconds")
    parser.add_argument("--check", action="store_true", help="exit code 1 over the limit")
    parser.add_argument("--slack", type=float, default=1.0, help="the limit times this")
    parser.add_argument("--seconds", type=float, default=30)
    add_json_option(parser)
    options = parser.parse_args()
    seconds = 8.0 if options.quick else options.seconds
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        place = Path(name)
        for run, alive in (("finished", None), ("silent", os.getpid())):
            folder = run_folder(place, run, phase="training" if alive else "decided", alive=alive)
            with (folder / "events.jsonl").open("w") as file:
                file.writelines(history(20_000))
        programs = {
            "Live, a finished run": room(place, "live", "finished"),
            "Live, a silent run": room(place, "live", "silent"),
            f"Runs, {RUNS} runs": room(many_runs(place), "runs"),
            "bare Textual app": [sys.executable, "-c", BARE],
        }
        pids = {
            what: stack.enter_context(Terminal(command)).pid for what, command in programs.items()
        }
        time.sleep(WARM_S)
        before, began = used(pids), time.monotonic()
        time.sleep(seconds)
        spent = time.monotonic() - began
        shares = {what: (now - before[what]) / spent for what, now in used(pids).items()}
    print(f"nothing happens for {spent:.0f} s; share of a core")
    *ours, (peer, bare) = shares.items()
    allowed = LIMIT * options.slack
    figures = [
        Figure(
            "idle-" + what.replace(",", "").replace(" ", "-").lower(),
            "Screen",
            f"{what}: processor while nothing happens, of a core",
            f"{share:.1%}",
            asked=f"≤ {allowed:.1%}",
            holds=share <= allowed,
            against=f"{peer} {bare:.1%}",
        )
        for what, share in ours
    ]
    return 0 if report(figures, options.json) or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
