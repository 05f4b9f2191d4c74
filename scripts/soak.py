"""Hours of synthetic training with a screen attached: is memory flat, is every event there?

    python scripts/soak.py [--minutes 120] [--rate 100] [--json FILE]

A real supervisor runs a child that sends events at a rate, and Live stands on a pseudo-terminal
of 120×40 and shows them. Every few seconds memory (RSS), open files and threads of both are looked
at. At the end every event must be there, once, in order and with its own values; memory must not
grow by more than a bound an hour (the slope of Theil and Sen over what came after the warm-up,
which no single jump moves), open files and threads must be as many as after the warm-up, and the
screen must still answer a key and end. Exit code 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import real_run  # noqa: E402
from figures import Figure, add_json_option, report  # noqa: E402
from terminal import Terminal, room  # noqa: E402

from engine.supervise.launch import launch, wait_ended  # noqa: E402

WARM_SHARE = 0.25
WARM_S = 8.0
"""The first part of a soak, and its first seconds as far as half of it, are left out of the slopes:
the screen opens, curves fill."""

MB_AN_HOUR = 8.0
"""So much may a process's memory grow by in an hour: a night stays below 100 MB."""

NOISE_MB = 12.0
"""Growth that is no growth: what a short soak cannot tell from the allocator's steps."""

PAIRS = 20_000
"""Pairs of samples that a slope is the median of; more tell nothing new."""


ANSWER_S = 20.0
"""So long the screen may take to answer a key, and to end: a busy machine is no fault of it."""

QUIT = b"\x11"


@dataclass(frozen=True)
class Sample:
    """One look at a process. ``at`` in seconds since the start, ``rss`` in MB."""

    at: float
    rss: float
    files: int
    threads: int


def look(process: psutil.Process, began: float) -> Sample:
    """Look at a process; psutil.Error where it has ended."""
    with process.oneshot():
        return Sample(
            time.monotonic() - began,
            process.memory_info().rss / 2**20,
            process.num_fds(),
            process.num_threads(),
        )


def slope(samples: Sequence[Sample]) -> float:
    """MB an hour: the median slope of pairs of samples (Theil and Sen). 0 for less than two."""
    pairs = list(combinations(samples, 2))
    if len(pairs) > PAIRS:
        pairs = random.Random(0).sample(pairs, PAIRS)
    slopes = [(b.rss - a.rss) / (b.at - a.at) for a, b in pairs if b.at > a.at]
    return 3600 * statistics.median(slopes) if slopes else 0.0


def settled(samples: Sequence[Sample]) -> list[Sample]:
    """What came after the warm-up."""
    if not samples:
        return []
    end = samples[-1].at
    begin = max(end * WARM_SHARE, min(WARM_S, end / 2))
    return [one for one in samples if one.at >= begin]


def grown(samples: Sequence[Sample]) -> list[str]:
    """What is not flat, in words."""
    late = settled(samples)
    if len(late) < 3:
        return ["too few looks to say anything"]
    wrong = []
    hours = (late[-1].at - late[0].at) / 3600
    rise = slope(late)
    if rise > MB_AN_HOUR and rise * hours > NOISE_MB:
        wrong.append(f"memory grows by {rise:.1f} MB an hour, {MB_AN_HOUR:g} allowed")
    half = len(late) // 2
    for what in ("files", "threads"):
        before = max(getattr(one, what) for one in late[:half])
        after = max(getattr(one, what) for one in late[half:])
        if after > before + 1:
            wrong.append(f"{what} grew from {before} to {after}")
    return wrong


def lost(run: Path, count: int) -> list[str]:
    """What is wrong with the events of a run that sent ``count``: empty where all are there."""
    expected, wrong = 1, list[str]()
    for number, event in enumerate(real_run.events(run)):
        if event["seq"] != number:
            return [f"line {number} has seq {event['seq']}"]
        values = event.get("values", {})
        if "sent" not in values:
            continue
        if event["step"] != expected or values["loss"] != 2.0 / expected:
            return [f"step {expected} is not where it should be: {event}"]
        expected += 1
    if expected != count + 1:
        wrong.append(f"{expected - 1} of {count} events are there")
    return wrong


def soak(workspace: Path, minutes: float, rate: float, every: float) -> dict[str, Any]:
    """Run one soak; what was seen of supervisor and screen, and what is wrong."""
    count = round(minutes * 60 * rate)
    run = real_run.make_run(workspace, "soak", real_run.sending_stage(rate, count))
    began = time.monotonic()
    supervisor = launch(run)
    seen: dict[str, list[Sample]] = {"supervisor": [], "screen": []}
    wrong: list[str] = []
    with Terminal(room(workspace, "live", run.name), (120, 40)) as terminal:
        looked_at = {
            "supervisor": psutil.Process(supervisor.pid),
            "screen": psutil.Process(terminal.pid),
        }
        while not wait_ended(supervisor, every) and not wrong:
            for name, process in looked_at.items():
                try:
                    seen[name].append(look(process, began))
                except psutil.Error:
                    if name == "screen":
                        wrong.append("screen: ended by itself")
        # The last look may have come after the supervisor let go of what it had open.
        seen["supervisor"] = seen["supervisor"][:-1]
        spent = time.monotonic() - began
        wrong += left(terminal)
    wrong += lost(run, count)
    for name, samples in seen.items():
        wrong += [f"{name}: {one}" for one in grown(samples)]
    return {"count": count, "seconds": spent, "seen": seen, "wrong": wrong}


def left(terminal: Terminal) -> list[str]:
    """What is wrong with how the screen answers a key, and then ends when it is told to."""
    try:
        terminal.press(b"?")
        terminal.wait_for(b"esc", ANSWER_S)
        terminal.press(b"\x1b")
        time.sleep(1.0)  # a key right after escape would be one with alt
        terminal.press(QUIT)
    except (RuntimeError, OSError):
        return [f"screen: no answer to a key within {ANSWER_S:g} s"]
    process, end = psutil.Process(terminal.pid), time.monotonic() + ANSWER_S
    while process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return [f"screen: still there {ANSWER_S:g} s after it was told to end"]
        time.sleep(0.1)
    ended = os.waitid(os.P_PID, terminal.pid, os.WEXITED | os.WNOWAIT)
    code = ended.si_status if ended is not None else 0
    return [f"screen: ended with {code}"] if code else []


def figures(found: dict[str, Any]) -> list[Figure]:
    """The lines of the table."""
    lines = []
    for name, samples in found["seen"].items():
        late = settled(samples)
        bad = [one for one in found["wrong"] if one.startswith(name)]
        lines.append(
            Figure(
                f"soak-{name}",
                "Soak",
                f"{name}: memory and open files over {found['seconds'] / 60:.0f} minutes of "
                f"{found['count'] / found['seconds']:.0f} events a second",
                f"{min(one.rss for one in late):.0f} to {max(one.rss for one in late):.0f} MB, "
                f"{slope(late):+.1f} MB an hour; {late[0].files} to {late[-1].files} files",
                asked=f"≤ {MB_AN_HOUR:g} MB an hour, files flat",
                holds=not bad,
            )
        )
    gone = [one for one in found["wrong"] if ":" not in one.split(" ")[0]]
    lines.append(
        Figure(
            "soak-events",
            "Soak",
            f"events of {found['count']:,} that are there, once and in order",
            "all" if not gone else "; ".join(gone),
            asked="all",
            holds=not gone,
        )
    )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--rate", type=float, default=100, help="events a second")
    parser.add_argument("--every", type=float, default=5, help="seconds between two looks")
    add_json_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        workspace = Path(directory)
        (workspace / "runs").mkdir()
        (workspace / "factory.toml").touch()
        found = soak(workspace, options.minutes, options.rate, options.every)
    for one in found["wrong"]:
        print(f"✘ {one}", file=sys.stderr)
    report(figures(found), options.json)
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
