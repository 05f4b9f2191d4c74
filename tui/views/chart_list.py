"""Which charts a stage has, from whatever it reports; those of a pattern; how they are laid out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.live.projected import StageView
from engine.live.projection import MEMORY, RunProjection
from engine.live.series import Series
from tui.views.plain import plain
from tui.widgets.scale import Kind

LOSS = "loss"
VALIDATION = "val_loss"
MLX_PEAK = "mlx_peak_bytes"
_TOKENS = "tokens"
_MAX_NAME = 80

CELL_WIDTH, CELL_HEIGHT = 36, 8
"""The least cells of a chart in the grid, its title included."""

_ASPECT = 4.0
"""Columns for each line of a chart that is good to look at."""


@dataclass(frozen=True, slots=True)
class MetricChart:
    """One chart of a stage. ``key`` is the metric's name, ``label`` what stands above it.

    ``zero`` lets its y axis begin at 0; ``smooth`` is off where a mean would say nothing.
    """

    key: str
    label: str
    kind: Kind = "number"
    zero: bool = False
    smooth: bool = True


_KNOWN: tuple[MetricChart, ...] = (
    MetricChart(LOSS, "loss"),
    MetricChart(VALIDATION, "validation loss", smooth=False),
    MetricChart("tok_s", "tok/s", zero=True),
    MetricChart("it_s", "it/s", zero=True),
    MetricChart("learning_rate", "learning rate", smooth=False),
    MetricChart(MEMORY, "memory", "bytes", zero=True, smooth=False),
    MetricChart("grad_norm", "gradient norm", zero=True),
)
_BY_KEY = {chart.key: chart for chart in _KNOWN}


@lru_cache(maxsize=1024)
def chart_of(key: str) -> MetricChart:
    """The chart of a metric, whatever its name: names come from files."""
    known = _BY_KEY.get(key)
    if known is not None:
        return known
    kind: Kind = "bytes" if key.endswith("_bytes") else "number"
    return MetricChart(key, plain(key, clip=_MAX_NAME) or "(no name)", kind)


def charts_of(stage: StageView | None) -> list[MetricChart]:
    """The charts of a stage: those that everyone knows first, then the others as they came.

    Tokens are an axis, MLX's memory (of every rank) lies in the chart of the process tree's, and
    validation sets in that of the validation loss.
    """
    if stage is None:
        return []
    names = [name for name, series in stage.series.items() if len(series)]
    keys = [_group(name) for name in names]
    known = [chart for chart in _KNOWN if chart.key in keys]
    others = dict.fromkeys(key for key in keys if key not in _BY_KEY and key != _TOKENS)
    return known + [chart_of(key) for key in others]


def _group(name: str) -> str:
    if name == MLX_PEAK or name.startswith(f"{MLX_PEAK}/"):
        return MEMORY
    return VALIDATION if name.startswith(f"{VALIDATION}/") else name


def ranks_memory(stage: StageView) -> list[tuple[str, Series]]:
    """MLX's peak of each rank but the first, where a stage has several: its name and its curve."""
    return [
        (name.partition("/")[2], series)
        for name, series in stage.series.items()
        if name.startswith(f"{MLX_PEAK}/") and len(series)
    ]


def main_chart(stage: StageView | None) -> MetricChart:
    """The chart that is drawn large: the loss, else the first that the stage has.

    Memory, which every stage has, comes last.
    """
    charts = sorted(charts_of(stage), key=lambda chart: chart.key == MEMORY)
    return charts[0] if charts and charts[0].key != VALIDATION else _BY_KEY[LOSS]


def small_charts(stage: StageView | None, wanted: Sequence[str]) -> list[MetricChart]:
    """The charts under the large one, one for each wanted metric, in their order.

    Where a stage does not report one, another metric of it that has no place yet stands there: a
    command of one's own has metrics of its own.
    """
    there = charts_of(stage)
    keys = {chart.key for chart in there}
    taken = {main_chart(stage).key, VALIDATION, *wanted}
    others = iter([chart for chart in there if chart.key not in taken])
    return [chart_of(key) if key in keys else next(others, chart_of(key)) for key in wanted]


def stages_with_numbers(projection: RunProjection) -> list[str]:
    """The stages that have anything to draw, in the plan's order."""
    return [one.name for one in projection.stages.values() if charts_of(one)]


def stage_to_draw(projection: RunProjection, chosen: str | None) -> StageView | None:
    """The chosen stage; else the one that runs, the last with a loss, the last with anything.

    Memory alone, which every stage has, does not draw attention away from a loss.
    """
    stages = projection.stages
    if chosen is not None and chosen in stages and charts_of(stages[chosen]):
        return stages[chosen]
    running = projection.running
    if running is not None and _says_something(running):
        return running
    names = stages_with_numbers(projection)
    for wanted in (_has_loss, _says_something, lambda stage: True):
        for name in reversed(names):
            if wanted(stages[name]):
                return stages[name]
    return None


def _has_loss(stage: StageView) -> bool:
    return LOSS in stage.series or VALIDATION in stage.series


def _says_something(stage: StageView) -> bool:
    return any(chart.key != MEMORY for chart in charts_of(stage))


def matching(charts: Sequence[MetricChart], pattern: str) -> tuple[list[MetricChart], str]:
    """The charts whose name or label holds a pattern, and what is wrong with the pattern.

    A pattern is a regular expression, without regard to case; a plain part of a name is one too.
    What is no regular expression is looked for as it stands.
    """
    if not pattern:
        return list(charts), ""
    wrong = ""
    try:
        find = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        find = re.compile(re.escape(pattern), re.IGNORECASE)
        place = "" if error.pos is None else f" at character {error.pos + 1}"
        wrong = f"no regular expression ({error.msg}{place}) and taken as it stands"
    found = [
        chart
        for chart in charts
        if find.search(chart.label) or find.search(plain(chart.key, clip=_MAX_NAME))
    ]
    return found, wrong


def grid_shape(width: int, height: int, count: int) -> tuple[int, int]:
    """(columns, rows) of the grid for so many charts; fewer where there is no room for all.

    Of the shapes that hold them, the one whose charts are nearest to _ASPECT, with few left empty.
    """
    most_columns = max(1, width // CELL_WIDTH)
    most_rows = max(1, height // CELL_HEIGHT)
    count = max(1, min(count, most_columns * most_rows))
    shapes = [
        (columns, -(-count // columns))
        for columns in range(1, most_columns + 1)
        if -(-count // columns) <= most_rows
    ]

    def strain(shape: tuple[int, int]) -> float:
        columns, rows = shape
        aspect = (width / columns) / (max(1, height) / rows)
        return abs(math.log(max(aspect, 0.01) / _ASPECT)) + 0.5 * (columns * rows / count - 1)

    return min(shapes, key=strain)
