"""How the charts of Live are drawn: axis, scale, smoothing, which ones; and what is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from tui.views.viewport import Viewport

ChartAxis = Literal["step", "tokens", "seconds", "clock"]
"""What stands on the x axis. "seconds" is the time that the stage worked, without the time between
its attempts; "clock" the time of day at which a point was measured."""

AXES: tuple[ChartAxis, ...] = get_args(ChartAxis)

WEIGHTS = (0.0, 0.5, 0.8, 0.95, 0.99)
"""The smoothing weights that the key goes through; 0 is none."""

_MAX_CHARTS = 256
_MAX_PATTERN = 200


@dataclass(slots=True)
class ChartSettings:
    """How the charts of one screen are drawn.

    ``logs`` are the keys of the charts with a logarithmic y axis; ``pattern`` chooses the charts of
    the grid by name; ``sets`` says whether each validation set has its own points beside the mean.
    """

    axis: ChartAxis = "step"
    logs: set[str] = field(default_factory=set)
    weight: float = 0.8
    viewport: Viewport = field(default_factory=Viewport)
    sets: bool = True
    grid: bool = False
    pattern: str = ""

    def next_axis(self) -> None:
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]

    def next_weight(self) -> None:
        self.weight = WEIGHTS[(WEIGHTS.index(self.weight) + 1) % len(WEIGHTS)]

    def toggle_log(self, chart: str) -> None:
        """The other kind of y axis for one chart."""
        self.logs ^= {chart}

    def kept(self) -> dict[str, object]:
        """What is to be remembered, as JSON can hold it."""
        return {
            "axis": self.axis,
            "log": sorted(self.logs)[:_MAX_CHARTS],
            "smoothing": self.weight,
            "grid": self.grid,
            "filter": self.pattern,
        }

    def recall(self, kept: Mapping[str, object]) -> None:
        """Take over what was remembered; what is not of its kind is left as it is."""
        axis, logs, pattern = kept.get("axis"), kept.get("log"), kept.get("filter")
        self.axis = next((one for one in AXES if one == axis), self.axis)
        if isinstance(logs, list):
            self.logs = {one for one in logs[:_MAX_CHARTS] if isinstance(one, str)}
        weight = kept.get("smoothing")
        self.weight = next((one for one in WEIGHTS if one == weight), self.weight)
        self.grid = kept.get("grid") is True
        if isinstance(pattern, str):
            self.pattern = pattern[:_MAX_PATTERN]
