"""Runs, the home screen: every run of the workspace as a row, and what the chosen one says."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.catalogue.run_filter import FilterError, RunFilter, parse
from engine.catalogue.summary import RunSummary
from tui.acting import at_work, hand_over, still_at
from tui.bindings import bindings_for
from tui.lookout import short_path
from tui.screens.panes import Edge
from tui.screens.runs_acts import RunsActs
from tui.styles import style_paths
from tui.views.filter_help import Candidate, candidates, remembered, without_word
from tui.views.preview_view import Preview, group_lines, load_preview, preview_page
from tui.views.run_columns import SETTING, chosen_columns, layout
from tui.views.run_index import RunList
from tui.views.run_order import SORTS, Order
from tui.widgets.completing import CompletingInput, Offers
from tui.widgets.key_bar import KeyBar
from tui.widgets.run_table import RunTable
from tui.widgets.tones import lines, paint
from tui.widgets.top_bar import TopBar

PREVIEW_AFTER_S = 0.08
"""How long the cursor stands on a run before its curve is read."""

ROOMY = 18
"""Lines of the preview where the list leaves that many free."""

FRAME = 5
"""Lines above and below the list and its preview, and the list's head."""

EXAMPLES = "target:sql  decision:ship,park  score>0.8  age<7d  is:undecided  lr>=1e-4  -tag:x"


class RunsScreen(RunsActs):
    """The list of runs, filtered, sorted and grouped, with a preview of the run at the cursor."""

    ROOM = "runs"
    CSS_PATH = style_paths("runs")
    BINDINGS = bindings_for("runs")
    AUTO_FOCUS = ""
    EDGES = (Edge("#preview", "top"), Edge("#preview", "left"))

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._list = RunList()
        self._filter = RunFilter("")
        self._order = Order()
        self._columns: tuple[str, ...] = ()
        self._grouped = False
        self._collapsed: set[str] = set()
        self._preview: Preview | None = None
        self._waiting: Timer | None = None
        self._to_keep: dict[str, object] = {}
        self._keeping = Lock()

    def compose(self) -> ComposeResult:
        yield TopBar("factory", short_path(self.factory.workspace))
        with Vertical(id="filter-box"):
            with Horizontal(id="filter-line"):
                yield Static("/", id="filter-sign")
                yield CompletingInput(self._offer, placeholder=EXAMPLES, id="filter")
                yield Static(id="order")
            yield Offers(id="offers")
            yield Static(id="filter-error")
        with Horizontal(id="body"):
            yield RunTable(id="table")
            yield Static(id="preview")
        yield Static(id="empty")
        yield KeyBar("runs")

    def on_mount(self) -> None:
        kept = self.factory.remembered
        order = kept.get("runs.order", ["newest", False])
        if len(order) == 2 and (order[0] in SORTS or str(order[0]).startswith(SETTING)):
            self._order = Order(str(order[0]), order[1] is True)
        self._columns = chosen_columns(kept.get("runs.columns", []))
        self._grouped = kept.get("runs.grouped", False)
        self._collapsed = set(map(str, kept.get("runs.collapsed", [])))
        self.query_one(CompletingInput).past = remembered(kept.get("runs.filters", []))
        self.show_list()

    # --- the list -------------------------------------------------------------------

    def show_list(self) -> None:
        """Filter, sort, group and show what was read."""
        self._list = self._listed(self._filter)
        field = self.query_one(CompletingInput)
        if not self._list.rows and field.offered:
            # A word that is still being written empties no list.
            before = without_word(field.value, field.cursor_position)
            self._list = self._listed(parse(before))
        self.table.show(self._list, self._order, self._columns)
        self._say_how_many()
        empty = self.query_one("#empty", Static)
        empty.display = not self._list.rows
        if empty.display:
            empty.update(self._empty_text())
        body = self.query_one("#body")
        if not self._list.rows and self.table.has_focus:
            # Else the focus of a list that goes away would fall into the filter.
            self.set_focus(None)
        body.display = bool(self._list.rows)
        if self._list.rows and self.focused is None:
            self.table.focus()
        self._make_room()

    def _listed(self, run_filter: RunFilter) -> RunList:
        return self.index.listed(
            run_filter,
            self._order,
            datetime.now(UTC),
            grouped=self._grouped,
            collapsed=self._collapsed,
        )

    @on(RunTable.Marked)
    def _say_how_many(self) -> None:
        marked = len(self.table.marked & self.index.rows.keys())
        right = self._list.summary if self.read_once else "reading the runs …"
        if marked:
            right += f" · {marked:,} marked"
        self.query_one(TopBar).put("factory", short_path(self.factory.workspace), right=right)
        writing = self.query_one("#filter", Input).has_focus
        grouped = Content.assemble("  ", ("b", "$accent"), " by target") if self._grouped else ""
        self.query_one("#order", Static).update(
            Content.assemble(("⏎", "$accent"), " keeps  ", ("esc", "$accent"), " shows all")
            if writing
            else Content.assemble(("o", "$accent"), f" sort: {self._order.label}", grouped)
        )

    @on(Click, "#order")
    def _order_clicked(self) -> None:
        """Sort by the next column; while a filter is written, keep it."""
        field = self.query_one(CompletingInput)
        if field.has_focus:
            self.call_later(field.action_submit)
        else:
            self.action_order()

    def on_descendant_focus(self) -> None:
        self._say_how_many()

    def on_descendant_blur(self) -> None:
        self._say_how_many()

    def _empty_text(self) -> Content:
        if not self.read_once:
            return Content("Reading the runs …")
        if self._list.total:
            return Content.assemble(
                ("No run matches this filter.\n\n", "$strong bold"),
                "1 is here. Press esc to see it"
                if self._list.total == 1
                else f"{self._list.total:,} are here. Press esc to see them all",
                ", or try for example\n",
                (EXAMPLES, "$accent"),
            )
        return Content.assemble(
            ("No runs yet.\n\n", "$strong bold"),
            "A run is one attempt at a target: data, training, scores, and your decision.\n",
            *("Press ", ("n", "bold $accent"), " to plan the first one."),
        )

    def _keep(self, name: str, value: object) -> None:
        """Remember how the list was left. In a thread: it waits for the disk."""
        self._to_keep[name] = value
        self._write_kept()

    @work(thread=True, group="keep", exit_on_error=False)
    def _write_kept(self) -> None:
        with self._keeping:
            while self._to_keep:
                self.factory.remembered.put(*self._to_keep.popitem())

    # --- filter -----------------------------------------------------------------------

    def _offer(self, text: str, cursor: int) -> list[Candidate]:
        return candidates(text, cursor, self.index.words)

    def action_filter(self) -> None:
        """Write a filter."""
        self.set_focus(self.query_one("#filter", Input))

    async def action_clear(self) -> None:
        """One step back: the filter, then the marks, then the screen."""
        field = self.query_one("#filter", Input)
        if field.has_focus or field.value:
            field.value = ""
            self.table.focus()
        elif self.table.marked:
            self.table.mark(set())
        else:
            await self.factory.action_back()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        try:
            self._filter = parse(event.value)
        except FilterError as error:
            # What is wrong is explained; the words before it hold.
            with suppress(FilterError):
                self._filter = parse(without_word(event.value, error.start))
        self._explain()
        self.show_list()

    @on(CompletingInput.Offered)
    def _offered(self, event: CompletingInput.Offered) -> None:
        self.query_one(Offers).put(event.sender)
        self._explain()

    def _explain(self) -> None:
        """Say what is wrong with the filter, where nothing is offered that would mend it."""
        field = self.query_one(CompletingInput)
        shown = self.query_one("#filter-error", Static)
        shown.display = False
        if field.offered:
            return
        try:
            parse(field.value)
        except FilterError as error:
            left = field.scroll_offset.x
            carets = error.marked()[left:] or "^"
            shown.update(Content(f"{carets}\n{error.message}."))
            shown.display = True

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        field = self.query_one(CompletingInput)
        if field.chosen >= 0:
            field.take(field.offered[field.chosen])
            return
        field.past = remembered(field.past, event.value)
        self._keep("runs.filters", field.past)
        self.table.focus()

    # --- order, groups, columns -------------------------------------------------------

    def action_order(self, reverse: bool = False) -> None:
        """Sort by the next column, or the other way round."""
        order = self._order
        shown = layout(self.table.size.width, self._columns).shown
        names = list(dict.fromkeys(["newest", *(column.sort for column, _ in shown)]))
        self._sort(Order(order.name, not order.reverse) if reverse else order.next(names))

    @on(RunTable.SortAsked)
    def _sort_asked(self, event: RunTable.SortAsked) -> None:
        same = event.name == self._order.name
        self._sort(Order(event.name, same and not self._order.reverse))

    def _sort(self, order: Order) -> None:
        self._order = order
        self._keep("runs.order", [order.name, order.reverse])
        self.show_list()

    def action_group(self) -> None:
        """Put the runs of each target together, or all in one list."""
        self._grouped = not self._grouped
        self._keep("runs.grouped", self._grouped)
        self.show_list()

    @on(RunTable.Folded)
    def _folded(self, event: RunTable.Folded) -> None:
        (self._collapsed.add if event.closed else self._collapsed.discard)(event.target)
        self._keep("runs.collapsed", sorted(self._collapsed))
        self.show_list()

    def action_side(self, by: int) -> None:
        """Close or open the group at the cursor; without groups, show other columns."""
        self.table.side(by)

    def action_shift(self, by: int) -> None:
        """Show other columns, where not all fit."""
        self.table.shift_columns(by)

    def action_columns(self) -> None:
        """Choose columns."""
        from tui.screens.runs_columns import ColumnsDialog

        def answered(chosen: tuple[str, ...] | None) -> None:
            if chosen is not None:
                self._columns = chosen
                self._keep("runs.columns", list(chosen))
                self.show_list()

        settings = list(self.index.words[SETTING])
        self.app.push_screen(ColumnsDialog(self._columns, settings), answered)

    def action_refresh(self) -> None:
        """Read every run again, also those whose folder looks unchanged."""
        if not still_at(self, "The runs are being read already.", "read all"):
            self.read_all(anew=True)

    # --- the run at the cursor ----------------------------------------------------

    @on(RunTable.Highlighted)
    def _highlighted(self, event: RunTable.Highlighted) -> None:
        row = event.row
        if row is None:
            self._preview = None
        elif self._preview is None or self._preview.run_id != row.run_id:
            self._preview = None
            self._read_preview_soon()
        elif row.in_progress and not at_work(self, "preview"):
            self._read_preview_soon()
        self._draw_preview()

    def _read_preview_soon(self) -> None:
        """Read the curve once the cursor stands still: not of each run that is scrolled past."""
        if self._waiting is not None:
            self._waiting.stop()
        self._waiting = self.set_timer(PREVIEW_AFTER_S, self._read_preview)

    def _read_preview(self) -> None:
        if self.current is not None:
            self._load_preview(self.current.summary)

    @work(thread=True, group="preview", exclusive=True)
    def _load_preview(self, summary: RunSummary) -> None:
        preview = load_preview(summary)
        hand_over(self, self._take_preview, preview)

    def _take_preview(self, preview: Preview) -> None:
        if self.current is not None and self.current.run_id == preview.run_id:
            self._preview = preview
            self._draw_preview()

    def _draw_preview(self) -> None:
        pane = self.query_one("#preview", Static)
        row, head = self.current, self.table.head
        if row is not None:
            width = max(20, pane.content_size.width or self.size.width - 4)
            parent = self.index.summary(row.summary.parent_run_id)
            size = (width, pane.content_size.height)
            shown = preview_page(row.summary, row.verdicts, self._preview, size, parent)
        else:
            shown = group_lines(head, self._list.rows) if head is not None else []
        pane.update(lines(paint(*line) for line in shown))

    def show_judged(self, run_ids: Container[str]) -> None:
        """The gates of the run at the cursor, with their numbers."""
        if self.current is not None and self.current.run_id in run_ids:
            self._draw_preview()

    def on_resize(self) -> None:
        self._make_room()
        self.call_after_refresh(self._draw_preview)

    def _make_room(self) -> None:
        """Give the preview what a short list leaves free. A filter changes nothing of it."""
        lines = len(self.index)
        if self._grouped and lines < self.size.height:
            lines += len({row.summary.target for row in self.index.rows.values()})
        roomy = lines > 0 and self.size.height - FRAME - lines >= ROOMY
        if roomy != self.has_class("-roomy"):
            self.set_class(roomy, "-roomy")
            self.call_after_refresh(self._draw_preview)

    @on(RunTable.Opened)
    def _opened(self, event: RunTable.Opened) -> None:
        self.factory.open_run(event.row.run_id)

    def action_open(self) -> None:
        self.table.action_open()

    def action_mark(self) -> None:
        self.table.action_mark()

    def action_mark_all(self) -> None:
        """Mark every run that is listed, or none where all of them are marked."""
        listed = {row.run_id for row in self._list.rows}
        self.table.mark(set() if listed <= self.table.marked else self.table.marked | listed)
