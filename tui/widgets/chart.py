"""A chart on the screen: a title line with its legend, and the picture below it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from tui.views.plain import fit
from tui.views.readout import readout
from tui.widgets.ink import Ink
from tui.widgets.picture import Curve, Frame, Options, Row, frame_of, render_chart

_NO_OPTIONS = Options()
_RIGHT = 3


class Chart(Ink, can_focus=True):
    """Draws curves; says what the mouse does to it, and moves nothing by itself.

    ``put`` gives it what to draw. The drawing itself happens once a frame, when the screen asks
    for lines, and not at all while the chart is hidden.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "enlarge", show=False),
        Binding("down,j", "walk(1)", "chart below", show=False),
        Binding("up,k", "walk(-1)", "chart above", show=False),
    ]

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

    class Box(Message):
        """A part of the x axis was chosen, to be seen alone."""

        def __init__(self, chart: Chart, part: tuple[float, float]) -> None:
            super().__init__()
            self.chart = chart
            self.part = part

    class Reset(Message):
        """A double click: the whole course again."""

    class Open(Message):
        """The chart is to have the whole screen, or to give it back."""

        def __init__(self, chart: Chart) -> None:
            super().__init__()
            self.chart = chart

    class Walk(Message):
        """The chart below (1) or above (-1) is to have the focus."""

        def __init__(self, chart: Chart, direction: int) -> None:
            super().__init__()
            self.chart = chart
            self.direction = direction

    class Point(Message):
        """The mouse points at a place on the x axis; None when it left."""

        def __init__(self, chart: Chart, at: float | None) -> None:
            super().__init__()
            self.chart = chart
            self.at = at

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
        self._frame: Frame | None = None
        self._drag: int | None = None
        self._box: float | None = None
        self._stamp: object = None

    @property
    def frame(self) -> Frame | None:
        """Where things lay in the last drawing; None without one."""
        return self._frame

    def put(self, title: Row, curves: Sequence[Curve], options: Options) -> None:
        """Show other curves, or the same ones with more points. What is the same costs nothing."""
        options = replace(
            options, axes=self._axes, cross=self._options.cross, band=self._options.band
        )
        stamp = (title, options, [_stamp(curve) for curve in curves])
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self._title, self._curves, self._options = title, curves, options
        self._again()

    def point_at(self, at: float | None) -> None:
        """Put the crosshair at a place on the x axis, or take it away."""
        if at != self._options.cross:
            self._options = replace(self._options, cross=at)
            self._again()

    def _again(self) -> None:
        self._rows = None
        self.repaint()

    def on_resize(self) -> None:
        self._again()

    def on_focus(self) -> None:
        self._again()

    def on_blur(self) -> None:
        self._again()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if self._rows is None:
            with self._guard:
                self._rows = self._drawn(width, height)
        return self.strip(self._rows[y] if y < len(self._rows) else [], width)

    def _drawn(self, width: int, height: int) -> list[Row]:
        below = max(0, height - 1)
        options = self._options
        self._frame = frame = frame_of(self._curves, width, below, options)
        body = render_chart(self._curves, width, below, options, frame)
        title = self._title
        sign: Row = [("▸ ", "accent")] if self.has_focus else []
        room = width - 2 * len(sign)
        if options.cross is not None and frame is not None and title:
            title = readout(title[0][0], self._curves, options, options.cross, room)
        return [[*sign, *fit_row(title, room)], *body]

    # --- the mouse ------------------------------------------------------------------

    def _share(self, x: int) -> float:
        return self._frame.share(x) if self._frame else x / max(1, self.size.width)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.post_message(self.Zoom(self, 1, self._share(event.x)))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.post_message(self.Zoom(self, -1, self._share(event.x)))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self._frame is not None and (event.shift or event.button == _RIGHT):
            self._box = self._frame.at(event.x)
        else:
            self._drag = event.x
        self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        began, self._box, self._drag = self._box, None, None
        self.release_mouse()
        if began is None or self._frame is None:
            return
        end = self._frame.at(event.x)
        self._options = replace(self._options, band=None)
        self._again()
        if end != began:
            self.post_message(self.Box(self, (min(began, end), max(began, end))))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._drag is not None:
            if event.x != self._drag:
                width = self._frame.width if self._frame else self.size.width
                share = (self._drag - event.x) / max(1, width)
                self._drag = event.x
                self.post_message(self.Pan(self, share))
        elif self._frame is not None:
            at = self._frame.at(event.x)
            if self._box is not None:
                self._options = replace(
                    self._options, band=(min(self._box, at), max(self._box, at))
                )
                self._again()
            self.post_message(self.Point(self, at))

    def on_leave(self) -> None:
        self.post_message(self.Point(self, None))

    def action_open(self) -> None:
        self.post_message(self.Open(self))

    def action_walk(self, direction: int) -> None:
        self.post_message(self.Walk(self, direction))

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.post_message(self.Reset())


def _stamp(curve: Curve) -> tuple[object, ...]:
    """What changes when a curve has to be drawn anew; comparing all its points would cost more."""
    version = getattr(curve.points, "version", 0)
    return (curve.name, curve.role, curve.shape, id(curve.y), curve.count, version)


def fit_row(row: Row, width: int) -> Row:
    """The segments of a row that fit into ``width``, from the left: whole ones but for the first.

    The first is a name, which may come from a file and be of any length: it is cut so that there
    is room for the value after it.
    """
    fitting: Row = []
    for index, (text, role) in enumerate(row):
        size = cell_len(text)
        if index == 0 and len(row) > 1 and size + cell_len(row[1][0]) > width:
            text = fit(text, max(min(size, width) // 2, width - cell_len(row[1][0]))).rstrip()
            size = cell_len(text)
        if size > width:
            break
        fitting.append((text, role))
        width -= size
    return fitting
