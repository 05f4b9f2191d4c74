"""An app with a probe in it: event-loop lag, time of frames, when a history was complete.

python benchmarks/probe.py OUT room WORKSPACE SCREEN [RUN]   the control room
python benchmarks/probe.py OUT plots EVENTS                  four plots of textual-plot
python benchmarks/probe.py OUT words EVENTS                  a bare app: a log and four sparklines
python benchmarks/probe.py OUT nothing                       an event loop, until stdin is closed

When the app ends (ctrl+q) OUT holds a JSON object: ``lags`` are pairs (when, seconds that the event
loop came late to a timer of 5 ms), ``frames`` pairs (when, seconds to compose and write one),
``whole`` and ``exact`` the times of the first frame that a run's samples and all its events gave,
``painted`` pairs (when, the last event that the screen had read for the frame written then).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widgets import RichLog, Sparkline, Static

TICK_S = 0.005
KEPT = 5_000
"""Points that the peers draw at most: more would be unkind to them."""
METRICS = ("loss", "tok_s", "learning_rate", "it_s")


async def late(lags: list[tuple[float, float]]) -> None:
    """Add (when, how late) of a timer of 5 ms, again and again."""
    while True:
        due = time.monotonic() + TICK_S
        await asyncio.sleep(TICK_S)
        now = time.monotonic()
        lags.append((now, max(0.0, now - due)))


class Probe:
    """Looks at an app from inside."""

    def __init__(self, app: App[Any]) -> None:
        self.app = app
        self.seen: dict[str, Any] = {"lags": [], "frames": [], "whole": None, "exact": None}
        self.seen["painted"] = []
        self._read = -1
        paint = Screen._compositor_refresh

        def refresh(screen: Screen[Any]) -> None:
            started = time.monotonic()
            paint(screen)
            now = time.monotonic()
            self.seen["frames"].append((now, now - started))
            self._note(now)

        Screen._compositor_refresh = refresh  # type: ignore[method-assign]
        self._follow()

    def _follow(self) -> None:
        """Note up to which event the screen has read, whenever it reads values of its run."""
        from tui.feed import RunFeed

        frame = RunFeed.frame

        @contextmanager
        def noted(feed: RunFeed) -> Iterator[None]:
            with frame(feed):
                self._read = feed.projection.last_seq
                yield

        RunFeed.frame = noted  # type: ignore[method-assign]

    def _note(self, now: float) -> None:
        painted = self.seen["painted"]
        if self._read > (painted[-1][1] if painted else -1):
            painted.append((now, self._read))
        feed = getattr(self.app.screen, "feed", None)
        if feed is None or not feed.size:
            return
        if self.seen["whole"] is None and feed.projection.last_seq > 0:
            self.seen["whole"] = now
        if self.seen["exact"] is None and not feed.coarse and not feed.behind:
            self.seen["exact"] = now


class Peer(App[None]):
    """Follows an event log as simply as it can be done: json, a timer of a tenth of a second."""

    BINDINGS: ClassVar = [("x", "axis", "axis"), ("ctrl+q", "quit", "quit")]
    CSS = "Static { height: 1; } .four { height: 1fr; }"

    def __init__(self, events: Path) -> None:
        super().__init__()
        self._file = events.open()
        self._axis = 0
        self.points: dict[str, list[float]] = {name: [] for name in METRICS}

    def on_mount(self) -> None:
        self.set_interval(0.1, self._look)

    def _look(self) -> None:
        fresh = self._file.readlines()
        for line in fresh:
            values = json.loads(line).get("values", {})
            for name in METRICS:
                if name in values:
                    self.points[name].append(values[name])
        for name in METRICS:
            del self.points[name][:-KEPT]
        if fresh:
            self.draw(fresh)

    def draw(self, fresh: list[str]) -> None:
        raise NotImplementedError

    def action_axis(self) -> None:
        self._axis += 1
        self.query_one(Static).update(AXES[self._axis % len(AXES)].decode())


AXES = (b"steps", b"tokens", b"working time", b"time of day")
"""What the x axis is called, in the order in which the key goes through them."""


class Words(Peer):
    def compose(self) -> ComposeResult:
        yield Static("steps")
        for name in METRICS:
            yield Sparkline([], id=name)
        yield RichLog(classes="four", max_lines=1000)

    def draw(self, fresh: list[str]) -> None:
        for name in METRICS:
            self.query_one(f"#{name}", Sparkline).data = self.points[name][-200:]
        for line in fresh:
            self.query_one(RichLog).write(line.rstrip())


def plots(events: Path) -> App[None]:
    from textual_plot import PlotWidget

    class Plots(Peer):
        def compose(self) -> ComposeResult:
            yield Static("steps")
            for name in METRICS:
                yield PlotWidget(classes="four", id=name)

        def draw(self, fresh: list[str]) -> None:
            for name in METRICS:
                plot = self.query_one(f"#{name}", PlotWidget)
                points = self.points[name]
                plot.clear()
                plot.plot(range(len(points)), points)

    return Plots(events)


def room(workspace: Path, screen: str, run: str | None) -> App[None]:
    from tui.app import FactoryApp

    return FactoryApp(workspace, start=screen, run_id=run)


def main() -> None:
    out, what, *rest = sys.argv[1:]
    if what == "nothing":
        lags: list[tuple[float, float]] = []

        async def wait() -> None:
            watching = asyncio.create_task(late(lags))
            await asyncio.to_thread(sys.stdin.read)
            watching.cancel()

        asyncio.run(wait())
        Path(out).write_text(json.dumps(lags))
        return
    path, *rest = rest
    if what == "room":
        app = room(Path(path), rest[0], rest[1] if len(rest) > 1 else None)
    else:
        app = plots(Path(path)) if what == "plots" else Words(Path(path))
    probe = Probe(app)

    async def run() -> None:
        watching = asyncio.create_task(late(probe.seen["lags"]))
        await app.run_async()
        watching.cancel()

    asyncio.run(run())
    Path(out).write_text(json.dumps(probe.seen))


if __name__ == "__main__":
    main()
