"""Compare: several runs over each other: curves, scores, settings, examples, family."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from engine.comparing.course import Course, course_of
from tui.acting import say
from tui.bindings import bindings_for
from tui.runs_feed import Guard
from tui.screens.compare_keys import CurveKeys
from tui.screens.compare_runs import ComparedRuns
from tui.screens.panes import Edge
from tui.standing import is_seen
from tui.styles import style_paths
from tui.views.cells import Cell
from tui.views.compare_charts import Followed, last_value
from tui.views.compare_flips import flip_entries
from tui.views.compare_marks import short_names
from tui.views.compare_scores import Named, score_entries
from tui.views.compare_settings import setting_entries
from tui.views.entries import Entry, entry
from tui.views.lineage_view import family_entries
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList, Make
from tui.widgets.key_bar import KeyBar
from tui.widgets.run_strip import RunStrip, StripRun
from tui.widgets.tones import paint
from tui.widgets.top_bar import TopBar

PANES = ("curves", "scores", "settings", "examples", "family")
SIDE = ("settings", "examples", "family")
"""The panes of the right column; where it is too low for all of them, one is seen."""


HISTORY_EVERY_S = 0.25
"""Between two drawings while history is read."""

_HISTORY = 1 << 20


class CompareScreen(CurveKeys, ComparedRuns):
    """Runs held against one of them, the reference; one of the others is looked at closely."""

    ROOM = "compare"
    CSS_PATH = style_paths("compare")
    BINDINGS = bindings_for("compare")
    AUTO_FOCUS = ""  # the pane that was left gets the focus
    EDGES = (Edge("#left", "right"), Edge("#curves", "bottom"))

    def __init__(self, run_id: str | None = None, runs: tuple[str, ...] = ()) -> None:
        super().__init__(run_id, runs)
        self._pane = PANES[0]
        self._side = SIDE[0]

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "compare")
        yield RunStrip(id="runs")
        yield Static(id="tabs")
        with Horizontal(id="sides"):
            with Vertical(id="left"):
                yield Chart(id="curves", guard=Guard(lambda: self.feed))
                yield EntryList(id="scores", title="scores")
            with Vertical(id="right"):
                yield EntryList(id="settings", title="settings that differ")
                yield EntryList(id="examples", title="examples fixed and broken")
                yield EntryList(id="family", title="family")
        yield KeyBar("compare")

    def on_mount(self) -> None:
        self.restore_curves()
        self._show_pane(self.factory.remembered.get("compare.pane", PANES[0]))
        self.read()

    def on_screen_resume(self) -> None:
        if self.chosen:
            self.draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    # --- drawing ------------------------------------------------------------------

    def on_compared_runs_frame(self) -> None:
        if not is_seen(self):
            return
        if self.feed is not None and self.feed.behind > _HISTORY:
            # The feed says nothing more until it was drawn: reading goes before drawing.
            self.set_timer(HISTORY_EVERY_S, self.draw_curves)
        else:
            self.draw_curves()

    @property
    def followed(self) -> list[Followed]:
        feeds = self.feed.feeds if self.feed is not None else {}
        return [
            Followed(run, self.marks.of(run), feeds[run].projection)
            for run in self.ids
            if run in feeds
        ]

    @property
    def _named(self) -> dict[str, Named]:
        held = [run.run_id for run in self.compared.runs] if self.compared else []
        # What was compared last may hold a run that has been left out since.
        ids = list(dict.fromkeys([*self.ids, *held]))
        names = short_names(ids)
        return {run: Named(run, self.marks.of(run), names[run]) for run in ids}

    def draw(self) -> None:
        if not self.is_mounted:
            return
        self._draw_tabs()
        self.draw_curves()
        self._draw_settings()
        self.draw_flips()
        self.draw_family()

    def draw_curves(self) -> None:
        """What changes while runs go on: the top line, the strip, the curves, what they cost."""
        feed = self.feed
        if feed is None:
            waits = "No run to compare is here." if self.chosen else "Choosing the runs …"
            self.query_one("#curves", Chart).put(*self.charts.draw([], None, waits))
            self._put("scores", lambda _width: [entry((waits, "muted"))])
            return
        with feed.frame():
            runs = self.followed
            live = {run for run, one in feed.feeds.items() if one.liveness == "running"}
            behind, size = feed.behind, feed.size
            empty = "waiting for the first number" if behind or live else "no numbers are recorded"
            self.query_one("#curves", Chart).put(*self.charts.draw(runs, self.looked_at, empty))
            self._draw_strip(runs, live)
            courses = {run.run_id: course_of(run.projection) for run in runs}
        if self.charts.unfinished:
            self.set_timer(1 / 60, self.draw_curves)
        read = f"reading history {1 - behind / size:.0%} · " if behind > _HISTORY else ""
        letter = self.marks.of(self.reference).letter
        count = len(self.ids)
        right = f"{read}{count:,} runs, held against ◆{letter}" if count > 1 else f"{read}1 run"
        self.query_one(TopBar).put("factory", "compare", self._targets(), right=right)
        self._draw_scores(courses)

    def _targets(self) -> str:
        targets = dict.fromkeys(run.summary.target or "no target" for run in self.evidence)
        return ", ".join(targets) if len(targets) < 4 else f"{len(targets)} targets"

    def _draw_strip(self, runs: list[Followed], live: set[str]) -> None:
        named, metric = self._named, self.charts.chosen(runs)
        self.query_one(RunStrip).put(
            [
                StripRun(
                    run_id=run.run_id,
                    letter=run.mark.letter,
                    role=run.mark.role,
                    name=named[run.run_id].name,
                    value=last_value(run, metric),
                    sign="▶" if run.run_id in live else "",
                    reference=run.run_id == self.reference,
                    looked_at=run.run_id == self.looked_at,
                )
                for run in runs
            ]
        )

    def _put(self, name: str, make: Make) -> None:
        self.query_one(f"#{name}", EntryList).put(make)

    def _draw_scores(self, courses: dict[str, Course]) -> None:
        compared, looked_at, named = self.compared, self.looked_at, self._named

        def make(width: int) -> list[Entry]:
            if compared is None:
                return [entry(("Reading the scores …", "muted"))]
            return score_entries(compared, named, courses, looked_at, width)

        self._put("scores", make)

    def _draw_settings(self) -> None:
        compared, named, looked_at = self.compared, self._named, self.looked_at

        def make(width: int) -> list[Entry]:
            if compared is None:
                return [entry(("Reading the settings …", "muted"))]
            ids = [run.run_id for run in compared.runs]
            rows = compared.settings
            return setting_entries(rows, ids, named, compared.reference, looked_at, width)

        self._put("settings", make)

    def draw_flips(self) -> None:
        named, flips, compared = self._named, self.flips, self.compared
        looked_at = named.get(self.looked_at or "")

        def make(width: int) -> list[Entry]:
            if compared is None or compared.reference not in named:
                return [entry(("Reading the rows …", "muted"))]
            ids = [run.run_id for run in compared.runs]
            return flip_entries(flips, ids, named, named[compared.reference], looked_at, width)

        self._put("examples", make)

    def draw_family(self) -> None:
        found, looked_at = self.families, self.looked_at
        marks = {run: self.marks.of(run) for run in self.ids}
        scores = dict(found.scores)
        names = short_names(scores)

        def make(width: int) -> list[Entry]:
            if not found.families:
                return [entry(("Reading where the runs come from …", "muted"))]
            return family_entries(found.families, marks, names, scores, looked_at, width)

        self._put("family", make)

    # --- panes --------------------------------------------------------------------

    def _show_pane(self, name: str) -> None:
        """Give a pane the focus, and the room where only some fit."""
        self._pane = name if name in PANES else PANES[0]
        self._side = self._pane if self._pane in SIDE else self._side
        sides = self.query_one("#sides")
        for one in PANES:
            sides.set_class(one == self._pane, f"-{one}")
            sides.set_class(one == self._side, f"-side-{one}")
        self._draw_tabs()
        self.query_one(f"#{self._pane}", Widget).focus()
        self.factory.remembered.put("compare.pane", self._pane)

    def _draw_tabs(self) -> None:
        cells: list[Cell] = []
        for one in PANES:
            chosen = one == self._pane
            cells += [
                Cell(f"[{one}]" if chosen else f" {one} ", "accent" if chosen else "muted"),
                Cell(" "),
            ]
        self.query_one("#tabs", Static).update(paint(*cells))

    def action_pane(self, direction: int) -> None:
        self._show_pane(PANES[(PANES.index(self._pane) + direction) % len(PANES)])

    def on_descendant_focus(self) -> None:
        focused = self.focused
        if focused is not None and focused.id in PANES and focused.id != self._pane:
            self._show_pane(focused.id)

    # --- the runs -----------------------------------------------------------------

    def _look_at(self, run_id: str) -> None:
        if run_id in self.ids and run_id not in (self.looked_at, self.reference):
            self.looked_at = run_id
            self.hold()
            self.draw()

    def action_look(self, direction: int) -> None:
        """Look at the next of the runs that are held against the reference."""
        others = [run for run in self.ids if run != self.reference]
        if others:
            at = others.index(self.looked_at) if self.looked_at in others else -direction
            self._look_at(others[(at + direction) % len(others)])

    def action_reference(self) -> None:
        """Hold all runs against the next one; the one that was the reference is looked at."""
        if len(self.ids) < 2:
            say(self, "There is one run only; nothing can be held against it.")
            return
        before = self.reference
        self.reference = self.ids[(self.ids.index(before) + 1) % len(self.ids)]
        if self.looked_at in (self.reference, None):
            self.looked_at = before
        self.hold()
        self.draw()

    @on(RunStrip.Chosen)
    def _strip_chosen(self, event: RunStrip.Chosen) -> None:
        self._look_at(event.run_id)

    @on(EntryList.Moved, "#scores")
    def _score_moved(self, event: EntryList.Moved) -> None:
        self._look_at(event.key)

    @on(EntryList.Chosen, "#scores")
    @on(EntryList.Chosen, "#family")
    def _run_chosen(self, event: EntryList.Chosen) -> None:
        self.factory.open_run(event.key)

    @on(EntryList.Chosen, "#examples")
    def _example_chosen(self, event: EntryList.Chosen) -> None:
        from tui.screens.compare_example import FlipScreen

        suite, _, key = event.key.partition("\n")
        flip = next(
            (
                one
                for found in self.flips
                if found.suite == suite
                for one in found.flips
                if one.id == key
            ),
            None,
        )
        named = self._named
        if flip is not None and self.looked_at in named and self.reference in named:
            self.app.push_screen(FlipScreen(flip, named[self.reference], named[self.looked_at]))

    def action_open(self) -> None:
        """Open what the cursor of the focused pane stands on."""
        if isinstance(self.focused, EntryList):
            self.focused.action_choose()
        else:
            self.action_live()

    def action_mark(self) -> None:
        """Take the run at the cursor of the family in, or leave it out again."""
        at = self.query_one("#family", EntryList)
        if not at.has_focus or at.current is None:
            say(self, "In the family (tab) space takes a run in or leaves it out.")
        elif at.current in self.ids:
            self.leave_out(at.current)
        else:
            self.take_in(at.current)

    def action_remove(self) -> None:
        if self.looked_at is not None:
            self.leave_out(self.looked_at)

    @property
    def _acted_on(self) -> str | None:
        return self.looked_at or (self.ids[0] if self.ids else None)

    def action_live(self) -> None:
        if self._acted_on is not None:
            self.factory.open_run(self._acted_on)

    def action_room(self, name: str) -> None:
        """Open another screen on the run that is looked at."""
        if self._acted_on is not None:
            self.factory.show(name, self._acted_on)

    def action_examples(self) -> None:
        """The examples of the run that is looked at: the one at the cursor, or those that flipped.

        There a flip is one against the base model; against the reference they stand in the pane.
        """
        from tui.screens.examples import open_examples

        pane = self.query_one("#examples", EntryList)
        example = pane.current.partition("\n")[2] if pane.has_focus and pane.current else None
        if self._acted_on is not None:
            view = "flipped" if example is None else "all"
            open_examples(self.factory, self._acted_on, view, example)
