"""Live with four charts at 1,000 events a second, beside two small apps that get the same events.

    python benchmarks/screen_load.py [--quick] [--check] [--rate N] [--seconds S]

Each program runs on a pseudo-terminal of 200×60 while another process appends events, and to the
run's log a hundred lines a second, which only the control room shows. Key to paint
is the time from writing a key (the next x axis) to the terminal until the new axis' name was
painted; a frame is what composing and writing one takes; lag is how late the event loop comes to
a timer of 5 ms, beside it (idle) that of an event loop which does nothing, in a process of its own
at the same time: what the machine itself is late by. The peers are bare Textual apps that read the
same file with ``json`` every tenth of a second: one draws four plots of textual-plot (in the extra
"bench") with at most 5,000 points each, one has four sparklines and a log. They keep no history, no
stages, no signs and no log file, which is in their favour. With --check the exit code is 1 when the
control room needs over 50 ms for a key (95 of 100) or its event loop is late by that much more than
the idle one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from events import run_folder
from figures import Figure, add_json_option, report
from probe import AXES
from terminal import Noise, Terminal, milliseconds, percentile, probed, table, verdict

LIMIT_S = 0.05
WARM_S = 2.0
EVENTS = str(Path(__file__).with_name("events.py"))


@dataclass
class Seen:
    """What one program did under load; all in seconds."""

    keys: list[float]
    frames: list[float]
    lags: list[float]
    noise: list[float]

    def row(self, name: str) -> list[str]:
        return [
            name,
            milliseconds(percentile(self.keys, 0.5)),
            milliseconds(percentile(self.keys, 0.95)),
            milliseconds(percentile(self.frames, 0.5)),
            milliseconds(percentile(self.frames, 0.95)),
            milliseconds(percentile(self.lags, 0.99)),
            milliseconds(max(self.lags)),
            milliseconds(max(self.noise)),
            f"{len(self.frames)}",
        ]


HEADING = ["", "key", "p95", "frame", "p95", "lag p99", "worst", "(idle)", "frames"]


def under_load(arguments: list[str], events: Path, rate: float, seconds: float) -> Seen:
    """Run one program while events come, and press a key four times a second."""
    out = events.parent / "seen.json"
    keys = []
    writer = subprocess.Popen([sys.executable, EVENTS, str(events), str(rate), str(seconds + 4)])
    try:
        noise = Noise(events.parent / "noise.json")
        with noise, Terminal(probed(out, *arguments)) as terminal:
            terminal.wait_for(AXES[0])
            time.sleep(WARM_S)
            begun = time.monotonic()
            number = 0
            while time.monotonic() - begun < seconds:
                number += 1
                wanted = AXES[number % len(AXES)]
                pressed = terminal.press(b"x")
                painted = terminal.wait_for(wanted)
                if wanted != AXES[0]:  # "steps" stands elsewhere on the screen too
                    keys.append(painted - pressed)
                time.sleep(max(0.0, 0.25 - (painted - pressed)))
            ended = time.monotonic()
    finally:
        writer.kill()
        writer.wait()
    seen = json.loads(out.read_text())
    within = {
        name: [took for at, took in seen[name] if begun <= at <= ended]
        for name in ("frames", "lags")
    }
    return Seen(keys, within["frames"], within["lags"], noise.lags(begun, ended))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="five seconds each")
    parser.add_argument("--check", action="store_true", help="exit code 1 over the limits")
    parser.add_argument("--slack", type=float, default=1.0, help="the limits times this")
    parser.add_argument("--rate", type=float, default=1000, help="events a second")
    parser.add_argument("--seconds", type=float, default=20)
    add_json_option(parser)
    options = parser.parse_args()
    seconds = 5.0 if options.quick else options.seconds
    programs = {"control room": "room", "textual-plot": "plots", "sparklines": "words"}
    if find_spec("textual_plot") is None:
        del programs["textual-plot"]
        print("textual-plot is not installed (pip install -e '.[bench]') and left out.")
    rows, ours, peers = [HEADING], None, list[str]()
    for name, kind in programs.items():
        with tempfile.TemporaryDirectory() as directory:
            folder = run_folder(Path(directory), "bench", phase="training", alive=os.getpid())
            events = folder / "events.jsonl"
            arguments = (
                ["room", directory, "live", "bench"] if kind == "room" else [kind, str(events)]
            )
            seen = under_load(arguments, events, options.rate, seconds)
        rows.append(seen.row(name))
        if ours is None:
            ours = seen
        else:
            peers.append(f"{name} {milliseconds(percentile(seen.keys, 0.95))}")
    print(f"{options.rate:,.0f} events a second, four charts, 200×60, {seconds:g} s each")
    print(table(rows))
    assert ours is not None
    limit = LIMIT_S * options.slack
    wrong = []
    if (p95 := percentile(ours.keys, 0.95)) > limit:
        wrong.append(f"key to paint {milliseconds(p95)} (95 of 100), {milliseconds(limit)} allowed")
    worst, idle = max(ours.lags), max(ours.noise)
    if worst > limit + idle:
        allowed = f"{milliseconds(limit)} and the idle {milliseconds(idle)} allowed"
        wrong.append(f"event loop late by {milliseconds(worst)}, {allowed}")
    p95_words = milliseconds(percentile(ours.keys, 0.95))
    figure = Figure(
        "screen-key",
        "Screen",
        f"key to paint (95 of 100) with four charts at {options.rate:,.0f} events a second",
        f"{p95_words}, event loop late by {milliseconds(worst)} at worst",
        asked=f"≤ {milliseconds(limit)}, and what an idle loop is late",
        holds=not wrong,
        against=", ".join(peers),
    )
    report([figure], options.json)
    return verdict(wrong, options.check)


if __name__ == "__main__":
    sys.exit(main())
