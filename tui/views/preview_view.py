"""What the list of runs says about the run at the cursor: its curve, gates, what is next."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from engine.catalogue.run_facts import settings_of
from engine.catalogue.summary import RunSummary
from engine.numbers import HISTORICAL
from engine.plain_file import read_plain
from tui.views import cells
from tui.views.cells import Cell
from tui.views.hanging import hang
from tui.views.plain import fit, middle, plain
from tui.views.preview_course import Course, course_chart, read_course
from tui.views.run_changes import MANY, MOST, parent_line
from tui.views.run_index import GroupHead, best_of
from tui.views.runs_view import RunRow, Verdicts, model_name

INDENT = 7
"""Cells of a label, and so of what stands below its line."""

TALL = 20
"""Lines of a pane from more of which on nothing is cut, and the curve is a chart."""

STRIP = (96, 13)
"""Cells and lines of a pane from which on the chart stands beside the words."""

CHART_LINES = (8, 22)
"""Lines of the chart above the words, at least and at most."""

Line = list[Cell]


@dataclass(slots=True)
class Preview:
    """What is read from a run's folder for its preview; all of it may be missing."""

    run_id: str
    course: Course = field(default_factory=Course)
    blocked_by: list[str] = field(default_factory=list)
    next_action: str | None = None
    reason: str | None = None
    has_report: bool = False


def load_preview(summary: RunSummary) -> Preview:
    """Read a run's curve and decision; what cannot be read is left out (`validate` says why)."""
    preview = Preview(summary.run_id, course=read_course(summary.path / "events.jsonl"))
    decision = _json_object(summary.path / "decision.json")
    blocked = decision.get("blocked_by")
    if isinstance(blocked, list):
        preview.blocked_by = [plain(item, clip=300) for item in blocked if str(item).strip()]
    for name in ("next_action", "reason"):
        value = decision.get(name)
        if isinstance(value, str) and value.strip():
            setattr(preview, name, plain(value.strip(), clip=500))
    preview.has_report = (summary.path / "report.md").is_file()
    return preview


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_plain(path, 2**20))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def preview_page(
    summary: RunSummary,
    verdicts: Verdicts,
    preview: Preview | None,
    size: tuple[int, int],
    parent: RunSummary | None = None,
) -> list[Line]:
    """The preview for a pane of so many cells and lines, with the loss as a chart where it fits:
    above the words in a high pane, beside them in a low and wide one."""
    width, height = size
    if width >= STRIP[0] and height >= STRIP[1]:
        right = width * 43 // 100
        left = width - right - 2
        words = preview_lines(summary, verdicts, preview, left, parent, tall=True, listed=False)
        chart = _chart(preview, right, height)
        words += [[] for _ in range(len(chart) - len(words))]
        return [
            [*line, Cell(" " * (width - right - sum(cell_len(one.text) for one in line))), *drawn]
            for line, drawn in zip(words, chart, strict=False)
        ]
    if height <= TALL:
        return preview_lines(summary, verdicts, preview, width, parent)
    words = preview_lines(summary, verdicts, preview, width, parent, tall=True)
    least, most = CHART_LINES
    chart = _chart(preview, width, max(least, min(most, height - len(words) - 2)))
    return [*words[:2], [], *chart, [], *words[2:]]


def _chart(preview: Preview | None, width: int, height: int) -> list[Line]:
    """The loss as a chart, under what it came to."""
    course = preview.course if preview else Course()
    losses = [loss for loss in course.losses if math.isfinite(loss)]
    if not losses:
        words = "reading …" if preview is None else "not recorded"
        # While it is read its place is kept, so that nothing jumps as one scrolls.
        kept: list[Line] = [[] for _ in range(height - 1 if preview is None else 0)]
        return [[Cell("loss   ", "muted"), Cell(words, "muted")], *kept]
    ends = f"{cells.number(losses[0])} → {cells.number(losses[-1])}"
    head = [Cell("loss   ", "muted"), Cell(ends)]
    if course.valid:
        head += [Cell("   "), Cell("●", "warn"), Cell(" validation ", "muted")]
        head.append(Cell(cells.number(course.valid[-1])))
    return [head, *course_chart(course, width, height - 1)]


def preview_lines(
    summary: RunSummary,
    verdicts: Verdicts,
    preview: Preview | None,
    width: int,
    parent: RunSummary | None = None,
    tall: bool = False,
    listed: bool = True,
) -> list[Line]:
    """The preview as lines of ``width`` cells, the most important first.

    ``parent`` is the run that this one follows, where it is in the workspace. Where there is room
    for many lines (``tall``) none is cut, every gate has its own, every setting too
    (``listed``), and the curve is left to a chart.
    """
    narrow = tall or width < 70
    if tall:
        name = middle(plain(summary.run_id), width)
        lines = [[Cell(name, "strong")], _title(summary, width, named=False)]
        lines += _gate_lines(verdicts, width)
    else:
        curve, gates = _curve(preview, min(24, max(8, width // 4))), _gates(verdicts)
        lines = [_title(summary, width)]
        lines += [curve, gates] if narrow else [[*curve, *gates]]
    if summary.last_error:
        lines.append([Cell("✘ ", "bad"), Cell(plain(summary.last_error), "bad")])
    if summary.unreadable:
        names = ", ".join(plain(name) for name in summary.unreadable)
        lines.append([Cell("⚠ ", "warn"), Cell(f"cannot be read: {names}  (v says why)", "warn")])
    step, blockers = _next(summary), _blockers(preview)
    lines += [step, blockers] if narrow and not tall else [[*step, Cell("   "), *blockers]]
    # Where lines are broken, the name of the parent has a whole one.
    most, room = (MANY, 2 * width) if tall else (MOST, width)
    follows = parent_line(summary, parent, most, room)
    if follows:
        lines.append(follows)
    if preview is not None and preview.reason:
        lines.append([Cell("reason ", "muted"), Cell(preview.reason)])
    if preview is not None and preview.next_action:
        lines.append([Cell("then   ", "muted"), Cell(preview.next_action)])
    lines.append(_origin(summary))
    if summary.historical:
        names = ", ".join(name.replace("_", " ") for name in summary.historical.split())
        taken = f"taken from an earlier measurement: {names}"
        lines.append([Cell(f"{HISTORICAL}      ", "warn"), Cell(taken, "muted")])
    if tall and listed:
        lines += _every_setting(summary)
    elif settings := _settings(summary):
        lines.append([Cell("set    ", "muted"), Cell(settings, "muted")])
    return [part for line in lines for part in hang(line, width, INDENT)] if tall else lines


def _every_setting(summary: RunSummary) -> list[Line]:
    """A line a setting, names and values below each other."""
    settings = {plain(name, clip=30): value for name, value in settings_of(summary).items()}
    wide = max(map(cell_len, settings), default=0)
    lines = []
    for number, (name, value) in enumerate(settings.items()):
        label = "set" if number == 0 else ""
        shown = Cell(plain(value, clip=60))
        lines.append(
            [Cell(f"{label:<{INDENT}}", "muted"), Cell(fit(name, wide + 2), "muted"), shown]
        )
    return lines


def _title(summary: RunSummary, width: int, named: bool = True) -> Line:
    state = plain(summary.decided_as or summary.phase or "no status recorded")
    if not named:
        tags = fit_words(summary.tags, width - cell_len(state) - 2)
        return [Cell(state, "muted"), Cell("  " + tags, "accent")]
    tags = fit_words(summary.tags, width // 3)
    room = width - cell_len(state) - cell_len(tags) - 5
    name = middle(plain(summary.run_id), max(10, room))
    line = [Cell(name, "strong"), Cell("  " + state, "muted")]
    return [*line, Cell("  " + tags, "accent")] if tags else line


def fit_words(words: Sequence[str], width: int) -> str:
    """As many whole words as there is room for, and how many more there are."""
    shown = ""
    for number, word in enumerate(words):
        longer = f"{shown} {plain(word)}".strip()
        if cell_len(longer) > width:
            return f"{shown} +{len(words) - number}".strip()
        shown = longer
    return shown


def _curve(preview: Preview | None, width: int) -> Line:
    losses = preview.course.losses if preview else []
    if not losses:
        return [Cell("loss   ", "muted"), Cell("not recorded   ", "muted")]
    curve = cells.sparkline(losses, width)
    ends = f" {cells.number(losses[0])} → {cells.number(losses[-1])}   "
    return [Cell("loss   ", "muted"), Cell(curve, "accent"), Cell(ends)]


def _gates(verdicts: Verdicts) -> Line:
    named = (("primary", verdicts.primary), ("breadth", verdicts.breadth))
    found = [verdict for _, verdict in named if verdict]
    if not found:
        return [Cell("gates  ", "muted"), Cell("not judged yet", "muted")]
    line = [Cell("gates", "muted")]
    for name, verdict in named:
        if verdict:
            sign, tone = cells.mark(verdict)
            line += [Cell(f"  {name} "), Cell(sign, tone)]
    return line


def _gate_lines(verdicts: Verdicts, width: int) -> list[Line]:
    """A line a gate, with its value, its bound and, where it fits, the interval."""
    lines: list[Line] = []
    for number, gate in enumerate(verdicts.gates):
        sign, tone = cells.mark(gate.verdict)
        line = [Cell("gates  " if number == 0 else " " * INDENT, "muted"), Cell(sign + " ", tone)]
        line += [Cell(fit(gate.title, 20)), Cell(fit(gate.value, 9, align="right"), "strong")]
        line.append(Cell("  " + fit(gate.bound, 8), "muted"))
        if gate.interval and width >= 50 + len(gate.interval):
            line.append(Cell(f"  {gate.interval}", "muted"))
        lines.append(line)
    return lines or [_gates(verdicts)]


def _next(summary: RunSummary) -> Line:
    return [Cell("next   ", "muted"), Cell(next_step(summary))]


def _blockers(preview: Preview | None) -> Line:
    blockers = preview.blocked_by if preview else []
    text = Cell("; ".join(blockers), "warn") if blockers else Cell("none", "muted")
    return [Cell("blockers ", "muted"), text]


def next_step(summary: RunSummary) -> str:
    """What a person would do with the run now."""
    if summary.liveness == "running":
        return "watch it (⏎) or cancel it (C)"
    if summary.liveness == "waiting":
        return "it starts by itself; C takes it out of the queue"
    if summary.liveness == "dead":
        return "its supervisor is gone: R resumes it from the last checkpoint"
    if summary.decision is not None:
        return "decided; r opens the report"
    if summary.phase in ("failed", "cancelled"):
        return "⏎ shows why; R resumes where it can"
    if summary.awaits_decision:
        return "decide (d)"
    if summary.primary_candidate is None and summary.phase in (None, "created"):
        return "it has not run: R starts it"
    return "evaluate it; no candidate score was recorded"


def _origin(summary: RunSummary) -> Line:
    line = [Cell("from   ", "muted"), Cell(model_name(summary.base_model))]
    if summary.seed is not None:
        line.append(Cell(f"  seed {summary.seed}"))
    if summary.n is not None:
        line.append(Cell(f"  {summary.n:,} gold rows"))
    if summary.duration_s is not None:
        line.append(Cell(f"  took {cells.clock(summary.duration_s)}", "muted"))
    return line


def group_lines(head: GroupHead, rows: Sequence[RunRow]) -> list[Line]:
    """What the list says of a group: its best run, what was decided, what waits."""
    members = [row.summary for row in rows if row.summary.target == head.target]
    best = best_of(members)
    counted = Counter(one.decision or "no decision" for one in members)
    decided = " · ".join(f"{plain(word)} {count:,}" for word, count in counted.most_common())
    lines = [[Cell(plain(head.target) or "no target recorded", "strong")]]
    if best is None:
        lines.append([Cell("best   ", "muted"), Cell("no score was recorded", "muted")])
    else:
        score = cells.number(best.primary_candidate)
        lines.append([Cell("best   ", "muted"), Cell(f"{score}  {plain(best.run_id)}")])
    lines.append([Cell("runs   ", "muted"), Cell(decided)])
    hint = "opens the group" if head.collapsed else "closes the group"
    return [*lines, [Cell("⏎      ", "accent"), Cell(hint, "muted")]]


def _settings(summary: RunSummary) -> str:
    """The settings that people look at first."""
    wanted = ("iters", "batch_size", "learning_rate", "rows", "replay_share", "schedule")
    found = [
        f"{name} {plain(summary.hyperparameters[name], clip=40)}"
        for name in wanted
        if summary.hyperparameters.get(name) is not None
    ]
    lora = summary.hyperparameters.get("lora")
    if isinstance(lora, dict) and lora.get("rank") is not None:
        found.append(f"rank {plain(lora['rank'], clip=20)}")
    return " · ".join(found)
