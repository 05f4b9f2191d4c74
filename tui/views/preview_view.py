"""What the list of runs says about the run at the cursor: its curve, gates, what is next."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.summary import RunSummary
from tui.views import cells
from tui.views.cells import Cell
from tui.views.plain import middle, plain
from tui.views.runs_view import Verdicts, model_name

MAX_EVENT_BYTES = 8 * 2**20
"""How much of an event stream the curve is made from, counted from its beginning."""

Line = list[Cell]


@dataclass(slots=True)
class Preview:
    """What is read from a run's folder for its preview; all of it may be missing."""

    run_id: str
    losses: list[float] = field(default_factory=list)
    blocked_by: list[str] = field(default_factory=list)
    next_action: str | None = None
    reason: str | None = None
    has_report: bool = False


def load_preview(summary: RunSummary) -> Preview:
    """Read a run's curve and decision; what cannot be read is left out (`validate` says why)."""
    preview = Preview(summary.run_id, losses=_losses(summary.path / "events.jsonl"))
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
        with path.open("rb") as file:
            value = json.loads(file.read(2**20))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _losses(path: Path) -> list[float]:
    """The loss of the train stage, else of the last stage that had one, in order."""
    by_stage: dict[str, list[float]] = {}
    try:
        with path.open("rb") as file:
            data = file.read(MAX_EVENT_BYTES)
    except OSError:
        return []
    for line in data.split(b"\n"):
        if b'"loss"' not in line:
            continue
        try:
            event = json.loads(line)
            value = event["values"]["loss"]
            losses = by_stage.setdefault(str(event.get("stage")), [])
            losses.append(math.nan if value is None else float(value))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return by_stage.get("train") or next(reversed(by_stage.values()), [])


def preview_lines(
    summary: RunSummary, verdicts: Verdicts, preview: Preview | None, width: int
) -> list[Line]:
    """The preview as lines of at most ``width`` cells, the most important first."""
    curve, gates = _curve(preview, width), _gates(verdicts)
    narrow = width < 70
    lines = [_title(summary, width), *([curve, gates] if narrow else [[*curve, *gates]])]
    if summary.last_error:
        lines.append([Cell("✘ ", "bad"), Cell(plain(summary.last_error), "bad")])
    if summary.unreadable:
        names = ", ".join(plain(name) for name in summary.unreadable)
        lines.append([Cell("⚠ ", "warn"), Cell(f"cannot be read: {names}  (v says why)", "warn")])
    step, blockers = _next(summary), _blockers(preview)
    lines += [step, blockers] if narrow else [[*step, Cell("   "), *blockers]]
    if preview is not None and preview.reason:
        lines.append([Cell("reason ", "muted"), Cell(preview.reason)])
    if preview is not None and preview.next_action:
        lines.append([Cell("then   ", "muted"), Cell(preview.next_action)])
    lines.append(_origin(summary))
    settings = _settings(summary)
    if settings:
        lines.append([Cell("set    ", "muted"), Cell(settings, "muted")])
    return lines


def _title(summary: RunSummary, width: int) -> Line:
    state = plain(summary.decision or summary.phase or "no status recorded")
    name = middle(plain(summary.run_id), max(10, width - len(state) - 3))
    return [Cell(name, "strong"), Cell("  " + state, "muted")]


def _curve(preview: Preview | None, width: int) -> Line:
    losses = preview.losses if preview else []
    if not losses:
        return [Cell("loss   ", "muted"), Cell("not recorded   ", "muted")]
    curve = cells.sparkline(losses, min(24, max(8, width // 4)))
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
    if summary.parent_run_id:
        line += [Cell("  after ", "muted"), Cell(plain(summary.parent_run_id))]
    return line


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
