"""What Research shows: it reads a campaign in a thread, follows the run at hand, and draws both."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from threading import Lock

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from engine.live.projected import StageView
from engine.workspace import Workspace
from tui.acting import at_work, attempt, hand_over
from tui.bindings import caption_in, keys_of
from tui.feed import RunFeed
from tui.screens.research_acts import ResearchActs
from tui.standing import is_seen
from tui.views.cells import Cell
from tui.views.entries import Entry, entry
from tui.views.loops_reader import LoopView
from tui.views.research_head import (
    WHAT_A_CAMPAIGN_IS,
    banner,
    facts,
    numbers_line,
    purpose,
    state,
)
from tui.views.research_live import live_cells, live_chart
from tui.views.research_pane import pane_entries
from tui.views.research_reader import Campaigns, CampaignsReader, CampaignView, Change
from tui.views.research_rules import rule_entries
from tui.views.research_table import ORDERS, matching, ordered, try_entries
from tui.views.research_tries import Tried, best_chart
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList
from tui.widgets.key_bar import KeyBar
from tui.widgets.picture import Options
from tui.widgets.tones import paint
from tui.widgets.top_bar import TopBar

LOOK_EVERY_S = 1.0
"""How often a campaign that runs is looked at."""

QUIET_EVERY = 4
"""One that stands still: only every so many looks."""

DIFF_AFTER_S = 0.08
"""So long the cursor rests before a diff is read: a held key passes by."""

_NAMED = ("pause", "stop", "resume", "new", "edit")
"""The actions whose keys stand in sentences."""


class ResearchScene(ResearchActs):
    """Draws the campaign that is shown, with the try at the cursor."""

    class Frame(Message):
        """The run that is followed has something new."""

    def __init__(self, run_id: str | None = None, runs: tuple[str, ...] = ()) -> None:
        """``runs``: the try to begin at, as its number, where one was chosen elsewhere."""
        super().__init__(run_id, runs)
        self.look = Campaigns()
        self.number: int | None = next((int(one) for one in runs if one.isdecimal()), None)
        """The try at the cursor; 0 is the baseline."""
        self.order = ORDERS[0]
        self._wanted = run_id
        self._words = ""
        self._read_once = False
        self._one_reads = Lock()
        self._looks = 0
        self._busy = ""
        self._footer: frozenset[str] = frozenset()
        self._lines: dict[str, list[Cell]] = {}
        self._change: tuple[tuple[str, int], Change] | None = None
        self._feed: RunFeed | None = None

    @cached_property
    def _reader(self) -> CampaignsReader:
        return CampaignsReader(Workspace(self.factory.workspace))

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "research", right="reading …")
        yield Static(id="banner")
        yield Static(id="purpose")
        yield Static(id="numbers")
        yield Static(id="about")
        yield Static(id="live")
        with Horizontal(id="search"):
            yield Static("/ ")
            yield Input(placeholder="words of a description, verdict, cause …", compact=True)
        with Container(id="body"):
            with Vertical(id="left"):
                yield Chart(id="best")
                yield EntryList(id="tries", title="tries")
            with Vertical(id="right"):
                yield Chart(id="course")
                yield EntryList(id="try", title="try")
                yield EntryList(id="rules", title="rules")
        yield Static(id="empty")
        yield KeyBar("research")

    def on_mount(self) -> None:
        self._keys = {name: caption_in(self.app, f"research.{name}") for name in _NAMED}
        for name in ("#best", "#course"):
            self.query_one(name).can_focus = False
        self.tries.focus()
        self._draw()
        self._read()
        self.set_interval(LOOK_EVERY_S, self._tick)

    def on_unmount(self) -> None:
        self._follow(None)

    def on_screen_resume(self) -> None:
        if self._read_once:
            self._read()

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self._draw)

    @property
    def tries(self) -> EntryList:
        return self.query_one("#tries", EntryList)

    @property
    def campaign(self) -> CampaignView | None:
        """The campaign that is shown; None where none is."""
        return self.look.shown

    @property
    def view(self) -> LoopView | None:
        return self.campaign.loop if self.campaign is not None else None

    @property
    def current(self) -> Tried | None:
        return self.campaign.at(self.number) if self.campaign is not None else None

    # --- reading ------------------------------------------------------------------

    def _tick(self) -> None:
        if not is_seen(self) or not self._read_once:
            return
        self._looks += 1
        if self.campaign is not None:
            self._draw_clocks()
        reading = at_work(self, "read")
        if not reading and (self.look.running or not self._looks % QUIET_EVERY):
            self._read()

    def look_again(self) -> None:
        self._read()

    @work(thread=True, group="read", exclusive=True)
    def _read(self, anew: bool = False) -> None:
        worker = get_current_worker()
        wanted = self._wanted
        looks: list[Campaigns] = []

        def look() -> None:
            with self._one_reads:  # a worker that another one follows goes on to its end
                if worker.is_cancelled:
                    return  # that one reads what this one would have
                looks.append(self._reader.read(wanted, anew))

        if attempt(self, look, "") and looks:
            hand_over(self, self._take, looks[0], wanted)

    def _take(self, look: Campaigns, wanted: str | None) -> None:
        if not self.is_mounted:
            return
        if wanted != self._wanted:
            self._read()  # another one was chosen while this one was read
            return
        self.awaited = ""
        before = self.campaign
        first, self._read_once = not self._read_once, True
        changed = look != self.look
        self.look = look
        view = look.shown
        if view is not None:
            other = not first and (before is None or before.name != view.name)
            last = view.tries[-1].number if view.tries else None
            newest = before.tries[-1].number if before is not None and before.tries else None
            # A cursor on the newest try goes on to the next one when that is there.
            if other or view.at(self.number) is None or (self.number == newest and newest != last):
                self.number = last
            self._follow(view.loop.running)
        if changed or first:
            self._draw()
        if view is not None and self.focused is None:
            self.tries.focus()  # where no campaign was, there was nothing to be in

    def action_refresh(self) -> None:
        """Read it all again."""
        self._change = None
        self._read_change()
        self._read(anew=True)

    def _follow(self, run: str | None) -> None:
        path = self.run_folder(run) if run is not None else None
        if (self._feed.folder if self._feed is not None else None) == path:
            return
        if self._feed is not None:
            self._feed.stop()
        self._feed = None
        if path is not None:
            self._feed = RunFeed(path, lambda: self.post_message(self.Frame()))
            self._feed.start()

    def run_folder(self, run: str) -> Path | None:
        """A run of this workspace; None where it is not there any more."""
        path = self.factory.workspace / "runs" / run
        return path if path.name == run and path.is_dir() else None

    @on(Frame)
    def _frame(self, event: Frame) -> None:
        event.stop()
        if is_seen(self) and self.is_mounted:
            self._draw_live(time.time())

    # --- drawing ------------------------------------------------------------------

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        view = self.campaign
        empty = self.query_one("#empty", Static)
        empty.display = self._read_once and view is None
        self.query_one("#body").display = not empty.display
        if view is None:
            words = [entry(("Reading the campaign …", "muted"))]
            self.tries.put(lambda _width: words)
            self.query_one("#best", Chart).put([], [], Options(empty="reading …"))
            empty.update(self._empty_words())
            for name in ("#banner", "#purpose", "#numbers", "#about", "#live"):
                self._put_line(name, [])
        else:
            self._draw_tries(view)
            self._draw_clocks()
            self._draw_cursor()
        self._draw_top()
        self.tell_footer()

    def tell_footer(self) -> None:
        """The footer, where other keys are of use now."""
        footer = frozenset(key.action for key in keys_of("research") if self.offers(key.action))
        if footer != self._footer:
            self._footer = footer
            self.refresh_bindings()

    def _shown(self, view: CampaignView) -> list[Tried]:
        found = matching(view.tries, self._words) if self._words else view.tries
        return ordered(found, self.order, view.lower_is_better)

    def _draw_tries(self, view: CampaignView) -> None:
        shown, every = self._shown(view), len(view.tries)
        table = self.tries
        many = f"{len(shown)} of {every} tries" if len(shown) != every else "tries"
        table.border_title = f" {many} · {self.order} " if self.order != ORDERS[0] else f" {many} "
        table.put(lambda width: try_entries(shown, width, every=every))
        if self.number is not None and table.current != str(self.number + 1):
            table.select(str(self.number + 1))

    def _draw_top(self) -> None:
        bar, view = self.query_one(TopBar), self.campaign
        if view is None:
            bar.put("factory", "research", right="" if self._read_once else "reading …")
            return
        words, tone = (self._busy, "accent") if self._busy else state(view, time.time())
        bar.put("factory", "research", view.name, right=words, tone=tone)  # type: ignore[arg-type]

    def busy(self, words: str) -> None:
        self._busy = words
        if self.is_running:
            self._draw_top()

    def _draw_clocks(self) -> None:
        """What changes with the time alone."""
        view, now, width = self.campaign, time.time(), self.size.width - 2
        if view is None:
            return
        self._put_line("#banner", banner(view, self._keys))
        self._put_line("#purpose", purpose(view, width))
        self._put_line("#numbers", numbers_line(view, width))
        self._put_line("#about", facts(view, now, width))
        self._draw_live(now)
        self._draw_top()

    def _draw_live(self, now: float) -> None:
        view, feed = self.campaign, self._feed
        course = self.query_one("#course", Chart)
        if view is None or feed is None:
            self._put_line("#live", [])
            course.styles.display = "none"
            return
        with feed.frame():
            stage: StageView | None = feed.projection.running
            self._put_line("#live", live_cells(view, stage, now))
            course.put(*live_chart(view, stage))
        course.styles.display = None  # what the stylesheet says

    def _put_line(self, selector: str, cells: list[Cell]) -> None:
        if self._lines.get(selector) == cells:
            return
        self._lines[selector] = cells
        line = self.query_one(selector, Static)
        if cells:
            line.styles.display = None
        else:
            line.styles.display = "none"
        line.update(paint(*cells))

    def _draw_cursor(self) -> None:
        """What depends on the try at the cursor: its mark in the chart, its pane."""
        view, one = self.campaign, self.current
        if view is None or not self.is_mounted:
            return
        at = one.number if one is not None else None
        self.query_one("#best", Chart).put(*best_chart(view.tries, at, view.lower_is_better))
        change = None
        if one is not None:
            key = (view.name, one.number)
            if self._change is not None and self._change[0] == key:
                change = self._change[1]
            else:
                self.set_timer(DIFF_AFTER_S, self._read_change)

        def make(width: int) -> list[Entry]:
            return pane_entries(view, one, change, width)

        self.query_one("#try", EntryList).put(make)
        self.query_one("#rules", EntryList).put(lambda width: rule_entries(view, width))

    @work(thread=True, group="change", exclusive=True)
    def _read_change(self) -> None:
        view, one = self.campaign, self.current
        if view is None or one is None:
            return
        key = (view.name, one.number)
        if self._change is not None and self._change[0] == key:
            return
        change = self._reader.of(view.name).change(one.number)
        hand_over(self, self._take_change, key, change)

    def _take_change(self, key: tuple[str, int], change: Change) -> None:
        self._change = (key, change)
        one, view = self.current, self.campaign
        if one is not None and view is not None and key == (view.name, one.number):
            self._draw_cursor()

    def _empty_words(self) -> Content:
        return Content.assemble(
            ("No campaign yet.\n\n", "$strong bold"),
            f"{WHAT_A_CAMPAIGN_IS}\n\n",
            (caption_in(self.app, "research.new"), "bold $accent"),
            " begins one: a form asks for the protocol, and shows what will run.\n",
            "A small recipe to try it on lies in recipes/tiny-lm of a sample workspace.",
        )
