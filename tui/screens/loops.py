"""Loops: the tries at one target in a row; which were kept, what they varied, the best so far."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from engine.comparing.chain import Chain
from engine.workspace import Workspace
from tui.acting import attempt, say
from tui.bindings import bindings_for
from tui.screens.base import RoomScreen
from tui.screens.panes import Edge
from tui.styles import style_paths
from tui.views.entries import Entry, entry
from tui.views.loops_load import Tries, TryReader
from tui.views.loops_view import (
    WHAT_A_LOOP_IS,
    chain_chart,
    detail_entries,
    now_cells,
    target_line,
    try_entries,
)
from tui.views.plain import plain
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList
from tui.widgets.key_bar import KeyBar
from tui.widgets.picture import Options
from tui.widgets.tones import paint
from tui.widgets.top_bar import TopBar

LOOK_EVERY_S = 1.0
"""How often runs that are under way are looked at."""

QUIET_EVERY = 4
"""Where nothing runs, only every so many looks are taken."""


_READING = [entry(("Reading the tries …", "muted"))]


class LoopsScreen(RoomScreen):
    """The chain of tries of a target, made from the run folders alone."""

    ROOM = "loops"
    CSS_PATH = style_paths("loops")
    BINDINGS = bindings_for("loops")
    EDGES = (Edge("#best", "bottom"), Edge("#left", "right"))

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._tries = Tries()
        self._target: str | None = None
        self._marked: dict[str, None] = {}
        self._read_once = False
        self._looks = 0

    @cached_property
    def _reader(self) -> TryReader:
        return TryReader(Workspace(self.factory.workspace))

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "loops")
        yield Static(id="targets")
        yield Static(id="now")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Chart(id="best")
                yield EntryList(id="detail")
            yield EntryList(id="tries", title="tries")
        yield Static(id="empty")
        yield KeyBar("loops")

    def on_mount(self) -> None:
        self.query_one("#detail").can_focus = False
        self.query_one("#best").can_focus = False
        self._target = self.factory.remembered.get("loops.target", "") or None
        self.query_one("#tries").focus()
        self._draw()
        self._read()
        self.set_interval(LOOK_EVERY_S, self._look)

    def on_screen_resume(self) -> None:
        if self._read_once:
            self._read()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    # --- reading ------------------------------------------------------------------

    def _look(self) -> None:
        reading = any(worker.group == "read" and worker.is_running for worker in self.workers)
        self._looks += 1
        quiet = not any(one.running for one in self._tries.targets)
        if quiet and self._looks % QUIET_EVERY:
            return
        if self.is_current and self._read_once and not reading:
            self._read()

    @work(thread=True, group="read", exclusive=True)
    def _read(self, anew: bool = False) -> None:
        found: list[Tries] = []
        target = self._target
        first = not self._read_once
        if attempt(self, lambda: found.append(self._reader.read(target, anew)), ""):
            if first and self.run_id is not None:
                own = self._target_of(self.run_id)
                if own is not None and (target := own):
                    found[0] = self._reader.read(own)
            self.app.call_from_thread(self._take, found[0], target)

    def _target_of(self, run_id: str) -> str | None:
        """The target of the run that the screen was opened on."""
        return self._reader.target_of(run_id)

    def _take(self, tries: Tries, target: str | None) -> None:
        if self._read_once and target != self._target:
            # Another target was chosen while this one was read.
            self._read()
            return
        first, self._read_once = not self._read_once, True
        begun = self._chain is None
        changed = first or tries != self._tries
        self._tries = tries
        if tries.chain is not None:
            self._target = tries.chain.target
        if changed:
            self._draw()
        if begun and tries.chain is not None:
            self.query_one("#tries").focus()
        if first and tries.chain is not None and tries.chain.tries:
            cursor = self.run_id or tries.chain.tries[-1].run.run_id
            self.query_one("#tries", EntryList).select(cursor)
            self._draw_cursor()

    def action_refresh(self) -> None:
        """Read every run again."""
        self._read(anew=True)

    # --- drawing ------------------------------------------------------------------

    @property
    def _chain(self) -> Chain | None:
        return self._tries.chain

    @property
    def current(self) -> str | None:
        """The run at the cursor."""
        return self.query_one("#tries", EntryList).current if self._chain else None

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        chain = self._chain
        empty = self.query_one("#empty", Static)
        nothing = chain is None or not chain.tries
        empty.display = self._read_once and nothing
        self.query_one("#body").display = not empty.display
        empty.update(self._empty_words())
        self._draw_targets()
        if chain is None:
            self.query_one(TopBar).put("factory", "loops")
            self.query_one("#now").display = False
            self.query_one("#tries", EntryList).put(lambda _width: _READING)
            self.query_one("#best", Chart).put([], [], Options(empty="reading the tries …"))
            return
        count = len(chain.tries)
        right = f"{count} {'try' if count == 1 else 'tries'}"
        if self._marked:
            right += f" · {len(self._marked)} marked"
        self.query_one(TopBar).put("factory", "loops", chain.target, right=right)
        now = now_cells(chain, self.size.width - 2)
        line = self.query_one("#now", Static)
        line.display = now is not None
        line.update(paint(*now) if now else "")
        marked, moment = tuple(self._marked), datetime.now(UTC)

        tries = self.query_one("#tries", EntryList)

        def make(width: int) -> list[Entry]:
            roomy = 2 * len(chain.tries) + 1 <= tries.size.height
            return try_entries(chain, marked, moment, width, roomy=roomy)

        tries.put(make)
        self._draw_cursor()

    def _draw_cursor(self) -> None:
        """What depends on the try at the cursor: the mark under the chart, the words."""
        chain, current = self._chain, self.current
        if chain is None:
            return
        self.query_one("#best", Chart).put(*chain_chart(chain, current))

        def make(width: int) -> list[Entry]:
            return detail_entries(chain, current, width)

        self.query_one("#detail", EntryList).put(make)

    def _draw_targets(self) -> None:
        line = self.query_one("#targets", Static)
        found = {one.target: one.count for one in self._tries.targets}
        line.display = len(found) > 1
        line.update(paint(*target_line(found, self._target or "", self.size.width - 2)))

    def _empty_words(self) -> Content:
        return Content.assemble(
            ("No tries yet.\n\n", "$strong bold"),
            f"{WHAT_A_LOOP_IS}\n\nIt begins with a first run of a target: ",
            ("n", "bold $accent"),
            " plans one. The next is planned from here, after the try at the cursor.",
        )

    @on(EntryList.Moved, "#tries")
    def _moved(self) -> None:
        self._draw_cursor()

    @on(events.Click, "#best")
    def _chart_clicked(self, event: events.Click) -> None:
        """The try at the place of the chart that was clicked."""
        chart, chain = self.query_one("#best", Chart), self._chain
        spot = event.get_content_offset(chart)
        if spot is None or chart.frame is None or chain is None:
            return
        number = round(chart.frame.at(spot.x))
        if 1 <= number <= len(chain.tries):
            self.query_one("#tries", EntryList).select(chain.tries[number - 1].run.run_id)
            self._draw_cursor()

    # --- targets ------------------------------------------------------------------

    def action_target(self, direction: int) -> None:
        names = [one.target for one in self._tries.targets]
        if len(names) < 2:
            say(self, "Only one target of this workspace was tried.")
            return
        at = names.index(self._target) if self._target in names else 0
        self._show_target(names[(at + direction) % len(names)])

    def action_choose_target(self) -> None:
        """Choose among the targets by name."""
        from tui.screens.loops_targets import TargetsScreen

        if self._tries.targets:
            self.app.push_screen(
                TargetsScreen(self._tries.targets, self._target), self._chosen_target
            )

    def _chosen_target(self, target: str | None) -> None:
        if target is not None:
            self._show_target(target)

    def _show_target(self, target: str) -> None:
        if target == self._target:
            return
        self._target = target
        self._marked.clear()
        self.factory.remembered.put("loops.target", target)
        self._draw_targets()
        self._read()

    # --- the try at the cursor ----------------------------------------------------

    @on(EntryList.Chosen, "#tries")
    def _chosen(self, event: EntryList.Chosen) -> None:
        self.factory.open_run(event.key)

    def action_open(self) -> None:
        if self.current is not None:
            self.factory.open_run(self.current)

    def action_follow(self) -> None:
        """Plan a run whose parent is the try at the cursor; a first one where there is none."""
        self.factory.show("new_run", self.current)

    def action_mark(self) -> None:
        """Mark the try at the cursor, or take its mark away, and go on to the next."""
        current = self.current
        if current is None:
            return
        if current in self._marked:
            del self._marked[current]
        else:
            self._marked[current] = None
        self._draw()
        self.query_one("#tries", EntryList).action_move(1)

    def action_compare(self) -> None:
        """Compare the marked tries; without two of them, the one at the cursor with its parent."""
        chain, current = self._chain, self.current
        if chain is None or current is None:
            return
        order = [one.run.run_id for one in chain.tries]
        wanted = [run for run in order if run in self._marked]
        if len(wanted) < 2:
            one = next(each for each in chain.tries if each.run.run_id == current)
            other = (wanted[0] if wanted else None) or one.before
            wanted = [other, current] if other is not None and other != current else [current]
        if len(wanted) < 2 and len(order) < 2:
            say(self, f"{plain(current)} is the only try; there is nothing to compare it with.")
            return
        self.factory.show("compare", None, runs=tuple(wanted))

    def action_room(self, name: str) -> None:
        """Open another screen on the try at the cursor."""
        if self.current is not None:
            self.factory.show(name, self.current)
