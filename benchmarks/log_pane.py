"""The log pane on a large log, beside Textual's own ``Log``: opening, the top, search, filter.

    python benchmarks/log_pane.py [--quick] [--megabytes N] [--no-peer] [--check]

Each program runs in a process of its own, on a screen of 120×40 that is composed and drawn as on a
terminal. A timer of 5 ms measures how late the event loop comes: that is what a key would wait
for. The needle stands in the first line, so a search has to read all of the file before it is
there. ``grep`` says how long a program that does nothing else takes for that. With --check the
exit code is 1 when a limit of LIMITS is missed.
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
WORST_LAG_S = 0.05
"""The event loop may never come later than this, whatever is under way."""


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
        file.write("the last line\n")
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

            await until(pilot, lambda: seen("the last line"))
            found["open"] = {"seconds": time.perf_counter() - began}
            await phase("whole", lambda: reader.index.whole and reader.index.counts.total)
            idle = time.perf_counter() + 1
            await phase("nothing, for comparison", lambda: time.perf_counter() > idle)
            await phase("top", lambda: seen(NEEDLE), "home")
            await phase("end", lambda: seen("the last line"), "end")
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
            await until(pilot, lambda: "the last line" in drawn(app))
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


def missed(found: dict[str, Any]) -> list[str]:
    """The limits that were missed, in words."""
    words = [
        f"{what} took {found[what]['seconds']:.3f} s, more than {limit} s"
        for what, limit in LIMITS.items()
        if found[what]["seconds"] > limit
    ]
    for what, one in found.items():
        if isinstance(one, dict) and one.get("worst_lag", 0) > WORST_LAG_S:
            words.append(f"{what}: the event loop came {1e3 * one['worst_lag']:.0f} ms late")
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 MB instead of 100")
    parser.add_argument("--megabytes", type=int)
    parser.add_argument("--no-peer", action="store_true", help="leave Textual's Log out")
    parser.add_argument("--check", action="store_true", help="exit code 1 beyond the limits")
    parser.add_argument("--child", nargs=2, metavar=("WHICH", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        found = asyncio.run(measure(options.child[0], Path(options.child[1])))
        print(json.dumps(found))
        return
    broken: list[str] = []
    megabytes = options.megabytes or (10 if options.quick else 100)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        lines = make_log(folder / LOG, megabytes)
        print(f"{(folder / LOG).stat().st_size / 1e6:,.0f} MB, {lines:,} lines")
        for which in ("ours",) if options.no_peer else ("ours", "peer"):
            seen = child(which, folder)
            if seen is not None:
                tell({"ours": "log pane", "peer": "textual.widgets.Log"}[which], seen)
            if which == "ours":
                broken = missed(seen) if seen is not None else ["the log pane did not run"]
        start = time.perf_counter()
        subprocess.run(["grep", "-c", NEEDLE, str(folder / LOG)], capture_output=True, check=False)
        print(f"grep -c  {time.perf_counter() - start:.3f} s")
    for words in broken if options.check else ():
        print(f"missed: {words}")
    sys.exit(1 if broken and options.check else 0)


if __name__ == "__main__":
    main()
