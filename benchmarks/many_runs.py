"""A workspace of 10,000 runs: time to a sorted table, a filter's keystroke, scrolling, idling.

Beside it, in the same process and on the same files, stand two peers: the floor of any list
(``os.listdir`` and ``json.loads`` of every record) and Textual's own DataTable, which is handed
rows that are read already and only has to show, filter and scroll them.

    python benchmarks/many_runs.py [--runs N | --quick] [--check] [--json FILE]

Growth is shown at a hundredth, a tenth and all of the runs: first rows, the sorted table, a
keystroke of the filter, and `validate` of one run, all in turn and more than once. The exponent
is that of processor time over the last factor of ten, less what a workspace of one run costs: 1 is
linear.

Runs are made in a temporary directory. A keystroke is measured from the key event to the end of
the paint that shows its result; lag is how much later than asked an event-loop timer of 2 ms came.
With --check the exit code is 1 when a limit of LIMITS is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from figures import Figure, add_json_option, report
from growing import exponent, make_runs
from painted import Measured, Painted, press, scroll
from textual.app import App, ComposeResult
from textual.widgets import DataTable, Input

from engine.workspace import Workspace
from tui.app import FactoryApp
from tui.screens.runs import RunsScreen

SIZE = (120, 40)
FILTER = "target:sql score>0.8 decision:ship lr>=1e-4"
Rows = list[tuple[str, ...]]
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


class Took(NamedTuple):
    """Seconds of the clock, and of processor time."""

    seconds: float
    spent: float


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


async def open_room(
    workspace: Path, count: int, what: str, measured: Measured, whole: bool = True
) -> None:
    app = FactoryApp(workspace)
    painted = Painted(app)
    started, spent = time.perf_counter(), time.process_time()
    async with app.run_test(size=SIZE):
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        first = await painted.after(lambda: screen.table.rows)
        measured.spent[f"first rows, {what}"] = time.process_time() - spent
        done = await painted.after(lambda: len(screen.table.rows) == count)
        measured.spent[f"sorted table, {what}"] = time.process_time() - spent
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


def validate_one(workspace: Path) -> Took:
    """``factory-tui validate`` on the newest run; what it finds does not matter."""
    run = max(os.listdir(workspace / "runs"))  # noqa: PTH208
    command = [sys.executable, "-m", "tui", "validate", run, "-w", str(workspace)]
    started, spent = time.perf_counter(), of_children()
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, cwd=Path(__file__).parents[1])
        assert done.returncode in (0, 1), done.stderr
    return Took((time.perf_counter() - started) / 3, (of_children() - spent) / 3)


def of_children() -> float:
    """Seconds of processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def opened(workspace: Path, count: int) -> dict[str, Took]:
    """All that GROWING names, and ``validate`` and a filter, for so many runs."""
    room = Measured()
    (Workspace(workspace).local_dir / "cache" / "summaries.jsonl").unlink(missing_ok=True)
    await open_room(workspace, count, "read anew", room)
    await open_room(workspace, count, "kept summaries", room, whole=False)
    return {
        **{name: Took(room.opened[name], room.spent[name]) for name in GROWING},
        "filter keystroke": Took(*[statistics.median(room.keys)] * 2),
        "validate of one run": validate_one(workspace),
    }


def grown(count: int) -> list[Figure]:
    """How everything grows up to ``count`` runs: the median of ROUNDS, all sizes in turn.
    Workspaces are made for it and taken away.

    The exponent is of processor time: a few runs are read while the first paint is on its way, so
    that in time of the clock they cost nothing and more of them seem to grow.
    """
    sizes = (1, count // 100, count // 10, count)
    rounds: list[dict[int, dict[str, Took]]] = []
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
        spent = {size: statistics.median(one.spent for one in every[size]) for size in sizes}
        start, spread = spent.pop(1), statistics.stdev(one.spent for one in every[1])
        slope = exponent(start, spent, spread)
        words = ", ".join(
            f"{size:,}: {1000 * statistics.median(one.seconds for one in every[size]):.0f} ms"
            for size in sizes[1:]
        )
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
