"""Runs, the home screen: every run of the workspace as a row, and what the chosen one says."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.run_filter import FilterError, RunFilter, parse
from engine.summary import RunSummary
from engine.workspace import Workspace
from tui.acting import attempt, say
from tui.bindings import bindings_for
from tui.screens.base import RoomScreen
from tui.styles import style_paths
from tui.views.plain import plain
from tui.views.preview_view import Preview, load_preview, preview_lines
from tui.views.quick_gates import quick_verdicts
from tui.views.run_reader import RunReader
from tui.views.runs_view import Order, RunList, RunRow, Verdicts, list_runs
from tui.widgets.confirm import Confirm
from tui.widgets.key_bar import KeyBar
from tui.widgets.run_table import RunTable
from tui.widgets.tones import lines, paint
from tui.widgets.top_bar import TopBar

LOOK_EVERY_S = 1.0
"""How often the workspace is looked at for changes."""

JUDGE_EVERY_S = 0.25
"""How often the rows on the screen are looked through for gates that were not judged yet."""

EXAMPLES = "target:sql  decision:ship,park  score>0.8  age<7d  is:undecided  set.iters>300  -tag:x"


class RunsScreen(RoomScreen):
    """The list of runs, filtered and sorted, with a preview of the run at the cursor."""

    ROOM = "runs"
    CSS_PATH = style_paths("runs")
    BINDINGS = bindings_for("runs")

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._summaries: list[RunSummary] = []
        self._list = RunList()
        self._filter = RunFilter("")
        self._order = Order()
        self._preview: Preview | None = None
        self._timer: Timer | None = None
        self._read_once = False
        self._judged: dict[str, tuple[RunSummary, Verdicts]] = {}

    @cached_property
    def _reader(self) -> RunReader:
        return RunReader(Workspace(self.factory.workspace))

    def compose(self) -> ComposeResult:
        yield TopBar("factory", _home(str(self.factory.workspace)))
        with Vertical(id="filter-box"):
            with Horizontal(id="filter-line"):
                yield Static("/", id="filter-sign")
                yield Input(placeholder=EXAMPLES, id="filter", compact=True)
                yield Static(id="order")
            yield Static(id="filter-error")
        with Horizontal(id="body"):
            yield RunTable(id="table")
            yield Static(id="preview")
        yield Static(id="empty")
        yield KeyBar("runs")

    def on_mount(self) -> None:
        self.query_one(RunTable).focus()
        self._arrange()
        self._read()
        self._timer = self.set_interval(LOOK_EVERY_S, self._look)
        self.set_interval(JUDGE_EVERY_S, self._judge_seen)

    def on_screen_resume(self) -> None:
        if self._read_once:
            self._read()

    # --- reading ------------------------------------------------------------------

    def _look(self) -> None:
        """Look again, unless the last look is still under way or nobody sees the list."""
        reading = any(worker.group == "read" and worker.is_running for worker in self.workers)
        if self.is_current and not reading:
            self._read()

    @work(thread=True, group="read", exclusive=True)
    def _read(self, anew: bool = False) -> None:
        try:
            for summaries in self._reader.read(anew=anew):
                self.app.call_from_thread(self._take, summaries)
        except OSError as error:
            text = f"The runs cannot be read: {error.strerror or error} ({error.filename})."
            self.app.call_from_thread(self.notify, text, severity="error", markup=False)

    def _take(self, summaries: list[RunSummary]) -> None:
        first, self._read_once = not self._read_once, True
        changed = len(summaries) != len(self._summaries) or any(
            new is not old for new, old in zip(summaries, self._summaries, strict=True)
        )
        if changed or first:
            self._summaries = summaries
            self._arrange()
            if first and self.run_id:
                self.query_one(RunTable).select(self.run_id)

    def _arrange(self) -> None:
        """Filter, sort and show what was read."""
        self._list = list_runs(
            self._summaries, self._filter, self._order, datetime.now(UTC), self._verdicts_of
        )
        self.query_one(RunTable).show(self._list.rows, self._order)
        self._say_how_many()
        empty = self.query_one("#empty", Static)
        empty.update(self._empty_text())
        empty.display = not self._list.rows
        self.query_one("#body").display = bool(self._list.rows)

    # --- gates: a quick guess for all, the judge's word for those that are seen ---------

    def _verdicts_of(self, summary: RunSummary) -> Verdicts:
        judged = self._judged.get(summary.run_id)
        if judged is not None and judged[0] is summary:
            return judged[1]
        return quick_verdicts(summary)

    def _judge_seen(self) -> None:
        judging = any(worker.group == "judge" and worker.is_running for worker in self.workers)
        if judging or not self.is_current:
            return
        wanted = [
            row.summary
            for row in self.query_one(RunTable).seen
            if row.summary.primary_candidate is not None
            and self._judged.get(row.run_id, (None,))[0] is not row.summary
        ]
        if wanted:
            self._judge(wanted)

    @work(thread=True, group="judge", exclusive=True)
    def _judge(self, summaries: list[RunSummary]) -> None:
        from tui.views.verdicts import exact_verdicts

        judged = {}
        for summary in summaries:
            try:
                verdicts = exact_verdicts(summary.path)
            except OSError:  # the folder went away; the next look takes it off the list
                verdicts = None
            judged[summary.run_id] = (summary, verdicts or quick_verdicts(summary))
        self.app.call_from_thread(self._take_verdicts, judged)

    def _take_verdicts(self, judged: dict[str, tuple[RunSummary, Verdicts]]) -> None:
        self._judged |= judged
        self._arrange()

    def _say_how_many(self) -> None:
        marked = len(self.query_one(RunTable).marked)
        right = self._list.summary if self._read_once else "reading the runs …"
        if marked:
            right += f" · {marked} marked"
        self.query_one(TopBar).put("factory", _home(str(self.factory.workspace)), right=right)
        writing = self.query_one("#filter", Input).has_focus
        self.query_one("#order", Static).update(
            Content.assemble(("⏎", "$accent"), " keeps  ", ("esc", "$accent"), " shows all")
            if writing
            else Content.assemble(("o", "$accent"), f" sort: {self._order.label}")
        )

    def on_descendant_focus(self) -> None:
        self._say_how_many()

    def on_descendant_blur(self) -> None:
        self._say_how_many()

    def _empty_text(self) -> Content:
        if not self._read_once:
            return Content("Reading the runs …")
        if self._list.total:
            return Content.assemble(
                ("No run matches this filter.\n\n", "$strong bold"),
                f"{self._list.total:,} are here. Press esc to see them all, or try for example\n",
                (EXAMPLES, "$accent"),
            )
        return Content.assemble(
            ("No runs yet.\n\n", "$strong bold"),
            "A run is one attempt at a target: data, training, scores, and your decision.\n",
            "Press ",
            ("n", "bold $accent"),
            " to plan the first one.",
        )

    # --- filter and order ---------------------------------------------------------

    def action_filter(self) -> None:
        """Write a filter."""
        self.set_focus(self.query_one("#filter", Input))

    async def action_clear(self) -> None:
        """Leave the filter line; with nothing in it, go back."""
        field = self.query_one("#filter", Input)
        if field.has_focus or field.value:
            field.value = ""
            self.query_one(RunTable).focus()
        else:
            await self.factory.action_back()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        explanation = self.query_one("#filter-error", Static)
        try:
            self._filter = parse(event.value)
        except FilterError as error:
            explanation.update(Content(f"{error.marked()}\n{error.message}."))
            explanation.display = True
            return
        explanation.display = False
        self._arrange()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one(RunTable).focus()

    def action_order(self, reverse: bool = False) -> None:
        """Sort by the next column, or the other way round."""
        order = self._order
        self._order = Order(order.name, not order.reverse) if reverse else order.next()
        self._arrange()

    @on(RunTable.SortAsked)
    def _sort_asked(self, event: RunTable.SortAsked) -> None:
        same = event.name == self._order.name
        self._order = Order(event.name, same and not self._order.reverse)
        self._arrange()

    def action_refresh(self) -> None:
        """Read every run again, also those whose folder looks unchanged."""
        self._read(anew=True)

    # --- the run at the cursor ----------------------------------------------------

    @property
    def _current(self) -> RunRow | None:
        return self.query_one(RunTable).current

    @on(RunTable.Highlighted)
    def _highlighted(self, event: RunTable.Highlighted) -> None:
        self._say_how_many()
        if event.row is None:
            self._preview = None
        elif self._preview is None or self._preview.run_id != event.row.run_id:
            self._preview = None
            self._load_preview(event.row.summary)
        elif event.row.in_progress:
            self._load_preview(event.row.summary)
        self._draw_preview()

    @work(thread=True, group="preview", exclusive=True)
    def _load_preview(self, summary: RunSummary) -> None:
        preview = load_preview(summary)
        self.app.call_from_thread(self._take_preview, preview)

    def _take_preview(self, preview: Preview) -> None:
        row = self._current
        if row is not None and row.run_id == preview.run_id:
            self._preview = preview
            self._draw_preview()

    def _draw_preview(self) -> None:
        row = self._current
        pane = self.query_one("#preview", Static)
        if row is None:
            pane.update("")
            return
        width = max(20, pane.content_size.width or self.size.width - 4)
        shown = preview_lines(row.summary, row.verdicts, self._preview, width)
        pane.update(lines(paint(*line) for line in shown))

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_preview)

    @on(RunTable.Opened)
    def _opened(self, event: RunTable.Opened) -> None:
        self.factory.open_run(event.row.run_id)

    def action_room(self, name: str) -> None:
        """Open another screen on the run at the cursor."""
        if name == "new_run":
            self.factory.show(name)
        elif self._current is not None:
            self.factory.show(name, self._current.run_id)

    def action_follow(self) -> None:
        """Plan a run whose parent is the one at the cursor."""
        if self._current is not None:
            self.factory.show("new_run", self._current.run_id)

    def action_mark(self) -> None:
        self.query_one(RunTable).action_mark()

    def action_open(self) -> None:
        self.query_one(RunTable).action_open()

    # --- cancel and resume --------------------------------------------------------

    def action_cancel(self) -> None:
        """Cancel the run at the cursor, after a question."""
        row = self._current
        if row is None:
            return
        summary = row.summary
        unfinished = row.in_progress or summary.liveness == "dead" or summary.phase == "created"
        if not unfinished:
            say(self, f"{row.run_id} is not running, so there is nothing to cancel.")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._cancel(summary)

        self.app.push_screen(
            Confirm(
                f"Cancel {plain(row.run_id)}?",
                "A training stage saves a checkpoint first, so the run can be resumed from there.",
                "Cancel the run",
            ),
            answered,
        )

    @work(thread=True, group="act")
    def _cancel(self, summary: RunSummary) -> None:
        from engine.supervise.launch import cancel

        attempt(self, lambda: cancel(summary.path), f"{summary.run_id} is being cancelled.")

    def action_resume(self) -> None:
        """Go on with the run at the cursor."""
        row = self._current
        if row is None:
            return
        if row.in_progress:
            say(self, f"{row.run_id} is running already.")
        elif row.summary.decision is not None:
            say(self, f"{row.run_id} is decided; a further try is a new run (n).")
        else:
            self._resume(row.summary)

    @work(thread=True, group="act")
    def _resume(self, summary: RunSummary) -> None:
        from engine.supervise.resume import resume

        went_on: list[Path] = []
        if attempt(self, lambda: went_on.append(resume(summary.path)), ""):
            name = went_on[0].name
            where = "" if name == summary.run_id else f" as {name}"
            self.app.call_from_thread(say, self, f"{summary.run_id} goes on{where}.")


def _home(path: str) -> str:
    """A path with ~ for the home directory."""
    home = str(Path.home())
    return "~" + path.removeprefix(home) if path == home or path.startswith(home + "/") else path
