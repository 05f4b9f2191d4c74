"""Our chart beside textual-plot and textual-plotext: one drawing, and four charts that live.

    python benchmarks/chart.py [--quick] [--check] [--rounds N]

Every program runs on a pseudo-terminal of 120×40 and measures itself. A drawing is two curves of
5,000 points each, given to each chart as the same lists, from the call that hands them over until
all of it was written to the terminal; what is counted is the processor time of the program, which
other programs do not disturb. Then four charts of two such curves get a new point each twice a
second: the share of one core that the program uses, and how late its event loop comes to a timer of
10 ms. The empty app has the timer and no chart: what is below its share is nobody's. The programs
take turns in one run, and the ratios are medians of the rounds.

The peers are in the extra "bench": pip install -e '.[bench]'. One that is not there is left out,
and that is said. With --check the exit code is 1 where ours is not cheaper by the factors of LEAST.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from figures import Figure, add_json_option, report
from terminal import Terminal, percentile, table, verdict
from textual.app import App, ComposeResult
from textual.containers import Grid
from textual.widget import Widget

POINTS = 5_000
LEAST = {"drawing": 4.0, "four": 4.0}
"""By how much ours has to be cheaper than the cheapest peer, for --check."""

PEERS = {"textual-plot": "textual_plot", "textual-plotext": "textual_plotext"}
TICK_S = 0.01
Lists = tuple[list[float], list[float], list[float]]


def points(seed: int) -> Lists:
    """Steps, a noisy loss that falls, and another one."""
    rng = random.Random(seed)
    x = [float(step) for step in range(POINTS)]
    falling = [2 * math.exp(-step / 900) + 0.1 for step in range(POINTS)]
    first = [value + rng.gauss(0, 0.05) for value in falling]
    return x, first, [1.3 * value for value in falling]


@dataclass
class Kind:
    """How one library makes a chart, and how it is given data."""

    make: Callable[[], Widget]
    put: Callable[[Any, Lists], None]


def ours() -> Kind:
    from tui.widgets.chart import Chart
    from tui.widgets.picture import Curve, Options

    def put(chart: Chart, data: Lists) -> None:
        x, first, second = data
        # The lists may have been changed in place: a copy is what the others make of them, too.
        curves = [Curve(x[:], first[:], "raw", name="each"), Curve(x[:], second[:])]
        title = [("loss", "strong"), (f"  {first[-1]:.4f}", "accent"), ("  ━ smoothed", "smooth")]
        chart.put(title, curves, Options(x_unit="steps"))

    return Kind(Chart, put)


def textual_plot() -> Kind:
    from textual_plot import HiResMode, PlotWidget

    def put(plot: PlotWidget, data: Lists) -> None:
        x, first, second = data
        plot.clear()
        plot.plot(x, first, line_style="blue", hires_mode=HiResMode.BRAILLE, label="loss")
        plot.plot(x, second, line_style="cyan", hires_mode=HiResMode.BRAILLE, label="smoothed")

    return Kind(PlotWidget, put)


def textual_plotext() -> Kind:
    from textual_plotext import PlotextPlot

    def put(plot: PlotextPlot, data: Lists) -> None:
        x, first, second = data
        plot.plt.clear_data()
        plot.plt.plot(x, first, marker="braille", label="loss")
        plot.plt.plot(x, second, marker="braille", label="smoothed")
        plot.refresh()

    return Kind(PlotextPlot, put)


def nothing() -> Kind:
    return Kind(Widget, lambda widget, data: None)


KINDS: dict[str, Callable[[], Kind]] = {
    "ours": ours,
    "textual-plot": textual_plot,
    "textual-plotext": textual_plotext,
    "an empty app": nothing,
}


class Bench(App[None]):
    """One program: draws ``drawings`` times in one chart, then four charts for ``seconds``."""

    CSS = "Grid { grid-size: 2 2; } Grid.-one { grid-size: 1 1; } Grid > * { height: 1fr; }"

    def __init__(self, kind: Kind, drawings: int, seconds: float, out: Path) -> None:
        super().__init__()
        self._kind, self._drawings, self._seconds, self._out = kind, drawings, seconds, out
        self.seen: dict[str, Any] = {}

    def compose(self) -> ComposeResult:
        yield Grid(self._kind.make(), classes="-one")

    def on_mount(self) -> None:
        self.run_worker(self._measure())

    async def _quiet(self) -> None:
        """Wait until what was asked for is on the terminal: two pauses without any work."""
        still = 0
        while still < 2:
            before = time.process_time()
            await asyncio.sleep(0.06)
            still = still + 1 if time.process_time() - before < 0.004 else 0

    async def _measure(self) -> None:
        grid = self.query_one(Grid)
        data = [points(seed) for seed in range(4)]
        chart = grid.children[0]
        await self._quiet()
        idle = await self._cost(lambda: None)
        costs = []
        for number in range(self._drawings + 1):
            lists = points(number)
            cost = await self._cost(lambda lists=lists: self._kind.put(chart, lists))
            if number:  # the first one pays for imports and styles
                costs.append(max(0.0, cost - idle))
        self.seen["drawing"] = statistics.median(costs)
        grid.remove_class("-one")
        for _ in range(3):
            await grid.mount(self._kind.make())
        await self._quiet()
        await self._four(list(grid.children), data)
        self._out.write_text(json.dumps(self.seen))
        self.exit()

    async def _cost(self, act: Callable[[], None]) -> float:
        """Processor seconds of an act and of all that comes of it."""
        before = time.process_time()
        act()
        await self._quiet()
        return time.process_time() - before

    async def _four(self, charts: Sequence[Widget], data: Sequence[Lists]) -> None:
        lags: list[float] = []
        began, used = time.monotonic(), time.process_time()
        following = began
        while (now := time.monotonic()) - began < self._seconds:
            if now >= following:
                following += 0.5
                for chart, lists in zip(charts, data, strict=True):
                    for one, value in zip(lists, (lists[0][-1] + 1, 0.5, 0.4), strict=True):
                        one.append(value)
                    self._kind.put(chart, lists)
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            lags.append(max(0.0, time.monotonic() - due))
        self.seen["four"] = (time.process_time() - used) / (time.monotonic() - began)
        self.seen["lag"] = max(lags)
        self.seen["lag99"] = percentile(lags, 0.99)


def child(name: str, drawings: int, seconds: float, out: Path) -> dict[str, float]:
    """Run one program and read what it saw. RuntimeError when it did not come to its end."""
    out.unlink(missing_ok=True)
    here = str(Path(__file__).resolve())
    command = [sys.executable, here, "--child", name, str(drawings), str(seconds), str(out)]
    end = time.monotonic() + 60 + 3 * seconds
    with Terminal(command, (120, 40)):
        while not out.is_file() or not out.read_text().endswith("}"):
            if time.monotonic() > end:
                raise RuntimeError(f"{name} did not come to its end")
            time.sleep(0.1)
    seen: dict[str, float] = json.loads(out.read_text())
    return seen


def looked_at(seen: dict[str, list[dict[str, float]]]) -> tuple[list[Figure], list[str]]:
    """Print the table; returns the figures, and which factors of LEAST were missed."""

    def middle(name: str, what: str) -> float:
        return statistics.median(one[what] for one in seen[name])

    def ratio(name: str, what: str) -> float:
        pairs = zip(seen[name], seen["ours"], strict=True)
        return statistics.median(theirs[what] / max(ours[what], 1e-6) for theirs, ours in pairs)

    rows = [["", "a drawing", "×", "four at 2 Hz", "×", "lag p99", "worst"]]
    for name in seen:
        times = [f"{ratio(name, what):.1f}" for what in ("drawing", "four")]
        rows.append(
            [
                name,
                f"{1000 * middle(name, 'drawing'):.1f} ms",
                times[0],
                f"{middle(name, 'four'):.1%}",
                times[1],
                f"{1000 * middle(name, 'lag99'):.0f} ms",
                f"{1000 * max(one['lag'] for one in seen[name]):.0f} ms",
            ]
        )
    print(table(rows))
    peers = [name for name in seen if name in PEERS]
    missed = [
        f"{name}, {what}: {ratio(name, what):.1f} times ours, at least {least:g} expected"
        for what, least in LEAST.items()
        for name in peers
        if ratio(name, what) < least
    ]
    figures = [
        Figure(
            f"chart-{what}",
            "Screen",
            words,
            shown("ours", what),
            asked=f"peers ≥ {LEAST[what]:g} times that" if what in LEAST else "",
            holds=all(ratio(name, what) >= LEAST[what] for name in peers) if peers else None,
            against=", ".join(f"{name} {shown(name, what)}" for name in peers),
        )
        for what, words, shown in (
            (
                "drawing",
                "a chart of 2 × 5,000 points drawn, processor time",
                lambda name, what: f"{1000 * middle(name, what):.1f} ms",
            ),
            (
                "four",
                "four such charts at 2 Hz, share of a core",
                lambda name, what: f"{middle(name, what):.1%}",
            ),
        )
    ]
    return figures, missed


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        name, drawings, seconds, out = sys.argv[2:]
        Bench(KINDS[name](), int(drawings), float(seconds), Path(out)).run()
        return 0
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round of a few seconds")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a factor is missed")
    parser.add_argument("--rounds", type=int, default=3)
    add_json_option(parser)
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    drawings, seconds = (5, 4.0) if options.quick else (15, 10.0)
    names = [name for name in KINDS if name not in PEERS or find_spec(PEERS[name])]
    for name in sorted(PEERS.keys() - set(names)):
        print(f"{name} is not installed and left out: pip install -e '.[bench]'")
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(rounds):
            for name in names:
                seen[name].append(child(name, drawings, seconds, Path(directory) / "seen.json"))
    figures, missed = looked_at(seen)
    report(figures, options.json)
    return verdict(missed, options.check)


if __name__ == "__main__":
    sys.exit(main())
