"""Rows of (text, role) drawn by the line; what a role looks like stands in the stylesheet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from rich.segment import Segment as RichSegment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

ROLES = (
    "plain",
    "muted",
    "faint",
    "strong",
    "accent",
    "good",
    "bad",
    "warn",
    # chart
    "axis",
    "grid",
    "label",
    "raw",
    "smooth",
    "point",
    "point2",
    "mark",
    "limit",
    "gap",
    "second",
    "cross",
    # lists
    "cursor",
    "match",
    # the runs of a comparison, see tui/views/compare_marks.py
    *(f"run{number}" for number in range(12)),
)


class Ink(Widget):
    """A widget whose lines are made of roles: ``ink--raw``, ``ink--muted`` and so on in styles."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"ink--{role}" for role in ROLES}

    _paper: Style | None = None
    _mixed: dict[str, Style]

    def ink(self, role: str) -> Style:
        """What a role looks like here."""
        return self.get_component_rich_style(f"ink--{role if role in ROLES else 'plain'}")

    def strip(
        self, row: Iterable[tuple[str, str]], width: int, under: Style | None = None
    ) -> Strip:
        """A row as a strip of exactly ``width`` cells; ``under`` is laid over all of it."""
        base = self.paper()
        segments = []
        for text, role in row:
            style = self._mixed.get(role)
            if style is None:
                style = self._mixed[role] = base + self.ink(role)
            segments.append(RichSegment(text, style + under if under else style))
        return Strip(segments).adjust_cell_length(width, base + under if under else base)

    def repaint(self) -> None:
        """Draw the rows anew; what roles look like is as it was, so it is not worked out again."""
        super().refresh()

    def paper(self) -> Style:
        """What lies under every row, worked out when it may be another: that takes half a
        millisecond, and each role nearly as much."""
        if self._paper is None:
            self._paper, self._mixed = self.rich_style, {}
        return self._paper

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        self._paper = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        self._paper = None
        super().notify_style_update()
