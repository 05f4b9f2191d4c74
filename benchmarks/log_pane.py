"""The log pane on a large log, beside Textual's own ``Log``: opening, the top, search, filter.

    python benchmarks/log_pane.py [--quick] [--megabytes N] [--no-peer] [--check] [--json FILE]

Each program runs in a process of its own, on a screen of 120×40 that is composed and drawn as on a
terminal. A timer of 5 ms measures how late the event loop comes: that is what a key would wait
for. The needle stands in the first line, so a search has to read all of the file before it is
there. ``grep`` says how long a program that does nothing else takes for that. Last, the whole
control room opens a run with a log of 1 GB on a pseudo-terminal: the time is from enter in the list
of runs to the log's last line on the screen, memory that of the process at its highest until it has
counted all lines. The log is written for that and deleted after. With --check the exit code is 1
when a limit is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psutil  # noqa: E402
from events import run_folder  # noqa: E402
from figures import Figure, add_json_option, report  # noqa: E402
from open_history import Memory  # noqa: E402
from screen_memory import at_rest  # noqa: E402
from terminal import Terminal, room  # noqa: E402
from textual.app import App, ComposeResult  # noqa: E402
from textual.pilot import Pilot  # noqa: E402
from textual.widgets import Log  # noqa: E402

from engine.supervise.train_log import LOG  # noqa: E402
from tui.log.find import Scan, Wanted, compile_pattern  # noqa: E402
from tui.widgets.log_lines import LogLines  # noqa: E402
from tui.widgets.log_pane import LogPane  # noqa: E402

TICK_S = 0.005
SIZE = (120, 40)
NEEDLE = "zebra"
LIMITS = {"open": 0.5, "top": 0.1, "end": 0.1}
"""Seconds that these may take, whatever the size of the log."""
WORDS = ("start to its end on the screen", "key to its first line", "key to its last line")
"""What LIMITS are, in the same order."""
WORST_LAG_S = 0.05
"""The event loop may never come later than this, whatever is under way."""
LARGE_MB, LARGE_OPEN_S = 1_000, 1.0
"""A log as years of a talkative run leave it, and how soon its end has to be on the screen."""
LAST = "the last line"


def make_log(path: Path, megabytes: int) -> int:
    """A log as training writes it; returns how many lines it has."""
    rng = random.Random(0)
    block = [
        f"\x1b[32mINFO\x1b[0m step {n:6d} loss {rng.random():.4f} it/s {rng.random() * 9:.3f} "
        f"tokens {n * 512} peak {rng.random() * 20:.1f} GB\n"
        for n in range(2_000)
    ]
    text = "".join(block)
    lines = 1
    with path.open("w") as file:
        file.write(f"the {NEEDLE} stands here\n")
        size = file.tell()
        while size < megabytes * 1_000_000:
            file.write(text)
            size += len(text)
            lines += len(block)
        file.write(LAST + "\n")
    return lines + 1


class Lag:
    """How late the event loop comes to a timer, since ``start``."""

    def __init__(self) -> None:
        self.worst = 0.0
        self.all: list[float] = []

    async def watch(self) -> None:
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            late = max(0.0, time.perf_counter() - due)
            self.all.append(late)

    def take(self) -> tuple[float, float]:
        """(worst, 99th percentile) since the last take, in seconds."""
        found, self.all = sorted(self.all) or [0.0], []
        return found[-1], found[int(0.99 * (len(found) - 1))]


class Ours(App[None]):
    """A log pane and nothing else."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def compose(self) -> ComposeResult:
        yield LogPane(self.folder)

    def on_mount(self) -> None:
        self.query_one(LogPane).focus()


class Peer(App[None]):
    """Textual's ``Log``, given the lines in pieces, as its documentation has it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.done = False

    def compose(self) -> ComposeResult:
        yield Log()

    def on_mount(self) -> None:
        self.run_worker(self.load())

    async def load(self) -> None:
        log = self.query_one(Log)
        with (self.folder / LOG).open() as file:
            while lines := file.readlines(1 << 20):
                log.write_lines(line.rstrip("\n") for line in lines)
                await asyncio.sleep(0)
        self.done = True


def drawn(app: App[None]) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> float:
    """Seconds until something holds, looked at every 2 ms; TimeoutError after two minutes."""
    start = time.perf_counter()
    while not holds():
        if time.perf_counter() - start > 120:
            raise TimeoutError
        await asyncio.sleep(0.002)
    return time.perf_counter() - start


def over(scan: Scan | None) -> bool:
    """Whether a search or filter has looked at all of the file."""
    return scan is not None and scan.started and not scan.busy


async def measure(which: str, folder: Path) -> dict[str, Any]:
    app: Any = Ours(folder) if which == "ours" else Peer(folder)
    lag = Lag()
    found: dict[str, Any] = {}
    began = time.perf_counter()
    async with app.run_test(size=SIZE) as pilot:
        gc.freeze()  # as the control room does once it is loaded, see tui/ahead.py
        watch = asyncio.ensure_future(lag.watch())

        async def phase(name: str, holds: Callable[[], object], *keys: str) -> None:
            lag.take()
            start = time.perf_counter()
            for key in keys:
                app.simulate_key(key)
            await until(pilot, holds)
            spent = time.perf_counter() - start
            worst, usual = lag.take()
            found[name] = {"seconds": spent, "worst_lag": worst, "p99_lag": usual}

        if which == "ours":
            pane = app.query_one(LogPane)
            reader = pane.reader
            lines = app.query_one(LogLines)

            def seen(words: str) -> bool:
                """Whether these are in sight; drawing all to find out would cost what we time."""
                return any(words in row.line.text for row in lines._rows)

            await until(pilot, lambda: seen(LAST))
            found["open"] = {"seconds": time.perf_counter() - began}
            await phase("whole", lambda: reader.index.whole and reader.index.counts.total)
            idle = time.perf_counter() + 1
            await phase("nothing, for comparison", lambda: time.perf_counter() > idle)
            await phase("top", lambda: seen(NEEDLE), "home")
            await phase("end", lambda: seen(LAST), "end")
            pane.search(compile_pattern(NEEDLE))
            await phase("search", lambda: "1 of 1" in str(pane.border_title))
            assert NEEDLE in drawn(app), "what was timed is on the screen"
            app.simulate_key("end")
            pane.search(compile_pattern("loss 0.99[0-9]*"))
            await phase("search an expression", lambda: over(reader.found))
            pane.search(None)
            with reader.lock:
                reader.want(Wanted(patterns=(compile_pattern("!it/s 1", filtering=True),)))
            await phase("filter", lambda: over(reader.filtered))
        else:
            await phase("open", lambda: app.done)
            await until(pilot, lambda: LAST in drawn(app))
            found["open"]["seconds"] = time.perf_counter() - began
            log = app.query_one(Log)
            log.auto_scroll = False
            log.focus()
            await phase("top", lambda: log.scroll_y == 0, "home")
        watch.cancel()
    unit = 1 if sys.platform == "darwin" else 1024
    found["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return found


def child(which: str, folder: Path) -> dict[str, Any] | None:
    command = [sys.executable, __file__, "--child", which, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-2_000:], file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def tell(name: str, found: dict[str, Any]) -> None:
    print(f"{name}  (peak memory {found['peak_bytes'] / 2**20:,.0f} MB)")
    for what, one in found.items():
        if isinstance(one, dict):
            lag = ""
            if "worst_lag" in one:
                worst, usual = 1e3 * one["worst_lag"], 1e3 * one["p99_lag"]
                lag = f"   lag: worst {worst:6.1f} ms, p99 {usual:5.1f} ms"
            print(f"  {what:24} {one['seconds']:8.3f} s{lag}")


def figures_of(found: dict[str, Any], peer: dict[str, Any] | None, megabytes: int) -> list[Figure]:
    """The lines of the log pane alone."""

    def theirs(what: str) -> str:
        return f"textual.widgets.Log {peer[what]['seconds']:.2f} s" if peer is not None else ""

    lines = [
        Figure(
            f"log-{what}",
            "Logs",
            f"log of {megabytes} MB: {words}",
            f"{found[what]['seconds']:.3f} s",
            asked=f"≤ {limit:g} s",
            holds=found[what]["seconds"] <= limit,
            against=theirs(what) if what != "end" else "",
        )
        for (what, limit), words in zip(LIMITS.items(), WORDS, strict=True)
    ]
    lags = {
        what: one["worst_lag"]
        for what, one in found.items()
        if isinstance(one, dict) and "worst_lag" in one
    }
    worst = max(lags, key=lambda what: lags[what])
    lines.append(
        Figure(
            "log-lag",
            "Logs",
            f"log of {megabytes} MB: event loop late at most, while counting, searching, filtering",
            f"{1e3 * lags[worst]:.0f} ms ({worst})",
            asked=f"≤ {1e3 * WORST_LAG_S:.0f} ms",
            holds=lags[worst] <= WORST_LAG_S,
        )
    )
    return lines


def large(place: Path, megabytes: int) -> list[Figure]:
    """The control room on a run with a large log, beside itself on a run with an empty one."""
    empty = run_folder(place, "2026-11-20-empty", phase="decided")
    full = run_folder(place, "2026-11-21-full", phase="decided")
    lines = make_log(full / LOG, megabytes)
    _, bare = opened(place, empty.name, empty.name)
    seconds, peak = opened(place, full.name, LAST)
    size = f"log of {megabytes / 1000:g} GB, {lines:,} lines"
    return [
        Figure(
            "log-large-open",
            "Logs",
            f"{size}: from enter in the list to its last line on the screen",
            f"{seconds:.2f} s",
            asked=f"< {LARGE_OPEN_S:g} s",
            holds=seconds < LARGE_OPEN_S,
        ),
        Figure(
            "log-large-memory",
            "Logs",
            f"{size}: memory of the whole control room at its highest, all lines counted",
            f"{peak:.0f} MB",
            against=f"the same with an empty log {bare:.0f} MB",
        ),
    ]


def opened(place: Path, run: str, mark: str) -> tuple[float, float]:
    """Seconds from enter on a run until ``mark`` is painted, and MB at the highest until rest."""
    with Terminal(room(place, "runs", run), SIZE) as terminal:
        terminal.wait_for(run.encode())
        at_rest(psutil.Process(terminal.pid))
        with Memory(terminal.pid) as memory:
            pressed = terminal.press(b"\r")
            seconds = terminal.wait_for(mark.encode(), 120) - pressed
            for _ in range(5):  # on a busy machine one quiet moment may be that of others
                at_rest(psutil.Process(terminal.pid), 60)
        return seconds, memory.peak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 MB instead of 100, 100 of 1000")
    parser.add_argument("--megabytes", type=int)
    parser.add_argument("--no-peer", action="store_true", help="leave Textual's Log out")
    parser.add_argument("--check", action="store_true", help="exit code 1 beyond the limits")
    add_json_option(parser)
    parser.add_argument("--child", nargs=2, metavar=("WHICH", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        found = asyncio.run(measure(options.child[0], Path(options.child[1])))
        print(json.dumps(found))
        return 0
    figures: list[Figure] = []
    megabytes = options.megabytes or (10 if options.quick else 100)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        lines = make_log(folder / LOG, megabytes)
        print(f"{(folder / LOG).stat().st_size / 1e6:,.0f} MB, {lines:,} lines")
        ours, peer = child("ours", folder), None if options.no_peer else child("peer", folder)
        for name, seen in (("log pane", ours), ("textual.widgets.Log", peer)):
            if seen is not None:
                tell(name, seen)
        start = time.perf_counter()
        subprocess.run(["grep", "-c", NEEDLE, str(folder / LOG)], capture_output=True, check=False)
        print(f"grep -c  {time.perf_counter() - start:.3f} s")
    if ours is None:
        print("The log pane did not run.", file=sys.stderr)
        return 1
    figures += figures_of(ours, peer, megabytes)
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "factory.toml").touch()
        figures += large(Path(directory), LARGE_MB // 10 if options.quick else LARGE_MB)
    return 0 if report(figures, options.json) or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
