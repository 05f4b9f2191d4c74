"""A chart on the screen: a title line with its legend, and the picture below it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.widgets.ink import Ink
from tui.widgets.picture import Curve, Options, Row, render_chart

_NO_OPTIONS = Options()


class Chart(Ink):
    """Draws curves; asks to be zoomed by the mouse wheel.

    ``put`` gives it what to draw. The drawing itself happens once a frame, when the screen asks
    for lines, and not at all while the chart is hidden.
    """

    ALLOW_SELECT = False

    class Zoom(Message):
        """The wheel was turned: ``direction`` 1 is closer; ``place`` in [0, 1] is where on x."""

        def __init__(self, chart: Chart, direction: int, place: float) -> None:
            super().__init__()
            self.chart = chart
            self.direction = direction
            self.place = place

    class Pan(Message):
        """The chart was dragged by a share of its width; positive is towards later."""

        def __init__(self, chart: Chart, share: float) -> None:
            super().__init__()
            self.chart = chart
            self.share = share

    def __init__(
        self,
        *,
        id: str | None = None,
        axes: bool = True,
        guard: AbstractContextManager[object] | None = None,
    ) -> None:
        """``guard`` is entered while points are read, where another thread adds to them."""
        super().__init__(id=id)
        self._guard = guard or nullcontext()
        self._axes = axes
        self._curves: Sequence[Curve] = ()
        self._options = replace(_NO_OPTIONS, axes=axes)
        self._title: Row = []
        self._rows: list[Row] | None = None
        self._drag: int | None = None

    def put(self, title: Row, curves: Sequence[Curve], options: Options) -> None:
        """Show other curves, or the same ones with more points."""
        self._title, self._curves = title, curves
        self._options = replace(options, axes=self._axes)
        self._rows = None
        self.refresh()

    def on_resize(self) -> None:
        self._rows = None

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if self._rows is None:
            with self._guard:
                body = render_chart(self._curves, width, max(0, height - 1), self._options)
            self._rows = [fit_row(self._title, width), *body]
        return self.strip(self._rows[y] if y < len(self._rows) else [], width)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.post_message(self.Zoom(self, 1, event.x / max(1, self.size.width)))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.post_message(self.Zoom(self, -1, event.x / max(1, self.size.width)))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._drag = event.x
        self.capture_mouse()

    def on_mouse_up(self) -> None:
        self._drag = None
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._drag is not None and event.x != self._drag:
            share = (self._drag - event.x) / max(1, self.size.width)
            self._drag = event.x
            self.post_message(self.Pan(self, share))


def fit_row(row: Row, width: int) -> Row:
    """The segments of a row that fit into ``width``: whole ones from the left, none cut in two."""
    fitting: Row = []
    for text, role in row:
        size = cell_len(text)
        if size > width:
            break
        fitting.append((text, role))
        width -= size
    return fitting
