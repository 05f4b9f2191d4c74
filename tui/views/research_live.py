"""The repetition that runs now: how far it is, its numbers as they come. Pure."""

from __future__ import annotations

from engine import numbers
from engine.live.projected import StageView
from engine.live.projection import MEMORY
from engine.live.series import Series
from tui.views import cells
from tui.views.cells import Cell
from tui.views.plain import plain
from tui.views.research_head import place, planned
from tui.views.research_reader import CampaignView
from tui.widgets.picture import Curve, Options, Row

_FIRST = ("loss", "train_loss", "val_loss", "reward", "score")
"""What a recipe is seen to learn by, where it prints it; else the first metric that it prints."""

_SPEED = "tok_s"


def progress_series(stage: StageView, metric: str) -> tuple[str, Series] | None:
    """The series by which one sees how a recipe learns; None before it printed any."""
    for name in (*_FIRST, metric):
        if len(stage.series.get(name, ())):
            return name, stage.series[name]
    rest = (name for name in stage.series if name not in (_SPEED, MEMORY, "learning_rate", "dt_s"))
    first = next((one for one in rest if len(stage.series[one])), None)
    return None if first is None else (first, stage.series[first])


def live_cells(view: CampaignView, stage: StageView | None, now: float) -> list[Cell]:
    """One line: which repetition of which try, its last numbers, its time of the budget."""
    one = view.open
    if one is None or view.loop.running is None:
        return []
    found = [
        Cell("▶ ", "accent"),
        Cell(place(view, one.number), "strong"),
        Cell(f"  repetition {len(view.repeats) + 1} of {planned(view)}", "plain"),
    ]
    if stage is None:
        return found
    shown = progress_series(stage, view.metric)
    if shown is not None:
        name, series = shown
        value = series.last_finite()
        found += [
            Cell(f"  step {series.step[-1]:,.0f}", "muted"),
            Cell(f"  {plain(name, clip=30)} ", "muted"),
            Cell(cells.number(value), "strong"),
        ]
    speed = stage.series.get(_SPEED)
    if speed is not None and len(speed):
        found.append(Cell(f"  {cells.rate(speed.last_finite())} tok/s", "muted"))
    memory = stage.series.get(MEMORY)
    if memory is not None and len(memory):
        found.append(Cell(f"  {numbers.size(memory.last_finite())}", "muted"))
    if view.protocol is not None:
        budget = view.protocol.execution.stop_condition.training_seconds_budget
        words = f"  {stage.clock_s(now):.0f} s, trains {budget:g} s"
        found.append(Cell(words, "muted"))
    return found


def live_chart(view: CampaignView, stage: StageView | None) -> tuple[Row, list[Curve], Options]:
    """The course of the running repetition over its steps."""
    shown = progress_series(stage, view.metric) if stage is not None else None
    if shown is None:
        return [("this repetition", "strong")], [], Options(empty="it has printed no number yet")
    name, series = shown
    title: Row = [(plain(name, clip=40), "strong"), ("  this repetition", "muted")]
    curve = Curve(series.step, series.value, "smooth", points=series)
    return title, [curve], Options(x_unit="step")
