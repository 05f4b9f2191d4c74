"""How long an event is on its way from a child to the pane, and how many a second are written.

    python benchmarks/event_path.py [--quick] [--check] [--json FILE]

A child sends events, each with the time at which it was made; a real, detached supervisor writes
them; Live stands on a pseudo-terminal of 120×40 and shows them. An event is on the disk when
``events.jsonl`` has grown by it (looked at each millisecond), and on the pane when a frame was
written for which the screen had read values that hold it. Then another child sends as fast as it
is let: how many a second are written, and whether each is there, once and in order, with its own
values.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import real_run  # noqa: E402
from figures import Figure, add_json_option, report  # noqa: E402
from terminal import Terminal, milliseconds, percentile, probed  # noqa: E402

from engine.supervise.launch import launch, wait_ended  # noqa: E402

SIZE = (120, 40)
LIMIT_S = 0.1
WANTED_A_SECOND = 20_000
WARM_S = 2.0
"""Events of the first seconds are left out: the screen opens."""

GROWTH = """
import os, sys, time
path, seen, out = sys.argv[1], -1, []
while not os.path.exists(sys.argv[2]):
    size = os.stat(path).st_size
    if size != seen:
        seen = size
        out.append((time.monotonic(), size))
    time.sleep(0.001)
print(out)
"""
"""Prints when a file had grown to which size."""


def arrivals(marks: list[tuple[float, float]], wanted: list[float]) -> list[float]:
    """For each wanted value the time of the first mark that has reached it; the rest is left out.

    ``marks`` are (time, value), both rising.
    """
    values = [value for _, value in marks]
    places = (bisect_left(values, value) for value in wanted)
    return [marks[at][0] for at in places if at < len(marks)]


def latencies(workspace: Path, rate: float, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds from child to disk and from child to pane, of every event after the first ones."""
    count = round(rate * (seconds + 2 * WARM_S))
    run = real_run.make_run(workspace, f"rate-{rate:g}", real_run.sending_stage(rate, count))
    seen, stop = workspace / "seen.json", workspace / "stop"
    supervisor = launch(run)
    watch = [sys.executable, "-c", GROWTH, str(run / "events.jsonl"), str(stop)]
    growth = subprocess.Popen(watch, stdout=subprocess.PIPE, text=True)
    with Terminal(probed(seen, "room", str(workspace), "live", run.name), SIZE):
        if not wait_ended(supervisor, seconds + 60):
            raise SystemExit(f"{run.name} did not end")
        time.sleep(1)
    stop.touch()
    grown = json.loads(growth.communicate()[0].replace("(", "[").replace(")", "]"))
    sent, seqs, ends = [], [], []
    size, first = 0, None
    for line in (run / "events.jsonl").read_bytes().splitlines(keepends=True):
        size += len(line)
        event = json.loads(line)
        made = event.get("values", {}).get("sent")
        if made is None:
            continue
        first = made if first is None else first
        if WARM_S <= made - first <= WARM_S + seconds:
            sent.append(made)
            seqs.append(event["seq"])
            ends.append(size)
    stop.unlink()
    painted = json.loads(seen.read_text())["painted"]
    to_disk = [there - made for there, made in zip(arrivals(grown, ends), sent, strict=True)]
    to_pane = [there - made for there, made in zip(arrivals(painted, seqs), sent, strict=True)]
    return to_disk, to_pane


def flood(workspace: Path, count: int) -> tuple[float, list[str]]:
    """Events a second that are written when a child sends as fast as it can, and what is wrong."""
    run = real_run.make_run(workspace, "flood", real_run.sending_stage(0, count))
    supervisor = launch(run)
    if not wait_ended(supervisor, 120):
        raise SystemExit("the flood did not end")
    made: list[dict[str, Any]] = []
    wrong: list[str] = []
    for number, event in enumerate(real_run.events(run)):
        if event["seq"] != number:
            wrong.append(f"line {number} has seq {event['seq']}")
        if "sent" in event.get("values", {}):
            made.append(event)
    if [event["step"] for event in made] != list(range(1, count + 1)):
        wrong.append(f"{len(made)} of {count} events are there, or not in order")
    if any(event["values"]["loss"] != 2.0 / event["step"] for event in made):
        wrong.append("an event has another's value")
    # The pipe takes some 5,000 events before it blocks, so the child's own time is the writer's.
    spent = made[-1]["values"]["sent"] - made[0]["values"]["sent"]
    return len(made) / spent, wrong[:5]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="five seconds, 60,000 events")
    parser.add_argument("--check", action="store_true", help="exit 1 where it does not hold")
    parser.add_argument("--slack", type=float, default=1.0, help="room for a noisy machine")
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--count", type=int)
    add_json_option(parser)
    args = parser.parse_args()
    seconds = args.seconds or (5.0 if args.quick else 30.0)
    count = args.count or (60_000 if args.quick else 400_000)
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        (workspace / "runs").mkdir()
        (workspace / "factory.toml").touch()
        to_disk, to_pane = latencies(workspace, args.rate, seconds)
        a_second, wrong = flood(workspace, count)
    for one in wrong:
        print(f"✘ {one}", file=sys.stderr)

    def spread(found: list[float]) -> str:
        shares = {"median": 0.5, "p95": 0.95, "p99": 0.99}
        return ", ".join(f"{n} {milliseconds(percentile(found, s))}" for n, s in shares.items())

    p99, limit = percentile(to_pane, 0.99), LIMIT_S * args.slack
    figures = [
        Figure(
            "event-pane",
            "Events",
            f"child to pane at {args.rate:,.0f} events a second",
            f"{spread(to_pane)}, worst {milliseconds(max(to_pane))}",
            asked=f"p99 < {milliseconds(LIMIT_S)}",
            holds=p99 < limit,
        ),
        Figure("event-disk", "Events", "child to disk, in that run", spread(to_disk)),
        Figure(
            "event-flood",
            "Events",
            f"{count:,} events sent as fast as they are taken",
            f"{a_second:,.0f} a second written" + (", none lost" if not wrong else ", some lost"),
            asked=f"≥ {WANTED_A_SECOND:,} a second, none lost",
            holds=not wrong and a_second >= WANTED_A_SECOND / args.slack,
        ),
    ]
    return 0 if report(figures, args.json) or not args.check else 1


if __name__ == "__main__":
    sys.exit(main())
