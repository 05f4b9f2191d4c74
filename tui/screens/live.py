"""Live: one run as it happens, or as it happened."""

from __future__ import annotations

import os
import time

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from tui.bindings import bindings_for
from tui.feed import RunFeed
from tui.screens.live_acts import RunActs
from tui.screens.live_keys import ChartKeys
from tui.screens.panes import Edge
from tui.standing import is_seen
from tui.styles import style_paths
from tui.views.cells import Cell
from tui.views.chart_settings import ChartSettings
from tui.views.live_side import LABEL, flat_numbers, numbers, side_lines, suites_line
from tui.views.live_view import AWAITING, banner, message_row, progress_cells, state_words, steps
from tui.widgets.chart_board import ChartBoard
from tui.widgets.examples import ExampleList
from tui.widgets.key_bar import KeyBar
from tui.widgets.ladder import Ladder
from tui.widgets.log_pane import LogPane
from tui.widgets.signs import SignList
from tui.widgets.tones import lines, paint
from tui.widgets.top_bar import TopBar

PANES = ("examples", "log", "signs")


class LiveScreen(ChartKeys, RunActs):
    """Phase ladder, charts, progress, examples, signs and log of one run.

    Everything shown is read from the run's folder; see RunFeed.
    """

    ROOM = "live"
    CSS_PATH = style_paths("live")
    BINDINGS = bindings_for("live")
    EDGES = (Edge("#panes", "top"), Edge("#side", "right"))

    class Frame(Message):
        """The feed has something new."""

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._settings = ChartSettings()
        self._pane = "examples"
        self._put: dict[str, list[Cell] | None] = {}
        self._beside: list[list[Cell]] = []
        self._feed: RunFeed | None = None
        self._in_loop = False

    @property
    def feed(self) -> RunFeed:
        """What follows this run; there from the moment that the screen is composed."""
        if self._feed is None:
            self._feed = RunFeed(self.run_path, lambda: self.post_message(self.Frame()))
        return self._feed

    def compose(self) -> ComposeResult:
        yield TopBar("factory", self.run_id or "")
        yield Static(id="banner")
        yield Ladder(id="steps", flat=True)
        with Horizontal(id="main"):
            with Vertical(id="side"):
                yield Ladder(id="ladder")
                yield Static(id="numbers")
            yield ChartBoard(self.feed, self._settings, _machine_bytes(), id="charts")
        yield Static(id="now")
        yield Static(id="sign")
        yield Static(id="progress")
        with Horizontal(id="panes"):
            yield ExampleList(id="examples")
            yield LogPane(self.run_path, id="log")
            yield SignList(id="signs")
        yield KeyBar("live")

    def on_mount(self) -> None:
        self._show_pane("examples")
        self._settings.recall(self.factory.remembered.get("live.charts", {}))
        self.board.lay_out()
        self.set_interval(1.0, self._tick)
        self.feed.start()
        self._draw()

    def on_unmount(self) -> None:
        self.feed.stop()
        self.factory.remembered.put("live.charts", self._settings.kept())

    def on_screen_resume(self) -> None:
        self._draw()

    # --- drawing ------------------------------------------------------------------

    def on_live_screen_frame(self) -> None:
        if is_seen(self):
            self._draw()

    def _tick(self) -> None:
        """Clocks go on although nothing was written."""
        if is_seen(self) and self.feed.liveness in ("running", "waiting"):
            with self.feed.lock:
                self._draw_words(time.time())

    def on_resize(self) -> None:
        self._settings.sets = self.size.width >= 100
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        with self.feed.frame():
            self._draw_words(time.time())
            waits = "waiting for the first number"
            self.board.draw(waits if self._expects_more else "no numbers are recorded")
            self._draw_panes()

    def _draw_words(self, now: float) -> None:
        feed, projection = self.feed, self.feed.projection
        status, alive = feed.status, feed.liveness
        charted = self.board.charted()
        words, tone = state_words(projection, status, alive)
        if feed.behind > 1 << 20 and feed.size:
            words = f"reading history {1 - feed.behind / feed.size:.0%} · {words}"
        target = feed.config.get("target")
        parts = ["factory", self.run_id or ""]
        if isinstance(target, str) and target and target not in parts[1]:
            parts.append(target)
        if (mark := self.mark) is not None:
            parts.append(f"iteration {mark.iteration} of loop {mark.loop_id}")
            if not self._in_loop:
                self._in_loop = True
                self.refresh_bindings()
        self.query_one(TopBar).put(*parts, right=words, tone=tone)
        self._put_line("#banner", self._banner())
        found = steps(projection, status, alive, now, charted.name if charted else None)
        self.query_one("#ladder", Ladder).put(found)
        self.query_one("#steps", Ladder).put(found)
        width = self.size.width - 2
        progress = progress_cells(projection, alive, now, width, feed.plan_left(now))
        self._put_line("#progress", progress)
        values = numbers(charted, self.board.charts.machine_bytes)
        side = self.query_one("#numbers")
        room = side.content_size
        size = (max(LABEL + 8, room.width), room.height)
        signs = feed.signs(now, self.board.charts.machine_bytes)
        serious = [one for one in signs if one.level != "info" and not one.over]
        # The newest serious one has a line of its own.
        said = () if self.has_class("-wide") else [one for one in signs if one not in serious[-1:]]
        rows = side_lines(values, projection, *size, signs=said)
        if rows != self._beside:
            self._beside = rows
            # Its size is the style's: an update that lays out costs as much as a whole frame.
            text = lines(paint(*row) for row in rows)
            self.query_one("#numbers", Static).update(text, layout=False)
        self._put_line("#now", flat_numbers(values, width))
        self.query_one(SignList).put(signs, projection.first_t)
        self._put_line("#sign", message_row(serious[-1], projection.first_t) if serious else None)

    def _banner(self) -> list[Cell] | None:
        feed = self.feed
        if feed.gone:
            text = "✘ The folder of this run is not there any more: moved, renamed or deleted."
            return [Cell(text, "bad")]
        if not feed.status and not feed.projection.last_t and not feed.behind:
            text = "No events are recorded in this folder. v checks its files, d decides."
            return [Cell(text, "muted")]
        waits = (
            feed.liveness == "idle"
            and feed.status.get("phase") in AWAITING
            and not feed.projection.decision
        )
        cell = banner(
            feed.projection,
            feed.status,
            feed.liveness,
            broken=feed.broken_events,
            awaits_decision=waits,
            room=3 * max(20, self.size.width - 12),
        )
        return [cell] if cell else None

    def _put_line(self, selector: str, cells: list[Cell] | None) -> None:
        if cells == self._put.get(selector, ()):
            return
        self._put[selector] = cells
        line = self.query_one(selector, Static)
        line.set_class(not cells, "-none")
        line.update(paint(*cells) if cells else "", layout=selector == "#banner")

    @property
    def _expects_more(self) -> bool:
        """Whether events can still come: the run is under way, or is being read."""
        return self.feed.liveness in ("running", "waiting") or self.feed.behind > 0

    def _draw_panes(self) -> None:
        projection = self.feed.projection
        shown = projection.examples()
        pane, title = self.query_one(ExampleList), "examples"
        if shown:
            room = pane.size.width - len(title) - 5
            title = f"{title} ─ {suites_line(projection, shown[0].stage, room)}"
        pane.put(shown, title, "none scored yet" if self._expects_more else "none recorded")

    # --- panes --------------------------------------------------------------------

    def _show_pane(self, name: str) -> None:
        self._pane = name
        panes = self.query_one("#panes")
        for one in PANES:
            panes.set_class(one == name, f"-{one}")
        shown = self.query_one(f"#{name}", Widget)
        if self.focused is None or shown not in self.focused.ancestors_with_self:
            shown.focus()

    def action_pane(self, direction: int) -> None:
        """The next pane gets the focus, and the room where only one fits; in the grid, a chart."""
        if self.board.full:
            self.board.next_chart(direction)
            return
        self._show_pane(PANES[(PANES.index(self._pane) + direction) % len(PANES)])

    def on_descendant_focus(self) -> None:
        focused = self.focused
        places = focused.ancestors_with_self if focused is not None else ()
        pane = next((one.id for one in places if one.id in PANES), None)
        if pane is not None and pane != self._pane:
            self._show_pane(pane)

    def action_log(self) -> None:
        """Give the whole screen to the log, or take it back."""
        full = not self.has_class("-log")
        if full and self.board.full:
            self.board.leave()
        self.set_class(full, "-log")
        self._show_pane("log" if full else "examples")

    def action_search(self) -> None:
        """Ask what to look for in the log."""
        self._show_pane("log")
        self.query_one(LogPane).action_search()

    def step_back(self) -> bool:
        log = self.query_one(LogPane)
        if log.holds(self.focused) and log.step_back():
            return True
        if self.has_class("-log"):
            self.action_log()
        else:
            return self.board.step_back()
        return True

    @on(ExampleList.Opened)
    def _open_example(self, event: ExampleList.Opened) -> None:
        from tui.screens.example import ExampleScreen

        self.app.push_screen(ExampleScreen(event.example))

    @on(ChartBoard.LaidOut)
    def _lay_out(self) -> None:
        # What stands beside the charts has another width now, and the keys their pane again.
        self._draw()
        if not self.board.full:
            self._show_pane(self._pane)

    @on(Ladder.Chosen)
    def _choose_stage(self, event: Ladder.Chosen) -> None:
        self.board.choose(event.stage)


def _machine_bytes() -> int | None:
    """The machine's memory, None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
