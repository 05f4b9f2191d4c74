"""Panes that can be made larger and smaller, by mouse and by key, and stay as they were left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget

from tui.remembered import Remembered

Side = Literal["left", "right", "top", "bottom"]

STEP = {"left": 4, "right": 4, "top": 2, "bottom": 2}
"""Cells that one press of a key moves an edge."""

LEAST_WIDTH, LEAST_HEIGHT = 16, 3
"""What a pane, and what the rest beside it, keeps at least."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The edge of a pane that can be moved: which pane, and on which of its sides."""

    selector: str
    side: Side

    @property
    def sideways(self) -> bool:
        return self.side in ("left", "right")


class Panes:
    """The movable edges of one screen. Sizes are kept for each class of width and height.

    An edge counts while its pane is shown and something lies beyond that side: a layout that puts
    the pane below instead of beside takes the edge away.
    """

    def __init__(self, screen: Screen[None], room: str, edges: tuple[Edge, ...]) -> None:
        self._screen = screen
        self._room = room
        self._edges = edges
        self._held: tuple[Edge, Widget] | None = None
        self._layout = ""

    @property
    def held(self) -> bool:
        """Whether an edge is being dragged."""
        return self._held is not None

    def _remembered(self) -> Remembered | None:
        found = getattr(self._screen.app, "remembered", None)
        return found if isinstance(found, Remembered) else None

    def _name(self, edge: Edge) -> str:
        return f"panes.{self._room}{edge.selector}.{edge.side}{self._layout}"

    def restore(self) -> None:
        """Give the panes the sizes that were kept for this layout; the stylesheet's where none."""
        classes = sorted(one for one in self._screen.classes if one in _LAYOUTS)
        layout = "".join(classes)
        if layout == self._layout:
            return
        self._layout = layout
        remembered = self._remembered()
        for edge in self._edges:
            for pane in self._screen.query(edge.selector):
                size = remembered.get(self._name(edge), 0) if remembered else 0
                _set_size(pane, edge, size or None)

    def reset(self) -> None:
        """The stylesheet's sizes again."""
        remembered = self._remembered()
        for edge in self._edges:
            for pane in self._screen.query(edge.selector):
                _set_size(pane, edge, None)
            if remembered:
                remembered.put(self._name(edge), 0)

    def _active(self) -> list[tuple[Edge, Widget]]:
        found = []
        for edge in self._edges:
            for pane in self._screen.query(edge.selector):
                around = pane.parent.region if isinstance(pane.parent, Widget) else None
                if around is not None and pane.region.area and _beyond(edge, pane.region, around):
                    found.append((edge, pane))
        return found

    # --- keys ---------------------------------------------------------------------

    def move(self, across: int, down: int) -> bool:
        """Move an edge by steps to the right and down; whether there is one that way.

        The edge nearest to what has the focus is meant.
        """
        active = [one for one in self._active() if one[0].sideways == bool(across)]
        if not active:
            return False
        focused = self._screen.focused
        if focused is not None:
            here = focused.region
            active.sort(key=lambda one: _distance(one[0], one[1].region, here))
        edge, pane = active[0]
        self._resize(edge, pane, (across or down) * STEP[edge.side])
        return True

    # --- mouse --------------------------------------------------------------------

    def press(self, event: events.MouseDown) -> bool:
        """Take hold of the edge under the pointer; whether there is one."""
        for edge, pane in self._active():
            if _line(edge, pane.region).contains(event.screen_x, event.screen_y):
                self._held = (edge, pane)
                return True
        return False

    def drag(self, event: events.MouseMove) -> None:
        """Follow the pointer with the edge that is held."""
        if self._held is None:
            return
        edge, pane = self._held
        line = _line(edge, pane.region)
        by = event.screen_x - line.x if edge.sideways else event.screen_y - line.y
        if by:
            self._resize(edge, pane, by)

    def release(self) -> None:
        self._held = None

    def _resize(self, edge: Edge, pane: Widget, by: int) -> None:
        around = pane.parent.region if isinstance(pane.parent, Widget) else pane.region
        grows = by if edge.side in ("right", "bottom") else -by
        now, room = (
            (pane.region.width, around.width)
            if edge.sideways
            else (pane.region.height, around.height)
        )
        least = LEAST_WIDTH if edge.sideways else LEAST_HEIGHT
        size = max(least, min(now + grows, max(least, room - least)))
        _set_size(pane, edge, size)
        remembered = self._remembered()
        if remembered:
            remembered.put(self._name(edge), size)


_LAYOUTS = frozenset({"-narrow", "-medium", "-wide", "-short", "-tall", "-high"})


def _set_size(pane: Widget, edge: Edge, size: int | None) -> None:
    """A size in cells over the stylesheet's; None takes it away."""
    for name in ("width", "max_width") if edge.sideways else ("height", "max_height"):
        if size is None:
            pane.styles.inline.clear_rule(name)
        else:
            setattr(pane.styles, name, size)
    pane.refresh(layout=True)


def _line(edge: Edge, region: Region) -> Region:
    """The cells of an edge."""
    if edge.side == "left":
        return Region(region.x, region.y, 1, region.height)
    if edge.side == "right":
        return Region(region.right - 1, region.y, 1, region.height)
    if edge.side == "top":
        return Region(region.x, region.y, region.width, 1)
    return Region(region.x, region.bottom - 1, region.width, 1)


def _beyond(edge: Edge, region: Region, around: Region) -> bool:
    """Whether something lies beyond the edge, inside what both are in."""
    room: Mapping[Side, int] = {
        "left": region.x - around.x,
        "right": around.right - region.right,
        "top": region.y - around.y,
        "bottom": around.bottom - region.bottom,
    }
    return room[edge.side] > 1


def _distance(edge: Edge, region: Region, here: Region) -> float:
    line = _line(edge, region)
    (x, y), (to_x, to_y) = line.center, here.center
    return abs(x - to_x) if edge.sideways else abs(y - to_y)
