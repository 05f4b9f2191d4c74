"""The numbers of a run beside its charts: what is measured now, scores, and what it said last."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

from engine.judge.stats import wilson
from engine.live.projected import StageView, SuiteView
from engine.live.projection import MEMORY, RunProjection
from engine.live.signs import Sign
from tui.views.cells import Cell, number, pair
from tui.views.chart_list import charts_of, ranks_memory
from tui.views.live_view import LEVELS
from tui.views.plain import fit, plain
from tui.widgets.scale import Kind, compact

Line = list[Cell]

LABEL = 14
"""Cells of the names of the numbers: "learning rate" and a space."""

MOST = 8
"""So many numbers with those that only this stage has; all of them are in the grid."""

_TOLD = {"loss", "val_loss", "tok_s", MEMORY, "learning_rate", "it_s"}

SIGNS = 4
"""How many signs are looked at for the room that is left."""


def numbers(stage: StageView | None, machine_bytes: int | None) -> list[tuple[str, str]]:
    """(name, value) of what is measured now, the most asked for first; absent ones left out."""
    if stage is None:
        return []
    found: list[tuple[str, str]] = []
    for name, label in (("loss", "loss"), ("val_loss", "validation"), ("tok_s", "tok/s")):
        _add(found, stage, name, label)
    memory = stage.series.get(MEMORY)
    if memory is not None and memory.last is not None:
        text = compact(memory.last, "bytes")
        found.append(
            ("memory", f"{text} of {compact(machine_bytes, 'bytes')}" if machine_bytes else text)
        )
    if stage.peak_mlx_bytes:
        found.append(("MLX peak", compact(stage.peak_mlx_bytes, "bytes")))
    for name, series in ranks_memory(stage):
        found.append((f"MLX, {name}", compact(series.last_finite() or 0.0, "bytes")))
    for name, label in (("learning_rate", "learning rate"), ("it_s", "it/s")):
        _add(found, stage, name, label)
    others = [chart for chart in charts_of(stage) if chart.key not in _TOLD]
    for chart in others[: max(0, MOST - len(found))]:
        _add(found, stage, chart.key, fit(chart.label, LABEL - 1).rstrip(), chart.kind)
    return found


def _add(
    found: list[tuple[str, str]], stage: StageView, name: str, label: str, kind: Kind = "number"
) -> None:
    series = stage.series.get(name)
    if series is not None and series.last is not None:
        value = series.last
        found.append((label, "NaN" if value != value else compact(value, kind)))


def flat_numbers(values: Sequence[tuple[str, str]], width: int) -> Line:
    """The numbers in one line, as many as fit whole into ``width`` cells."""
    line: Line = []
    for name, value in values:
        size = cell_len(f"{name} {value}")
        if size > width:
            continue
        line += [Cell(f"{name} ", "muted"), Cell(f"{value}   ")]
        width -= size + 3
    return line


def side_lines(
    values: Sequence[tuple[str, str]],
    projection: RunProjection,
    width: int,
    height: int,
    signs: Sequence[Sign] = (),
) -> list[Line]:
    """The column beside the charts: numbers, then scores and signs as far as there is room.

    ``signs`` are left out where they have a pane of their own on the screen.
    """
    lines = [_row(name, Cell(value), width) for name, value in values]
    for block in (_scores(projection, width), _saved(projection, width)):
        if block and len(lines) + len(block) < height:
            lines += [[], *block] if lines else block
    room = height - len(lines) - 1
    said = _messages(signs[-SIGNS:], width, room)
    return lines + ([[], *said] if said and lines else said)


def _row(name: str, value: Cell, width: int) -> Line:
    return [
        Cell(fit(name, LABEL), "muted"),
        Cell(value.text.rjust(max(0, width - LABEL)), value.tone),
    ]


def _scores(projection: RunProjection, width: int) -> list[Line]:
    """Each suite's score so far: before → now, in the order of the plan's stages."""
    order = {name: place for place, name in enumerate(projection.stages)}
    found: dict[str, list[tuple[int, float]]] = {}
    for (stage, name), suite in projection.suites.items():
        if suite.score is not None:
            found.setdefault(name, []).append((order.get(stage, 0), suite.score))
    lines: list[Line] = []
    for name, scores in found.items():
        first, last = min(scores)[1], max(scores)[1]
        text = " → ".join(pair(first, last)) if len(scores) > 1 else number(first)
        room = max(4, width - cell_len(text) - 1)
        lines.append([Cell(fit(plain(name), room), "muted"), Cell(" " + text)])
    return lines


def _saved(projection: RunProjection, width: int) -> list[Line]:
    """The newest checkpoint: from there a run goes on."""
    if not projection.checkpoints:
        return []
    newest = projection.checkpoints[-1]
    return [_row("checkpoint", Cell(f"step {newest.step:,.0f}"), width)]


def _messages(messages: Sequence[Sign], width: int, room: int) -> list[Line]:
    """The newest messages that fit whole into ``room`` lines, the oldest of them first."""
    blocks: list[list[Line]] = []
    for message in reversed(messages):
        sign, tone = LEVELS.get(message.level, LEVELS["info"])
        wrapped = textwrap.wrap(plain(message.text or message.code, clip=600), max(8, width - 2))
        words = "muted" if message.level == "info" else tone
        block: list[Line] = [
            [Cell("  " if index else f"{sign} ", tone), Cell(text, words)]
            for index, text in enumerate(wrapped)
        ]
        if len(block) > room:
            break
        room -= len(block)
        blocks.append(block)
    return [line for block in reversed(blocks) for line in block]


def suites_line(projection: RunProjection, stage: str | None, width: int) -> str:
    """How the suites of a stage stand, as much of it as fits into ``width`` cells.

    While another stage runs it begins with what was scored, so that nobody takes the scores of the
    baseline for those of what is being trained.
    ``drone-router 0.942 [0.886 to 0.971], 113 of 120``: the 95 % interval is Wilson's, which holds
    for right and wrong only. A graded score is said to be a mean, and has none here.
    """
    suites = [
        suite
        for suite in projection.suites.values()
        if suite.stage == stage and suite.score is not None
    ]
    if not suites:
        return ""
    running = projection.running
    before = stage if stage and running is not None and running.name != stage else ""
    whose = f"{plain(before.removeprefix('eval-'), clip=24)} " if before else ""
    width -= cell_len(whose)
    return whose + _suites(suites, width)


def _suites(suites: Sequence[SuiteView], width: int) -> str:
    more = len(suites) - 1
    for first, rest in ((2, 2), (1, 1), (1, 0)):
        details = [first, *[rest] * more]
        line = "  ".join(map(_suite, suites, details))
        if cell_len(line) <= width:
            return line
    if more > 0:
        for line in (f"{_suite(suites[0], 1)} and {more} more", _suite(suites[0], 1)):
            if cell_len(line) <= width:
                return line
    return "  ".join(_suite(suite, 0) for suite in suites)


def _suite(suite: SuiteView, detail: int) -> str:
    name = plain(suite.name)
    if suite.graded:
        count = f", {suite.n} scored" if detail > 1 else ""
        return f"{name} mean {number(suite.score)}{count}"
    low, high = wilson(suite.correct, suite.n)
    interval = ""
    if detail > 1:
        interval = f" [{number(low)} to {number(high)}], {suite.correct} of {suite.n}"
    elif detail:
        interval = f" [{low:.2f}–{high:.2f}]"
    return f"{name} {number(suite.score)}{interval}"
