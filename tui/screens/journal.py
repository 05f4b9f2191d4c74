"""Journal: every run and loop as an entry of a diary, with its target's course and your notes."""

from __future__ import annotations

import re
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Markdown, Static
from textual.worker import get_current_worker

from engine.publish.journal.listing import Listed
from engine.publish.journal.trend import Trend
from engine.workspace import Workspace
from tui.acting import hand_over, say, sentence_of
from tui.bindings import bindings_for
from tui.following import Following
from tui.screens.base import RoomScreen
from tui.screens.journal_acts import JournalActs
from tui.screens.panes import Edge
from tui.styles import style_paths
from tui.views.cells import Cell
from tui.views.journal_reader import Journal, JournalReader
from tui.views.journal_view import EMPTY, NO_MATCH, NO_TARGET, Lines, list_entries, trend_chart
from tui.views.plain import fit, plain, plain_lines
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList
from tui.widgets.key_bar import KeyBar
from tui.widgets.picture import Options
from tui.widgets.report_page import ReportPage
from tui.widgets.tones import paint
from tui.widgets.top_bar import TopBar

SEARCH_AFTER_S = 0.2
"""So long after the last letter the search begins."""

SHOW_AFTER_S = 0.08
"""So long the cursor rests before its entry is read: a held key passes by."""

MAX_SHOWN = 200_000
"""A longer entry is cut: laying it out would hold the screen up."""

_RUN_LINK = re.compile(r"\.\./\.\./runs/([^/?#]+)")


class JournalScreen(JournalActs, RoomScreen):
    """Reads in threads; an entry's text is made when the cursor comes to it."""

    ROOM = "journal"
    CSS_PATH = style_paths("journal")
    BINDINGS = bindings_for("journal")
    EDGES = (
        Edge("#list", "right"),
        Edge("#list", "bottom"),
        Edge("#trend", "bottom"),
    )
    AUTO_FOCUS = "#list"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self.journal = Journal()
        self.target: str | None = None
        self.writing = False
        self._needle = ""
        self._matches: frozenset[str] | None = None
        self._searched = ""
        self._shown: list[Listed] = []
        self._lines: Lines = {}
        self._chart: bool | None = None
        self._trend: tuple[str, Trend] | None = None
        self._text = ""
        self._put: str | None = None

    def compose(self) -> ComposeResult:
        self.reader = JournalReader(Workspace(self.factory.workspace))
        yield TopBar("factory", "journal", right="reading …")
        with Horizontal(id="search"):
            yield Static("/ ")
            yield Input(placeholder="any text of any entry", compact=True)
        yield Static(id="problem")
        with Container(id="body"):
            yield EntryList(id="list")
            with Vertical(id="entry"):
                yield Chart(id="trend")
                yield ReportPage("", id="text", show_table_of_contents=False)
        yield KeyBar("journal")

    def on_mount(self) -> None:
        self.query_one("#trend").can_focus = False
        self._place_chart()
        self.read()

    def on_resize(self) -> None:
        super().on_resize()
        self._place_chart()

    # --- reading ------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="read")
    def read(self, anew: bool = False) -> None:
        """Read the entries; what is there so far is shown."""
        worker = get_current_worker()
        try:
            for journal in self.reader.read(anew=anew):
                if worker.is_cancelled:
                    return
                # So that the screen has the lines of thousands at once.
                width = self.query_one("#list").scrollable_content_region.width
                list_entries(journal.entries, width, noted=journal.notes, known=self._lines)
                hand_over(self, self._take, journal)
        except OSError as error:
            hand_over(self, say, self, sentence_of(error), "error")

    def _take(self, journal: Journal) -> None:
        self.journal = journal
        line = self.query_one("#problem", Static)
        line.set_class(bool(journal.problem), "-there")
        line.update(Content(f"⚠ {plain(journal.problem)}" if journal.problem else ""))
        if self._needle:
            self._search_now()
        self._list()
        if journal.whole:
            self._put = None
            self._show_entry()

    def _list(self) -> None:
        """Draw the list anew: other entries, another target or another search."""
        target, matches = self.target, self._matches
        self._shown = [
            one
            for one in self.journal.entries
            if (target is None or one.target == target) and (matches is None or one.key in matches)
        ]
        shown, noted = self._shown, self.journal.notes
        empty = NO_MATCH if self.journal.entries else EMPTY
        self.query_one("#list", EntryList).put(
            lambda width: list_entries(shown, width, noted=noted, empty=empty, known=self._lines)
        )
        self.tell_state()
        self._show_entry()

    def tell_state(self) -> None:
        """The right end of the top bar: how many there are, and what is being done."""
        count, every = len(self._shown), len(self.journal.entries)
        words = f"{count:,} of {every:,}" if count != every else f"{every:,}"
        words += " entry" if count == every == 1 else " entries"
        if self.target is not None:
            words = f"{plain(self.target, clip=60) or NO_TARGET} · {words}"
        if not self.journal.whole:
            words += " · reading …"
        if self._searched:
            words += f" · {self._searched}"
        if self.writing:
            words += " · writing …"
        self.query_one(TopBar).put("factory", "journal", right=words)

    # --- the entry at the cursor ----------------------------------------------------

    @property
    def current(self) -> Listed | None:
        """The entry at the cursor."""
        key = self.query_one("#list", EntryList).current
        return next((one for one in self._shown if one.key == key), None)

    @property
    def run_path(self) -> Path:
        """The run of the entry: links of an entry are followed from there."""
        entry = self.current
        name = entry.open_run if entry else None
        return self.factory.workspace / "runs" / (name or "none")

    @on(EntryList.Moved, "#list")
    def _moved(self) -> None:
        self.set_timer(SHOW_AFTER_S, self._show_entry)

    def _show_entry(self) -> None:
        entry = self.current
        if entry is None:
            self._put, self._text, self._trend = None, "", None
            self.query_one(ReportPage).document.update("")
            self.query_one("#trend", Chart).put([], [], Options(empty=" "))
        elif entry.key != self._put:
            self._put = entry.key
            self._read_entry(entry)

    @work(thread=True, exclusive=True, group="entry")
    def _read_entry(self, entry: Listed) -> None:
        text = self.reader.text(entry, self.journal.notes)
        hand_over(self, self.call_later, self._take_entry, entry, text)
        trend = self.reader.trend(self.journal.entries, entry.target)
        hand_over(self, self._take_trend, entry, trend)

    async def _take_entry(self, entry: Listed, text: str) -> None:
        if entry.key != self._put:
            return
        self._text = plain_lines(text, clip=MAX_SHOWN)
        page = self.query_one(ReportPage)
        await page.document.update(self._text)
        page.scroll_home(animate=False)

    def _take_trend(self, entry: Listed, trend: Trend) -> None:
        self._trend = (entry.target, trend)
        self.query_one("#trend", Chart).put(*trend_chart(trend, entry.target, entry.name))

    # --- search ---------------------------------------------------------------------

    def action_search(self) -> None:
        """Look for a text in every entry."""
        self.query_one("#search").add_class("-open")
        self.query_one(Input).focus()

    def on_key(self, event: events.Key) -> None:
        """From the search line down into the list."""
        if event.key == "down" and self.query_one(Input).has_focus:
            event.stop()
            self.query_one("#list").focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._needle = event.value.strip()
        if self._needle:
            self.set_timer(SEARCH_AFTER_S, self._search_now)
        else:
            self.workers.cancel_group(self, "search")
            self._matches, self._searched = None, ""
            self._list()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_search()

    def _close_search(self) -> None:
        self.query_one("#search").set_class(bool(self._needle), "-open")
        self.query_one("#list").focus()

    def _search_now(self) -> None:
        if self._needle:
            self._search(self.journal, self._needle)

    @work(thread=True, exclusive=True, group="search")
    def _search(self, journal: Journal, needle: str) -> None:
        worker = get_current_worker()
        for looked, found in self.reader.search(journal, needle):
            if worker.is_cancelled:
                return
            hand_over(self, self._found, needle, looked, found)

    def _found(self, needle: str, looked: int, found: list[str]) -> None:
        if needle != self._needle:
            return
        whole = looked >= len(self.journal.entries)
        self._searched = "" if whole else f"searched {looked:,}"
        self._matches = frozenset(found)
        self._list()

    def step_back(self) -> bool:
        """Take away the search, then the target."""
        if self._needle or self.query_one("#search").has_class("-open"):
            self.query_one(Input).value = ""
            self._needle, self._matches, self._searched = "", None, ""
            self._close_search()
            self._list()
        elif self.target is not None:
            self.choose(None)
        else:
            return False
        return True

    # --- keys -----------------------------------------------------------------------

    def choose(self, target: str | None) -> None:
        """Only the entries of a target; None for all."""
        self.target = target
        self._list()

    def action_choose_target(self) -> None:
        """Choose a target, or all."""
        from tui.screens.pick import Pick

        counts: dict[str, int] = {}
        for one in self.journal.entries:
            counts[one.target] = counts.get(one.target, 0) + 1
        names = sorted(counts, key=lambda name: (not name, name))
        rows = [paint(Cell("all targets", "strong"))]
        rows += [
            paint(
                fit(plain(name, clip=200) or NO_TARGET, 40), Cell(f" {counts[name]:>6,}", "muted")
            )
            for name in names
        ]

        def picked(number: int | None) -> None:
            if number is not None:
                self.choose(names[number - 1] if number else None)

        self.app.push_screen(Pick("target", rows), picked)

    def action_open(self) -> None:
        """Open the run of the entry."""
        entry = self.current
        if entry is None:
            say(self, "There is no entry to open.")
        elif entry.open_run is None:
            say(self, "No run of this loop is here. L in Runs shows loops.")
        else:
            self.factory.open_run(entry.open_run)

    def action_room(self, name: str) -> None:
        """Open another screen on the run of the entry."""
        entry = self.current
        if entry is None or entry.open_run is None:
            say(self, "This entry has no run to open.")
        else:
            self.factory.show(name, entry.open_run)

    def action_pane(self, by: int) -> None:
        """To the other pane."""
        document = self.query_one(Markdown)
        if document.has_focus or self.query_one(ReportPage).has_focus:
            self.query_one("#list").focus()
        else:
            document.focus()

    def action_refresh(self) -> None:
        """Read every run again."""
        self.read(anew=True)

    def action_chart(self) -> None:
        """Show or hide the course of the target."""
        self._chart = not self.query_one("#trend").display
        self._place_chart()

    def _place_chart(self) -> None:
        roomy = self.size.height >= 32
        self.query_one("#trend").display = roomy if self._chart is None else self._chart

    # --- links ----------------------------------------------------------------------

    @property
    def _following(self) -> Following:
        return Following(self, self.query_one(ReportPage).document.goto_anchor)

    @on(ReportPage.LinkAsked)
    def _link_clicked(self, event: ReportPage.LinkAsked) -> None:
        run = _RUN_LINK.fullmatch(event.href)
        if run is not None:
            self.factory.open_run(run[1])
        else:
            self._following.href(event.href)

    def action_links(self) -> None:
        """Choose a link of the entry and open it."""
        if not self._text:
            say(self, "There is no entry, and so no link in it.")
        else:
            self._following.choose(self._text)
