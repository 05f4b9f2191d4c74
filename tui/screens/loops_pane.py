"""One loop: the ladder of its iteration, the best so far, its iterations, plan and facts."""

from __future__ import annotations

import time
from pathlib import Path

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from tui.feed import RunFeed
from tui.standing import is_seen
from tui.views.cells import Cell
from tui.views.entries import Entry, entry
from tui.views.live_view import progress_cells, step_line, steps
from tui.views.loops_course import course_chart, iteration_entries
from tui.views.loops_facts import fact_entries
from tui.views.loops_now import banner, ladder
from tui.views.loops_plan import plan_entries
from tui.views.loops_reader import LoopView
from tui.views.plain import plain
from tui.views.research_table import try_entries
from tui.views.research_tries import best_chart, tries_of
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList
from tui.widgets.picture import Options
from tui.widgets.tones import paint

PANES = ("iterations", "plan", "facts")

_READING = [entry(("Reading the loop …", "muted"))]


class LoopPane(Vertical):
    """Draws one loop; the run of the iteration that trains is followed as Live follows it."""

    class Frame(Message):
        """The run that is followed has something new."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: LoopView | None = None
        self.marked: dict[int, None] = {}
        self.keys: dict[str, str] = {}
        """How the keys are written that sentences name."""
        self.current: int | None = None
        """The number of the iteration at the cursor."""
        self._feed: RunFeed | None = None
        self._lines: dict[str, list[Cell]] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="banner")
        yield Static(id="steps")
        yield Static(id="stages")
        yield Static(id="progress")
        with Horizontal(id="loop-body"):
            with Vertical(id="loop-left"):
                yield Chart(id="course")
                yield EntryList(id="facts", title="facts")
            with Vertical(id="loop-right"):
                yield EntryList(id="iterations", title="iterations")
                yield EntryList(id="plan", title="plan")

    def on_mount(self) -> None:
        self.query_one("#course").can_focus = False
        self.show_pane("iterations", focus=False)
        self.draw()

    def on_unmount(self) -> None:
        self._follow(None)

    @property
    def entries(self) -> EntryList:
        return self.query_one("#iterations", EntryList)

    def run_at(self, number: int | None) -> str | None:
        """The run of an iteration; None where it has none yet."""
        one = self.view.at(number) if self.view is not None and number is not None else None
        return one.run if one is not None else None

    @property
    def words(self) -> str:
        """How many iterations are marked."""
        return f" · {len(self.marked)} marked" if self.marked else ""

    # --- what is shown --------------------------------------------------------------

    def put(self, view: LoopView, cursor: int | None = None) -> None:
        """Show a loop as it is now; ``cursor`` is the iteration to begin at, of another loop the
        newest. A cursor on the newest iteration goes on to the next one when that is there."""
        before = self.view
        other = before is None or before.loop_id != view.loop_id
        newest = before.now.number if before is not None and before.now is not None else None
        if other:
            self.marked.clear()
        if view.now is None:
            self.current = None
        elif cursor is not None or other or self.current in (None, newest):
            self.current = cursor or view.now.number
        self.view = view
        self._follow(view.running)
        if view == before and cursor is None:
            self.draw_clocks()
            return
        self.draw()

    def leave(self) -> None:
        """Another place is shown: nothing is followed any more."""
        self._follow(None)

    def _follow(self, run: str | None) -> None:
        path = self._run_path(run) if run is not None else None
        if (self._feed.folder if self._feed is not None else None) == path:
            return
        if self._feed is not None:
            self._feed.stop()
        self._feed = None
        if path is not None:
            self._feed = RunFeed(path, lambda: self.post_message(self.Frame()))
            self._feed.start()

    def _run_path(self, run: str) -> Path | None:
        assert self.view is not None
        path = self.view.path.parent.parent / "runs" / run
        return path if path.name == run and path.is_dir() else None

    @on(Frame)
    def _frame(self, event: Frame) -> None:
        event.stop()
        if is_seen(self.screen):
            self._draw_run(time.time())

    def draw(self) -> None:
        """All of it, for the size that there is."""
        if not self.is_mounted:
            return
        view = self.view
        if view is None:
            self.entries.put(lambda _width: _READING)
            self.query_one("#course", Chart).put([], [], Options(empty="reading the loop …"))
            return
        marked = tuple(self.marked)

        def make(width: int) -> list[Entry]:
            if view.research:
                return try_entries(tries_of(view)[::-1], width)
            roomy = 2 * len(view.iterations) + 1 <= self.entries.size.height
            return iteration_entries(view, width, marked, roomy=roomy)

        self.entries.put(make)
        if self.current is not None and self.entries.current != str(self.current):
            self.entries.select(str(self.current))
        self.draw_clocks()
        self._draw_cursor()

    def draw_clocks(self) -> None:
        """What changes with the time alone."""
        view, now = self.view, time.time()
        if view is None or not self.is_mounted:
            return
        self._put_line("#banner", banner(view, self.keys))
        found, width = ladder(view, now), self.size.width - 2
        here = view.now
        head = f"iteration {here.number}  " if here is not None else ""
        line = [Cell(head, "muted"), *step_line(found, width - len(head))] if found else []
        self._put_line("#steps", line)
        self._draw_run(now)

        def make(width: int) -> list[Entry]:
            return fact_entries(view, now, width)

        self.query_one("#facts", EntryList).put(make)

    def _draw_run(self, now: float) -> None:
        """The run that is followed: its stages, and how far it is."""
        feed, width = self._feed, self.size.width - 2
        if feed is None:
            self._put_line("#stages", [])
            self._put_line("#progress", [])
            return
        with feed.frame():
            found = steps(feed.projection, feed.status, feed.liveness, now, None)
            head = f"{plain(feed.folder.name)}  "
            stages = [Cell(head, "muted"), *step_line(found, width - len(head))] if found else []
            progress = progress_cells(
                feed.projection, feed.liveness, now, width - 14, feed.plan_left(now)
            )
            loss = _loss(feed)
        self._put_line("#stages", stages)
        self._put_line("#progress", [*progress, *loss] if progress else [])

    def _put_line(self, selector: str, cells: list[Cell]) -> None:
        if self._lines.get(selector) == cells:
            return
        self._lines[selector] = cells
        line = self.query_one(selector, Static)
        line.display = bool(cells)
        line.update(paint(*cells))

    def _draw_cursor(self) -> None:
        """What depends on the iteration at the cursor: the mark under the chart, the plan."""
        view, current = self.view, self.current
        if view is None:
            return
        if view.research:
            at = current - 1 if current is not None else None
            self.query_one("#course", Chart).put(*best_chart(tries_of(view), at))
        else:
            self.query_one("#course", Chart).put(*course_chart(view, current))

        def make(width: int) -> list[Entry]:
            return plan_entries(view, current, width)

        self.query_one("#plan", EntryList).put(make)

    # --- the cursor -------------------------------------------------------------------

    @on(EntryList.Moved, "#iterations")
    def _moved(self, event: EntryList.Moved) -> None:
        self.current = int(event.key)
        self.query_one("#plan").scroll_to(y=0, animate=False)
        self._draw_cursor()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    @on(events.Click, "#course")
    def _chart_clicked(self, event: events.Click) -> None:
        """The iteration at the place of the chart that was clicked."""
        chart = self.query_one("#course", Chart)
        spot = event.get_content_offset(chart)
        if spot is not None and chart.frame is not None:
            number = round(chart.frame.at(spot.x))
            if self.view is not None and self.view.research:
                number += 1  # the baseline is try 0, and iteration 1
            if self.view is not None and self.view.at(number) is not None:
                self.current = number
                self.draw()

    def show_pane(self, name: str, *, focus: bool = True) -> None:
        """Give a pane the focus, and the room where plan and facts share it."""
        if name != "iterations":
            self.set_class(name == "facts", "-facts")
        if focus:
            self.query_one(f"#{name}", EntryList).focus()

    def next_pane(self, direction: int) -> None:
        focused = self.screen.focused
        at = PANES.index(focused.id) if focused is not None and focused.id in PANES else 0
        self.show_pane(PANES[(at + direction) % len(PANES)])

    def mark(self) -> None:
        """Mark the iteration at the cursor, or take its mark away, and go on to the next."""
        current = self.current
        if current is None:
            return
        if current in self.marked:
            del self.marked[current]
        else:
            self.marked[current] = None
        self.draw()
        self.entries.action_move(1)

    def to_compare(self) -> tuple[str, ...]:
        """The runs of the marked iterations; without two of them, the one at the cursor with the
        best, or the best with the best before it. A single one where there is no other."""
        view, run = self.view, self.run_at(self.current)
        if view is None or run is None:
            return ()
        wanted = [one.run for one in view.iterations if one.number in self.marked and one.run]
        if len(wanted) >= 2:
            return tuple(wanted)
        kept = [
            one.run
            for one in view.iterations
            if one.run and one.verdict is not None and one.verdict.outcome == "kept"
        ]
        if kept and kept[-1] == run:
            kept.pop()
        return (kept[-1], run) if kept and kept[-1] != run else (run,)


def _loss(feed: RunFeed) -> list[Cell]:
    """The last training loss of the stage that runs; call it in the feed's frame."""
    stage = feed.projection.running
    series = stage.series.get("loss") if stage is not None else None
    value = series.last_finite() if series is not None else None
    return [Cell("  loss ", "muted"), Cell(f"{value:.3f}", "strong")] if value is not None else []
