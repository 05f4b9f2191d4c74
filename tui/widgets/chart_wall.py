"""The charts of Live: which of them there are, how they are laid out and drawn."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from engine.live.projected import StageView
from engine.live.projection import MEMORY, RunProjection
from tui.feed import RunFeed
from tui.views.chart_list import (
    MetricChart,
    chart_of,
    charts_of,
    grid_shape,
    main_chart,
    matching,
    small_charts,
    stage_to_draw,
)
from tui.views.chart_settings import ChartSettings
from tui.views.live_charts import LiveCharts, Size
from tui.views.plain import plain
from tui.widgets.chart import Chart
from tui.widgets.picture import Options

SMALL = {"tok": "tok_s", "mem": MEMORY, "its": "it_s", "rate": "learning_rate"}
"""The charts under the large one, by their id."""


_PIECES_S = 0.05

_HINTS = {
    True: (
        "⇥ next · ⏎ enlarge · / filter · i values · x axis · g log y · s smooth · esc back",
        "⇥ next · ⏎ enlarge · / filter · i values · esc back",
        "⏎ enlarge · / filter · esc back",
    ),
    False: (
        "⇥ next · i values · x axis · g log y · s smooth · esc back",
        "⇥ next · i values · esc back",
    ),
}
"""What the keys do in the grid (True) and with one chart enlarged, as much as there is room for."""


class ChartWall(Vertical):
    """One large chart with small ones under it, or a grid of all; any chart can fill the screen.

    ``draw`` is called inside a frame of the feed. ``full`` says whether the charts want the whole
    screen: in the grid, and where one is enlarged. ``ChartBoard`` adds keys and mouse.
    """

    class LaidOut(Message):
        """The charts took the whole screen, or gave it back."""

    def __init__(
        self,
        feed: RunFeed,
        settings: ChartSettings,
        machine_bytes: int | None,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.charts = LiveCharts(settings, machine_bytes)
        self._feed = feed
        self._chosen: str | None = None
        self._enlarged: str | None = None
        self._left: str | None = None
        """The chart that had the whole screen last: the grid goes on from there."""
        self._page = 0
        self._empty = "waiting for the first number"
        self._keys: dict[str, str] = {}
        """The key of the chart that each widget draws."""
        self._cross: float | None = None
        self._crossing = False
        self._before = ""
        self._catching_up = False

    def compose(self) -> ComposeResult:
        yield Static(id="chart-head", markup=False)
        yield Chart(id="loss", guard=self._feed.lock)
        with Horizontal(id="small"):
            for name in SMALL:
                yield Chart(id=name, axes=False, guard=self._feed.lock)
        yield Container(id="grid")
        yield Input(
            id="chart-filter",
            placeholder="part of a metric's name, or a regular expression",
            compact=True,
        )

    # --- what there is --------------------------------------------------------------

    @property
    def projection(self) -> RunProjection:
        return self._feed.projection

    @property
    def grid(self) -> bool:
        """Whether all charts are shown alike."""
        return self.charts.settings.grid

    @property
    def enlarged(self) -> str | None:
        """The key of the chart that has the whole screen, None where none has."""
        return self._enlarged

    @property
    def full(self) -> bool:
        """Whether the board has the whole screen."""
        return self.grid or self._enlarged is not None

    @property
    def crossing(self) -> bool:
        """Whether the keys move the crosshair."""
        return self._crossing

    @property
    def cross(self) -> float | None:
        """Where the crosshair is on the x axis, None where there is none."""
        return self._cross

    @property
    def columns(self) -> int:
        """Charts beside each other in the grid."""
        return self.query_one("#grid").styles.grid_size_columns or 1

    def charted(self) -> StageView | None:
        """The stage whose numbers are drawn."""
        return stage_to_draw(self.projection, self._chosen)

    def listed(self) -> list[MetricChart]:
        """The charts of the stage that match the filter."""
        return matching(charts_of(self.charted()), self.charts.settings.pattern)[0]

    def current(self) -> str:
        """The key of the chart that is meant: enlarged, with the focus, or the large one."""
        if self._enlarged is not None:
            return self._enlarged
        for chart in self._shown():
            if chart.has_focus and (key := self._keys.get(chart.id or "")):
                return key
        if self.grid:
            return next((one.key for one in self.listed()), "loss")
        return main_chart(self.charted()).key

    def _shown(self) -> Iterator[Chart]:
        """The charts in sight."""
        yield from (one for one in self.query(Chart) if one.display and one.size.width)

    def pages(self) -> int:
        """How many pages the grid has."""
        return max(1, -(-len(self.listed()) // self._room()))

    def _room(self) -> int:
        """How many charts the grid has room for."""
        width, height = self.query_one("#grid").size
        columns, rows = grid_shape(width, height, 1 << 16)
        return columns * rows

    # --- drawing --------------------------------------------------------------------

    def draw(self, empty: str) -> None:
        """Give each chart in sight what it draws; ``empty`` is said without numbers."""
        self._empty = empty
        stage = self.charted()
        self.charts.prepare(self.projection, stage)
        if self.grid and self._enlarged is None:
            self._draw_grid(stage)
        else:
            chart = main_chart(stage) if self._enlarged is None else chart_of(self._enlarged)
            self._put(self.query_one("#loss", Chart), chart, empty)
            for name, small in zip(SMALL, small_charts(stage, list(SMALL.values())), strict=True):
                widget = self.query_one(f"#{name}", Chart)
                if widget.size.width:
                    self._put(widget, small, "not recorded", "small")
        self._say_where(stage)
        if self.charts.behind and not self._catching_up:
            # The smoothed curves of a long history come in pieces, with room for keys in between.
            self._catching_up = True
            self.set_timer(_PIECES_S, self._catch_up)

    def _catch_up(self) -> None:
        self._catching_up = False
        self.redraw()

    def _put(self, widget: Chart, chart: MetricChart, empty: str, size: Size = "large") -> None:
        self._keys[widget.id or ""] = chart.key
        drawing = self.charts.draw(chart, empty, size)
        widget.put(drawing.title, drawing.curves, drawing.options)
        widget.point_at(self._cross)

    def _draw_grid(self, stage: StageView | None) -> None:
        grid = self.query_one("#grid", Container)
        found = self.listed()
        width, height = grid.size
        room = self._room()
        self._page = min(self._page, max(0, -(-len(found) // room) - 1))
        page = found[self._page * room : (self._page + 1) * room]
        columns, rows = grid_shape(width, height, max(1, len(page)))
        # The last page has the shape of the others, so that nothing jumps.
        if len(found) > room:
            columns, rows = grid_shape(width, height, room)
        grid.styles.grid_size_columns, grid.styles.grid_size_rows = columns, rows
        slots = list(grid.query(Chart))
        for number in range(len(slots), max(1, len(page))):
            slot = Chart(id=f"slot-{number}", guard=self._feed.lock)
            slots.append(slot)
            grid.mount(slot)
        for number, slot in enumerate(slots):
            slot.display = number < max(1, len(page))
            if number < len(page):
                self._put(slot, page[number], self._empty, "grid")
            elif not number:
                self._keys.pop(slot.id or "", None)
                wanted = f"no chart matches “{plain(self.charts.settings.pattern)}”"
                options = Options(empty=wanted if charts_of(stage) else self._empty)
                slot.put([], [], options)

    def _say_where(self, stage: StageView | None) -> None:
        """The line above the charts where they have the whole screen."""
        head = self.query_one("#chart-head", Static)
        if not self.full:
            return
        settings = self.charts.settings
        every = charts_of(stage)
        found, wrong = matching(every, settings.pattern)
        parts = [plain(stage.name) if stage else "no stage"]
        if not every:
            parts.append(self._empty)
        elif settings.pattern:
            parts.append(f"{len(found)} of {len(every)} charts match “{plain(settings.pattern)}”")
        else:
            parts.append(f"{len(every)} charts" if len(every) != 1 else "1 chart")
        if settings.weight and self._enlarged is None:
            parts.append(f"smoothed {settings.weight:g}")
        if self._enlarged is None and (pages := self.pages()) > 1:
            parts.append(f"page {self._page + 1} of {pages}")
        if wrong:
            parts = [f"“{plain(settings.pattern)}” is {wrong}", parts[1]]
        left = plain(" · ".join(parts))
        room = head.size.width - cell_len(left) - 3
        hints = next((one for one in _HINTS[self._enlarged is None] if cell_len(one) <= room), "")
        head.update(left + hints.rjust(room + 3))

    def redraw(self) -> None:
        """Draw again what is known."""
        if self.is_mounted:
            with self._feed.frame():
                self.draw(self._empty)

    def lay_out(self) -> None:
        """Show what the settings say: the grid, one chart, or the large one with small ones."""
        alone = self._enlarged is not None
        self.set_class(self.grid and not alone, "-grid")
        self.set_class(alone, "-alone")
        self.screen.set_class(self.full, "-charts")
        self.redraw()
        self.call_after_refresh(self._laid_out)

    def _laid_out(self) -> None:
        keys = [one.key for one in self.listed()]
        if self.grid and self._enlarged is None and self._left in keys:
            self._page = keys.index(self._left) // self._room()
        self.redraw()
        self.post_message(self.LaidOut())
        focused = self.screen.focused
        if self.full and not (isinstance(focused, Input) or focused in set(self._shown())):
            self.call_after_refresh(self._focus_first)

    def _focus_first(self) -> None:
        shown = list(self._shown())
        left = [one for one in shown if self._keys.get(one.id or "") == self._left]
        if shown and self.full:
            (left or shown)[0].focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)
