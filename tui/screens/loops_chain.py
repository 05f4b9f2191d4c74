"""The tries of a target that has no loop: the best so far over them, and a line for each."""

from __future__ import annotations

from datetime import UTC, datetime

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from engine.comparing.chain import Chain, Try
from tui.views.entries import Entry, entry
from tui.views.loops_load import Tries
from tui.views.loops_view import chain_chart, detail_entries, now_cells, try_entries
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList
from tui.widgets.picture import Options
from tui.widgets.tones import paint

_READING = [entry(("Reading the tries …", "muted"))]


class ChainPane(Vertical):
    """A projection of run folders alone."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tries = Tries()
        self.marked: dict[str, None] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="now")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Chart(id="best")
                yield EntryList(id="detail")
            yield EntryList(id="tries", title="tries")

    def on_mount(self) -> None:
        self.query_one("#detail").can_focus = False
        self.query_one("#best").can_focus = False
        self.draw()

    @property
    def entries(self) -> EntryList:
        return self.query_one("#tries", EntryList)

    @property
    def chain(self) -> Chain | None:
        return self._tries.chain

    @property
    def current(self) -> str | None:
        """The run at the cursor."""
        return self.entries.current if self.chain else None

    @property
    def words(self) -> str:
        """How many tries there are, and how many are marked."""
        count = len(self.chain.tries) if self.chain else 0
        words = f"{count} {'try' if count == 1 else 'tries'}"
        return f"{words} · {len(self.marked)} marked" if self.marked else words

    def put(self, tries: Tries, cursor: str | None = None) -> None:
        """Show other tries; ``cursor`` is the run to begin at, else the newest one."""
        other = self.chain is None or tries.chain is None or self.chain.target != tries.chain.target
        if tries == self._tries:
            return
        self._tries = tries
        if other:
            self.marked.clear()
        self.draw()
        if other and tries.chain is not None and tries.chain.tries:
            self.entries.select(cursor or tries.chain.tries[-1].run.run_id)
            self._draw_cursor()

    def draw(self) -> None:
        """All of it, for the size that there is."""
        if not self.is_mounted:
            return
        chain = self.chain
        if chain is None:
            self.query_one("#now").display = False
            self.entries.put(lambda _width: _READING)
            self.query_one("#best", Chart).put([], [], Options(empty="reading the tries …"))
            return
        now = now_cells(chain, self.size.width - 2)
        line = self.query_one("#now", Static)
        line.display = now is not None
        line.update(paint(*now) if now else "")
        marked, moment = tuple(self.marked), datetime.now(UTC)

        def make(width: int) -> list[Entry]:
            roomy = 2 * len(chain.tries) + 1 <= self.entries.size.height
            return try_entries(chain, marked, moment, width, roomy=roomy)

        self.entries.put(make)
        self._draw_cursor()

    def _draw_cursor(self) -> None:
        """What depends on the try at the cursor: the mark under the chart, the words."""
        chain, current = self.chain, self.current
        if chain is None:
            return
        self.query_one("#best", Chart).put(*chain_chart(chain, current))

        def make(width: int) -> list[Entry]:
            return detail_entries(chain, current, width)

        self.query_one("#detail", EntryList).put(make)

    @on(EntryList.Moved, "#tries")
    def _moved(self) -> None:
        self._draw_cursor()

    @on(events.Click, "#best")
    def _chart_clicked(self, event: events.Click) -> None:
        """The try at the place of the chart that was clicked."""
        chart, chain = self.query_one("#best", Chart), self.chain
        spot = event.get_content_offset(chart)
        if spot is None or chart.frame is None or chain is None:
            return
        number = round(chart.frame.at(spot.x))
        if 1 <= number <= len(chain.tries):
            self.entries.select(chain.tries[number - 1].run.run_id)
            self._draw_cursor()

    def mark(self) -> None:
        """Mark the try at the cursor, or take its mark away, and go on to the next."""
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
        """The marked tries; without two of them, the one at the cursor with its parent. A single
        one where the target has no other, none where there is no try."""
        chain, current = self.chain, self.current
        if chain is None or current is None:
            return ()
        wanted = [one.run.run_id for one in chain.tries if one.run.run_id in self.marked]
        if len(wanted) >= 2:
            return tuple(wanted)
        other = (wanted[0] if wanted else None) or self._try(chain, current).before
        return (other, current) if other is not None and other != current else (current,)

    def _try(self, chain: Chain, run_id: str) -> Try:
        return next(each for each in chain.tries if each.run.run_id == run_id)
