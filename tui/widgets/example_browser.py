"""Finds the examples of a run: reads the rows, lists those of a view, shows the one at the cursor.

Rows are read in worker threads; what is marked, listed and shown is here, what was found out
about an answer is the screen's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from engine.answers.rows_files import Side, stamps_of
from engine.answers.scored_rows import RowIndex, Stopped, index_rows
from engine.answers.trace_review import FILE, Reviews
from engine.folder import FolderError
from engine.records.trace_review import TITLES
from tui.acting import at_work, hand_over
from tui.views.examples_list import (
    VIEWS,
    Choice,
    Listing,
    listing,
    nothing_listed,
    summary,
    view_items,
)
from tui.views.examples_page import Page, read_page
from tui.views.plain import plain
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.example_page import ExamplePage
from tui.widgets.example_rows import ExampleRows

LOOK_EVERY_S = 1.0
"""How often the folder is looked at for rows that were measured anew, and for reviews."""

SEARCH_AFTER_S = 0.08
"""How long after a key the search begins: whoever types on wants another one."""


class ExampleBrowser(Container):
    """Views, search, list and page. ``reviews`` reads the reviews of the run (in a thread)."""

    @dataclass
    class Changed(Message):
        """Another example is shown (None: none is), or its reviews changed."""

        page: Page | None

    @dataclass
    class State(Message):
        """How things stand, in a few words."""

        text: str

    def __init__(self, run: Path, reviews: Callable[[], Reviews], as_text: bool) -> None:
        super().__init__()
        self.choice = Choice()
        self.index = RowIndex()
        self.listing = Listing()
        self.reviews: Reviews = {}
        self.page: Page | None = None
        self.as_text = as_text
        self._run = run
        self._read_reviews = reviews
        self._stamps: object = None
        self._read_once = False
        self._needle = ""
        self._wanted: str | None = None
        self._pending: Timer | None = None

    def compose(self) -> ComposeResult:
        yield ChoiceLine(id="views")
        with Horizontal(id="search"):
            yield Static("/ ")
            yield Input(placeholder="text in prompt, expected, answer or id", compact=True)
        yield Static(id="problem")
        with Container(id="sides"):
            yield ExampleRows(id="list")
            yield ExamplePage(id="page")

    def on_mount(self) -> None:
        self._show_views()
        self._look()
        self.set_interval(LOOK_EVERY_S, self._look)

    # --- reading ------------------------------------------------------------------

    def _look(self) -> None:
        """Read again when a rows file or the reviews changed: after one another, else rows that
        come faster than they are read would never be shown."""
        if at_work(self, "read"):
            return
        try:
            found = (self._run / FILE).stat()
            review = (found.st_mtime_ns, found.st_size)
        except OSError:
            review = None
        rows = stamps_of(self._run)
        if (rows, review) != self._stamps:
            self._stamps = (rows, review)
            self._read(not self._read_once or rows != self.index.stamps)

    @work(thread=True, exclusive=True, group="read")
    def _read(self, new_rows: bool) -> None:
        worker = get_current_worker()
        index = self.index
        if new_rows:
            try:
                index = index_rows(self._run, self._tell, lambda: worker.is_cancelled)
            except Stopped:
                return
        reviews: Reviews = {}
        problems = list(index.problems)
        try:
            reviews = self._read_reviews()
        except (FolderError, OSError) as error:
            problems.append(f"{error}. What was found in the answers is not shown.")
        hand_over(self, self._take, index, reviews, problems)

    def _tell(self, count: int) -> None:
        self.post_message(self.State(f"reading {count:,} rows …"))

    def _take(self, index: RowIndex, reviews: Reviews, problems: list[str]) -> None:
        new = index is not self.index
        self._read_once = True
        if new:
            self.rows.marked.clear()
        self.index, self.reviews = index, reviews
        shown = self.query_one("#problem", Static)
        shown.set_class(bool(problems), "-there")
        shown.update(Content(plain(f"⚠ {' '.join(problems)}", clip=600)) if problems else "")
        self._list(new)

    def take_reviews(self, reviews: Reviews) -> None:
        """The reviews were changed by the screen: show them."""
        self.reviews = reviews
        self._list(False)

    # --- what is listed -----------------------------------------------------------

    @property
    def rows(self) -> ExampleRows:
        return self.query_one(ExampleRows)

    def choose(self, choice: Choice) -> None:
        """List other examples."""
        self.choice = choice
        if self._read_once:
            self._list(False)

    def look(self, view: str, id: str | None) -> None:
        """Show a view, and put the cursor on the example of that id."""
        self._wanted = id
        self.choose(replace(self.choice, view=view if view in VIEWS else "failing"))

    def step_view(self, by: int) -> None:
        names = list(VIEWS)
        at = (names.index(self.choice.view) + by) % len(names)
        self.choose(replace(self.choice, view=names[at]))

    def turn_side(self) -> None:
        """Judge the other side's answers."""
        side: Side = "baseline" if self.choice.side == "candidate" else "candidate"
        self.choose(replace(self.choice, side=side))

    @on(ChoiceLine.Chosen, "#views")
    def _view_clicked(self, event: ChoiceLine.Chosen) -> None:
        event.stop()
        self.choose(replace(self.choice, view=event.name))

    @work(thread=True, exclusive=True, group="list")
    def _list(self, again: bool) -> None:
        """Make the list anew; with ``again`` also look for the searched text again."""
        worker = get_current_worker()
        index, choice, needle = self.index, self.choice, self._needle
        if not needle:
            choice = replace(choice, matches=None)
        elif again or choice.matches is None:
            self.post_message(self.State("searching …"))
            try:
                found = index.search(needle, lambda: worker.is_cancelled)
            except Stopped:
                return
            choice = replace(choice, matches=frozenset(found))
        made = listing(index, choice, self.reviews)
        hand_over(self, self._take_list, index, choice, made, needle)

    def _take_list(self, index: RowIndex, choice: Choice, made: Listing, needle: str) -> None:
        if index is not self.index or needle != self._needle:
            return  # rows or search are others by now, and their list comes
        if replace(choice, matches=None) != replace(self.choice, matches=None):
            return
        self.choice, self.listing = choice, made
        empty = nothing_listed(index, choice, needle)
        self.rows.put(index, made.shown, choice.side, self.reviews, empty)
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            at = next((one for one in made.shown if index.examples[one].id == wanted), None)
            if at is not None:
                self.rows.select(at)
        self._show_views()
        self._tell_state()

    def _tell_state(self) -> None:
        self.post_message(self.State(summary(self.index, self.listing, len(self.rows.marked))))

    def _show_views(self) -> None:
        choice = self.choice
        side = "the baseline's answers are judged" if choice.side == "baseline" else None
        given = choice.failure_class and plain(
            TITLES.get(choice.failure_class, choice.failure_class), clip=60
        )
        needle = self._needle and not self.query_one("#search").has_class("-open")
        parts = [
            plain(choice.suite, clip=60) if choice.suite else None,
            plain(choice.slice, clip=60) if choice.slice else None,
            given,
            f"“{plain(self._needle, clip=40)}”" if needle else None,
            side,
        ]
        note = " ─ ".join(part for part in parts if part)
        line = self.query_one("#views", ChoiceLine)
        styled = Content.styled(f" {note}   esc takes it away", "$accent") if note else None
        line.put(view_items(choice.view, self.listing), styled)

    # --- search -------------------------------------------------------------------

    def open_search(self) -> None:
        """Show the search line and go there."""
        self.query_one("#search").add_class("-open")
        self.query_one(Input).focus()
        self._show_views()

    def on_key(self, event: events.Key) -> None:
        """From the search line down into the list."""
        if event.key == "down" and self.query_one(Input).has_focus:
            event.stop()
            self.rows.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._search(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_search()

    def _search(self, needle: str) -> None:
        if needle == self._needle:
            return
        self._needle = needle
        if self._pending is not None:
            self._pending.stop()
        if needle:
            self._pending = self.set_timer(SEARCH_AFTER_S, self._search_now)
        else:
            self._search_now()

    def _search_now(self) -> None:
        self._pending = None
        self.choose(replace(self.choice, matches=None))

    def _close_search(self) -> None:
        self.query_one("#search").remove_class("-open")
        self.rows.focus()
        self._show_views()

    def step_back(self) -> bool:
        """Take away one thing that narrows the list; False when there is none."""
        if self._needle:
            self.query_one(Input).value = ""
            self._search("")
            self._close_search()
        elif self.query_one("#search").has_class("-open"):
            self._close_search()
        elif self.rows.marked:
            self.mark(())
        elif self.choice.suite is not None or self.choice.failure_class is not None:
            self.choose(replace(self.choice, suite=None, slice=None, failure_class=None))
        elif self.choice.side == "baseline":
            self.turn_side()
        else:
            return False
        return True

    # --- the example at the cursor --------------------------------------------------

    @on(ExampleRows.Moved)
    def _moved(self, event: ExampleRows.Moved) -> None:
        event.stop()
        if event.position is None:
            self.workers.cancel_group(self, "page")  # one that is being read is listed no more
            self.page = None
            self.query_one(ExamplePage).say("")
            self.post_message(self.Changed(None))
        else:
            self._read_page(event.position)

    @work(thread=True, exclusive=True, group="page")
    def _read_page(self, position: int) -> None:
        index, side = self.index, self.choice.side
        if position < len(index.examples):
            page = read_page(index, index.examples[position], side)
            hand_over(self, self._take_page, page)

    def _take_page(self, page: Page) -> None:
        self.page = page
        self.show_page()
        self.post_message(self.Changed(page))

    def show_page(self) -> None:
        """Draw the page again, as text or field by field."""
        if self.page is not None:
            self.query_one(ExamplePage).put(self.page, self.as_text)

    # --- marks ----------------------------------------------------------------------

    def mark(self, positions: tuple[int, ...] | set[int]) -> None:
        """Mark these examples and no others."""
        self.rows.marked = set(positions)
        self.rows.refresh_marks()
        self._tell_state()

    def mark_here(self) -> None:
        """Mark the example at the cursor, or take its mark away, and go on to the next."""
        if self.rows.position is not None:
            self.mark(self.rows.marked ^ {self.rows.position})
            self.rows.action_move(1)

    def mark_all(self) -> None:
        """Mark all that are listed; none where they all are."""
        listed = set(self.listing.shown)
        self.mark(self.rows.marked - listed if listed <= self.rows.marked else listed)

    @property
    def selected(self) -> list[int]:
        """The marked examples in the order of the index, else the one at the cursor."""
        if self.rows.marked:
            return sorted(self.rows.marked)
        return [] if self.rows.position is None else [self.rows.position]
