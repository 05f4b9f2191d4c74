"""Opening a run of a million events in Live, beside plain readers of the same file.

    python benchmarks/open_history.py [--quick] [--check] [--events N] [--json FILE]

The control room runs on a pseudo-terminal of 200×60, on the list of runs. Enter opens the run:
"whole chart" is the time until a chart of the whole course stands (from samples of the log, as the
top bar says), "exact" until every event is in it, with all other charts, stages and signs. Lag is
how late the event loop comes to a timer of 5 ms: "opening" until the first chart stands, which is
mostly the making of a screen, "reading" from there on; (idle) is that of an event loop which does
nothing, in a process of its own. Memory is the resident set of the whole screen process at its
highest, from the list until every event was read; beside it the same app on a run without events.

The peers read the file without any screen, each in a process of its own, timed without its start:
``json.loads`` of each line and nothing else, ``json`` and lists of each metric, and where they are
installed pandas and polars with their own readers of JSON lines. With --check the exit code is 1
when the whole chart takes over a second, the event loop is late by over 50 ms more than the idle
one while reading, or memory is over 150 MB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
from events import history, run_folder
from figures import Figure, add_json_option, report
from terminal import Noise, Terminal, milliseconds, probed, room, table

OPEN_S, LAG_S, MEMORY_MB = 1.0, 0.05, 150
PEERS = {
    "json.loads": """
for line in open(path, "rb"):
    json.loads(line)
""",
    "json to lists": """
columns = {}
for line in open(path, "rb"):
    event = json.loads(line)
    if event["kind"] == "metric":
        for name, value in event["values"].items():
            columns.setdefault(name, []).append((event["step"], value))
""",
    "pandas": "pandas.read_json(path, lines=True)",
    "polars": "polars.read_ndjson(path)",
}
TIMED = """
import json, resource, sys, time
{imports}
path = sys.argv[1]
began = time.perf_counter()
{code}
took = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(took, peak / 2 ** (20 if sys.platform == "darwin" else 10))
"""


def peer(name: str, path: Path) -> list[str]:
    """A row of one reader: seconds and peak memory of its process."""
    imports = f"import {name}" if name in ("pandas", "polars") else ""
    code = TIMED.format(imports=imports, code=PEERS[name])
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return [name, "", "failed", "", "", "", ""]
    took, peak = map(float, done.stdout.split())
    return [name, "", f"{took:.2f} s", f"{peak:,.0f} MB", "", "", ""]


class Memory:
    """The highest resident set of a process while this is entered, in MB."""

    def __init__(self, pid: int) -> None:
        self.peak = 0.0
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            self.peak = max(self.peak, self._process.memory_info().rss / 2**20)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()


@dataclass
class Opened:
    """What was seen of one opening: seconds from the key, seconds of lag, MB."""

    whole: float
    exact: float
    opening: float
    reading: float
    idle: float
    memory: float

    def row(self) -> list[str]:
        return [
            "control room",
            f"{self.whole:.2f} s",
            f"{self.exact:.2f} s",
            f"{self.memory:,.0f} MB",
            milliseconds(self.opening),
            milliseconds(self.reading),
            milliseconds(self.idle),
        ]


def opened(workspace: Path, run: str, limit_s: float) -> Opened:
    """Open a run with enter and wait so long."""
    out = workspace / "seen.json"
    noise = Noise(workspace / "noise.json")
    with noise, Terminal(probed(out, "room", str(workspace), "runs")) as terminal:
        terminal.wait_for(run.encode())
        time.sleep(3.0)  # the list is at rest
        with Memory(terminal.pid) as memory:
            pressed = terminal.press(b"\r")
            time.sleep(limit_s)
    seen = json.loads(out.read_text())
    if seen["exact"] is None:
        raise RuntimeError(f"the history was not read in {limit_s:g} s")
    end = seen["exact"] + 0.5

    def worst(start: float, stop: float) -> float:
        return max((late for at, late in seen["lags"] if start <= at <= stop), default=0.0)

    return Opened(
        seen["whole"] - pressed,
        seen["exact"] - pressed,
        worst(pressed, seen["whole"]),
        worst(seen["whole"] + 0.05, end),
        max(noise.lags(pressed, end)),
        memory.peak,
    )


def empty(workspace: Path) -> float:
    """MB of the same app on a run without events."""
    run = run_folder(workspace, "2026-11-19-empty", phase="evaluated").name
    with Terminal(room(workspace, "runs", run)) as terminal:
        terminal.wait_for(run.encode())
        time.sleep(3.0)
        with Memory(terminal.pid) as memory:
            terminal.press(b"\r")
            time.sleep(5.0)
        return memory.peak


def figures_of(ours: Opened, count: int, bare: float, peers: str, slack: float) -> list[Figure]:
    """The lines of the table."""
    lag = LAG_S * slack + ours.idle
    return [
        Figure(
            "open-history",
            "Events",
            f"run of {count:,} events: from enter to a chart of its whole course and last value",
            f"{ours.whole:.2f} s",
            asked=f"< {OPEN_S * slack:g} s",
            holds=ours.whole < OPEN_S * slack,
            against=peers,
        ),
        Figure(
            "open-history-exact",
            "Events",
            "the same, until every event is in it, the screen in use meanwhile",
            f"{ours.exact:.1f} s",
        ),
        Figure(
            "open-history-memory",
            "Events",
            "memory of the whole screen process with that run open, at its highest",
            f"{ours.memory:.0f} MB",
            asked=f"< {MEMORY_MB} MB",
            holds=ours.memory < MEMORY_MB,
            against=f"the same app on a run without events {bare:.0f} MB",
        ),
        Figure(
            "open-history-lag",
            "Events",
            "event loop late at most while that history is read",
            milliseconds(ours.reading),
            asked=f"≤ {milliseconds(lag)}",
            holds=ours.reading <= lag,
            against=f"a loop that does nothing {milliseconds(ours.idle)}",
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    parser.add_argument("--check", action="store_true", help="exit code 1 over the limits")
    parser.add_argument("--slack", type=float, default=1.0, help="the limits times this")
    parser.add_argument("--events", type=int, default=1_000_000)
    add_json_option(parser)
    options = parser.parse_args()
    count = options.events // 10 if options.quick else options.events
    rows = [["", "whole chart", "exact", "memory", "lag: opening", "reading", "(idle)"]]
    with tempfile.TemporaryDirectory() as directory:
        folder = run_folder(Path(directory), "2026-11-20-long", phase="evaluated")
        events = folder / "events.jsonl"
        with events.open("w") as file:
            file.writelines(history(count))
        size = events.stat().st_size / 1e6
        ours = opened(Path(directory), folder.name, 5 + count / 50_000)
        rows.append(ours.row())
        bare = empty(Path(directory))
        for name in PEERS:
            if name in ("pandas", "polars") and find_spec(name) is None:
                continue
            rows.append(peer(name, events))
    print(f"{count:,} events, {size:.0f} MB")
    print(table(rows))
    peers = ", ".join(f"{name} {took} and {memory}" for name, _, took, memory, *_ in rows[2:])
    figures = figures_of(ours, count, bare, f"readers without a screen: {peers}", options.slack)
    return 0 if report(figures, options.json) or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
