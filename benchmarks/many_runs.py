"""A workspace of 10,000 runs: time to a sorted table, a filter's keystroke, scrolling, idling.

Beside it, in the same process and on the same files, stand two peers: the floor of any list
(``os.listdir`` and ``json.loads`` of every record) and Textual's own DataTable, which is handed
rows that are read already and only has to show, filter and scroll them.

    python benchmarks/many_runs.py [--runs N | --quick] [--check] [--json FILE]

Growth is shown at a hundredth, a tenth and all of the runs: first rows, the sorted table, a
keystroke of the filter, and `validate` of one run, all in turn and more than once. The exponent
is that of the last factor of ten, less what a workspace of one run costs: 1 is linear.

Runs are made in a temporary directory. A keystroke is measured from the key event to the end of
the paint that shows its result; lag is how much later than asked an event-loop timer of 2 ms came.
With --check the exit code is 1 when a limit of LIMITS is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from figures import Figure, add_json_option, report
from growing import exponent, make_runs
from textual import events
from textual.app import App, ComposeResult
from textual.keys import _character_to_key
from textual.widgets import DataTable, Input

from engine.workspace import Workspace
from tui.app import FactoryApp
from tui.screens.runs import RunsScreen

SIZE = (120, 40)
FILTER = "target:sql score>0.8 decision:ship lr>=1e-4"
Rows = list[tuple[str, ...]]
PATIENCE_S = 120.0
LIMITS = {
    "sorted table, read anew": 1.0,
    "sorted table, kept summaries": 1.0,
    "filter keystroke, p95": 0.1,
    "worst lag while scrolling": 0.05,
    "processor while idle": 0.01,
}
"""In seconds; the last is a share of one core."""

EXPONENT = 1.15
"""Growth that still counts as linear: from two noisy times."""

ROUNDS = 5

GROWING = ("first rows, kept summaries", "sorted table, read anew", "sorted table, kept summaries")


def read_plainly(workspace: Path) -> tuple[float, Rows]:
    """The floor: seconds to list and parse every record, and rows for the peer's table."""
    started = time.perf_counter()
    rows: Rows = []
    runs = f"{workspace}/runs"
    for name in sorted(os.listdir(runs), reverse=True):  # noqa: PTH208 - the floor uses no Path
        records = {}
        for file in os.listdir(f"{runs}/{name}"):  # noqa: PTH208
            with open(f"{runs}/{name}/{file}", "rb") as stream:
                records[file] = json.loads(stream.read())
        before = records["eval-baseline.json"]["score"]
        after = records["eval-candidate.json"]["score"]
        decision = records["decision.json"]["decision"]
        target = records["config.json"]["target"]
        rows.append((name[:10], name[11:], target, f"{before} → {after}", f"{after}", decision))
    return time.perf_counter() - started, rows


@dataclass
class Measured:
    """What was measured of one of the two, in seconds."""

    opened: dict[str, float] = field(default_factory=dict)
    keys: list[float] = field(default_factory=list)
    scroll_lag: float = 0.0
    idle: float | None = None

    @property
    def p95(self) -> float:
        return sorted(self.keys)[int(0.95 * (len(self.keys) - 1))]


class Painted:
    """When an app last finished to paint."""

    def __init__(self, app: App[Any]) -> None:
        self.at = 0.0
        self._holds: Callable[[], object] | None = None
        display = app._display

        def noted(*given: Any) -> None:
            awaited = self._holds is not None and self._holds()
            display(*given)
            self.at = time.perf_counter()
            if awaited:
                self._holds = None

        app._display = noted  # type: ignore[method-assign,assignment]

    async def after(self, holds: Callable[[], object]) -> float:
        """The end of the first paint that begins when ``holds``, or of the last one where that is
        so already and nothing is painted. TimeoutError when it never comes."""
        self._holds = holds
        end = time.perf_counter() + PATIENCE_S
        held_at = 0.0
        while self._holds is not None:
            now = time.perf_counter()
            if now > end:
                raise TimeoutError("what was waited for did not come")
            held_at = held_at or (now if holds() else 0.0)
            if held_at and now - held_at > 0.25:
                break
            await asyncio.sleep(0.001)
        self._holds = None
        return self.at


@asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """Collects by how much each turn of a 2 ms timer of the event loop came too late."""
    late: list[float] = []

    async def watch() -> None:
        while True:
            asked = time.perf_counter() + 0.002
            await asyncio.sleep(0.002)
            late.append(time.perf_counter() - asked)

    task = asyncio.create_task(watch())
    try:
        yield late
    finally:
        task.cancel()


def press(app: App[Any], char: str) -> float:
    """Hand the app a key as its driver does; the moment of it."""
    named = len(char) > 1
    key = char if named else _character_to_key(char)
    at = time.perf_counter()
    app.post_message(events.Key(key, None if named else char))
    return at


async def scroll(app: App[Any], presses: int) -> float:
    """The worst lag while keys that scroll come at 30 a second, as when one is held down."""
    async with lag() as late:
        for number in range(presses):
            press(app, "pagedown" if number % 3 == 0 else "down")
            await asyncio.sleep(1 / 30)
    return max(late)


async def open_room(
    workspace: Path, count: int, what: str, measured: Measured, whole: bool = True
) -> None:
    app = FactoryApp(workspace)
    painted = Painted(app)
    started = time.perf_counter()
    async with app.run_test(size=SIZE):
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        first = await painted.after(lambda: screen.table.rows)
        done = await painted.after(lambda: len(screen.table.rows) == count)
        measured.opened[f"first rows, {what}"] = first - started
        measured.opened[f"sorted table, {what}"] = done - started
        if what == "kept summaries":
            await filter_room(app, screen, painted, measured)
            if whole:
                await rest_in_room(app, screen, painted, measured)


async def filter_room(
    app: FactoryApp, screen: RunsScreen, painted: Painted, measured: Measured
) -> None:
    while any(worker.is_running for worker in screen.workers):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    press(app, "slash")
    field = screen.query_one("#filter", Input)
    await painted.after(lambda: field.has_focus)
    for number, char in enumerate(FILTER):
        before, text = screen._list, FILTER[: number + 1]
        at = press(app, char)
        shown = await painted.after(
            lambda text=text, before=before: field.value == text and screen._list is not before  # type: ignore[misc]
        )
        measured.keys.append(shown - at)
        await asyncio.sleep(0.1)


async def rest_in_room(
    app: FactoryApp, screen: RunsScreen, painted: Painted, measured: Measured
) -> None:
    press(app, "escape")
    await painted.after(lambda: screen.table.has_focus)
    await asyncio.sleep(0.5)
    measured.scroll_lag = await scroll(app, 90)
    await asyncio.sleep(3.0)
    started, spent = time.perf_counter(), time.process_time()
    await asyncio.sleep(10.0)
    measured.idle = (time.process_time() - spent) / (time.perf_counter() - started)


class PeerApp(App[None]):
    """Textual's DataTable with the same rows."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self._rows = rows

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("day", "run", "target", "primary", "score", "decision")
        table.focus()
        self.fill("")

    def fill(self, text: str) -> None:
        """The rows that hold a text, the newest first."""
        table = self.query_one(DataTable)
        table.clear()
        table.add_rows(row for row in self._rows if not text or any(text in one for one in row))


async def use_peer(rows: Rows, measured: Measured) -> None:
    app = PeerApp(rows)
    painted = Painted(app)
    started = time.perf_counter()
    async with app.run_test(size=SIZE):
        table = app.query_one(DataTable)
        done = await painted.after(lambda: table.row_count == len(rows))
        measured.opened["table filled"] = done - started
        await asyncio.sleep(1.0)
        for length in range(1, 9):
            at = time.perf_counter()
            app.fill("drone-router"[:length])
            measured.keys.append(await painted.after(lambda: True) - at)
            await asyncio.sleep(0.1)
        app.fill("")
        await asyncio.sleep(1.0)
        measured.scroll_lag = await scroll(app, 90)


def validate_one(workspace: Path) -> float:
    """Seconds of ``factory-tui validate`` on the newest run; what it finds does not matter."""
    run = max(os.listdir(workspace / "runs"))  # noqa: PTH208
    command = [sys.executable, "-m", "tui", "validate", run, "-w", str(workspace)]
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, cwd=Path(__file__).parents[1])
        times.append(time.perf_counter() - started)
        assert done.returncode in (0, 1), done.stderr
    return statistics.median(times)


async def opened(workspace: Path, count: int) -> dict[str, float]:
    """Seconds of all that GROWING names, and of ``validate`` and a filter, for so many runs."""
    room = Measured()
    (Workspace(workspace).local_dir / "cache" / "summaries.jsonl").unlink(missing_ok=True)
    await open_room(workspace, count, "read anew", room)
    await open_room(workspace, count, "kept summaries", room, whole=False)
    return {
        **{name: room.opened[name] for name in GROWING},
        "filter keystroke": statistics.median(room.keys),
        "validate of one run": validate_one(workspace),
    }


def grown(count: int) -> list[Figure]:
    """How everything grows up to ``count`` runs: the median of ROUNDS, all sizes in turn.
    Workspaces are made for it and taken away."""
    sizes = (1, count // 100, count // 10, count)
    rounds: list[dict[int, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as directory:
        places = {size: Path(directory) / str(size) for size in sizes}
        for size, place in places.items():
            make_runs(place, size)
        time.sleep(2.5)  # summaries of files that are younger are not kept
        for _ in range(ROUNDS):
            rounds.append(
                {size: asyncio.run(opened(place, size)) for size, place in places.items()}
            )
    figures = []
    for name in rounds[0][1]:
        every = {size: [one[size][name] for one in rounds] for size in sizes}
        times = {size: statistics.median(one) for size, one in every.items()}
        start, spread = times.pop(1), statistics.stdev(every[1])
        slope = exponent(start, times, spread)
        words = ", ".join(f"{size:,}: {1000 * one:.0f} ms" for size, one in times.items())
        figures.append(
            Figure(
                "growth-" + name.replace(",", "").replace(" ", "-"),
                "Workspaces",
                f"{name} as the workspace grows",
                f"{words}; exponent {slope:.2f}",
                asked=f"exponent ≤ {EXPONENT:g}",
                holds=slope <= EXPONENT,
            )
        )
    return figures


async def measure(workspace: Path, count: int) -> dict[str, float]:
    room, peer = Measured(), Measured()
    floor, rows = read_plainly(workspace)
    await open_room(workspace, count, "read anew", room)
    again, _ = read_plainly(workspace)
    await open_room(workspace, count, "kept summaries", room)
    await use_peer(rows, peer)
    print(f"{count:,} runs, {7 * count:,} records, {SIZE[0]}×{SIZE[1]}")
    floor = min(floor, again)
    print(f"  floor: listing and parsing every record           {1000 * floor:8.0f} ms")
    for what, seconds in room.opened.items():
        print(f"  {what:<50}{1000 * seconds:8.0f} ms  ({seconds / floor:.2f} of the floor)")
    print(
        f"  DataTable, rows read already                      "
        f"{1000 * peer.opened['table filled']:8.0f} ms"
    )
    for name, one in (("control room", room), ("DataTable", peer)):
        print(
            f"  {name}: filter keystroke median {1000 * statistics.median(one.keys):.0f} ms, "
            f"p95 {1000 * one.p95:.0f} ms; worst lag while scrolling {1000 * one.scroll_lag:.0f} ms"
        )
    assert room.idle is not None
    print(f"  control room: {100 * room.idle:.2f} % of a core while nothing happens")
    return {
        "sorted table, read anew": room.opened["sorted table, read anew"],
        "sorted table, kept summaries": room.opened["sorted table, kept summaries"],
        "filter keystroke, p95": room.p95,
        "worst lag while scrolling": room.scroll_lag,
        "processor while idle": room.idle,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="1,000 runs")
    parser.add_argument("--check", action="store_true", help="exit code 1 above a limit")
    add_json_option(parser)
    options = parser.parse_args()
    count = 1_000 if options.quick else options.runs
    with tempfile.TemporaryDirectory() as directory:
        workspace = Path(directory)
        make_runs(workspace, count)
        time.sleep(2.5)  # summaries of files that are younger are not kept
        found = asyncio.run(measure(workspace, count))
    figures = [
        Figure(
            "many-" + name.replace(",", "").replace(" ", "-"),
            "Workspaces",
            f"{name}, {count:,} runs",
            f"{100 * found[name]:.2f} % of a core"
            if name == "processor while idle"
            else f"{1000 * found[name]:.0f} ms",
            asked=f"≤ {100 * limit:g} %"
            if name == "processor while idle"
            else f"≤ {1000 * limit:g} ms",
            holds=found[name] <= limit,
        )
        for name, limit in LIMITS.items()
    ]
    holds = report([*figures, *grown(count)], options.json)
    return int(options.check and not holds)


if __name__ == "__main__":
    sys.exit(main())
