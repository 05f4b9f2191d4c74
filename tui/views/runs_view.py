"""A run as a row of the list: what each of its cells says.

Pure: takes a summary and a moment, gives texts. Knows nothing of Textual.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from engine.catalogue.run_facts import facts, setting
from engine.catalogue.summary import RunSummary
from tui.views import cells
from tui.views.cells import NOTHING, Cell
from tui.views.plain import plain
from tui.views.run_columns import SETTING


@dataclass(frozen=True, slots=True)
class GateSaid:
    """A gate in words: what was measured, and what it had to be."""

    verdict: str
    title: str
    value: str
    bound: str
    interval: str = ""


@dataclass(slots=True)
class Verdicts:
    """The verdicts of a run's gates, as far as the list knows them.

    ``gates`` are all of them, once the judge has spoken; the list itself does not show them.
    """

    primary: str | None = None
    breadth: str | None = None
    gates: tuple[GateSaid, ...] = field(default=(), compare=False)

    @property
    def worst(self) -> str | None:
        """The one that a person must look at first."""
        found = (self.primary, self.breadth)
        return next((one for one in ("fail", "undecided", "pass") if one in found), None)


class RunRow:
    """One run of the list; its cells are made when they are first looked at."""

    __slots__ = ("_cells", "_now", "_verdicts", "facts", "run_id", "summary")

    def __init__(self, summary: RunSummary, now: datetime, verdicts: Verdicts) -> None:
        self.summary = summary
        self.facts = facts(summary, now, verdicts.worst)
        self.run_id = summary.run_id
        self._now = now
        self._verdicts = verdicts
        self._cells: dict[str, Cell] | None = None

    @property
    def verdicts(self) -> Verdicts:
        return self._verdicts

    def judge(self, verdicts: Verdicts) -> None:
        """Show other verdicts: the judge's in place of the quick guess."""
        self._verdicts = verdicts
        self.facts = facts(self.summary, self._now, verdicts.worst)
        self._cells = None

    @property
    def in_progress(self) -> bool:
        """Whether the row shows what the run does instead of scores."""
        return self.summary.liveness in ("running", "waiting")

    @property
    def sign(self) -> Cell:
        """The state of the run as one character."""
        summary = self.summary
        if summary.liveness == "running":
            return Cell("▶", "accent")
        if summary.liveness == "waiting":
            return Cell("◌", "muted")
        if summary.liveness == "dead":
            return Cell("!", "warn")
        if summary.phase == "failed":
            return Cell("✘", "bad")
        if summary.awaits_decision:
            return Cell("◆", "accent")
        return Cell("⚠", "warn") if summary.unreadable else Cell(" ")

    def cell(self, column: str) -> Cell:
        """What the cell of a column says, by the column's key."""
        if self._cells is None:
            self._cells = {}
        found = self._cells.get(column)
        if found is None:
            found = self._cells[column] = self._make(column)
        return found

    def _make(self, column: str) -> Cell:
        summary = self.summary
        match column:
            case "date" | "run":
                day, name = split_run_id(summary.run_id, summary.created, self._now)
                tone: cells.Tone = "strong" if summary.awaits_decision else "plain"
                return Cell(day, "muted") if column == "date" else Cell(name, tone)
            case "model":
                return Cell(model_name(summary.base_model), "muted")
            case "primary":
                return _primary(summary)
            case "delta":
                return _delta(summary, self.verdicts.primary)
            case "breadth":
                return _breadth(summary, self.verdicts.breadth)
            case "tok_s":
                return _number(cells.rate(summary.train_tok_s or summary.eval_tok_s))
            case "peak":
                return _number(cells.size(summary.peak_bytes))
            case "decision":
                return _decision(summary)
            case "seed":
                return _number(cells.ABSENT if summary.seed is None else str(summary.seed))
            case "n":
                return _number(cells.ABSENT if summary.n is None else f"{summary.n:,}")
            case "duration":
                return _number(cells.clock(summary.duration_s))
            case "tags":
                return Cell(plain(" ".join(summary.tags)), "accent") if summary.tags else NOTHING
            case "target" | "phase" | "parent":
                known = summary.parent_run_id if column == "parent" else getattr(summary, column)
                return Cell(plain(known), "muted") if known else NOTHING
        return _setting(setting(summary, column.removeprefix(SETTING)))

    def activity(self, width: int) -> list[Cell]:
        """What a run in progress does, in at most ``width`` cells: the last parts go first."""
        summary = self.summary
        if summary.liveness == "waiting":
            return [Cell(plain(f"waits for {summary.waiting_for or 'its turn'}"), "muted")]
        stage = plain(summary.stage or summary.phase or "starting")
        parts = [Cell(stage, "accent")]
        share = progress_share(summary)
        if share is not None:
            percent = f"{100 * share:.0f}%"
            # Room for the time left and the loss comes before a long bar.
            later = 10 * (summary.eta_s is not None) + 11 * (summary.loss is not None)
            room = max(3, min(10, width - len(stage) - len(percent) - 2 - later))
            if width >= 20:
                parts.append(Cell(cells.bar(share, room), "accent"))
            parts.append(Cell(percent))
        if summary.eta_s is not None:
            parts.append(Cell(f"ETA {cells.clock(summary.eta_s)}", "muted"))
        if summary.loss is not None:
            parts.append(Cell(f"loss {cells.number(summary.loss)}"))
        while len(parts) > 1 and sum(len(part.text) + 1 for part in parts) - 1 > width:
            parts.pop()
        return parts


def progress_share(summary: RunSummary) -> float | None:
    """How much of the stage is done, 0 to 1; None where it is not known."""
    if summary.done is None or not summary.total:
        return None
    return min(1.0, max(0.0, summary.done / summary.total))


def split_run_id(run_id: str, created: datetime | None, now: datetime) -> tuple[str, str]:
    """The day and the name of a run. A day of another year shows the year and the month."""
    head, name = run_id[:10], run_id[11:]
    try:
        day = datetime.fromisoformat(head).date() if run_id[10:11] == "-" and name else None
    except ValueError:
        day = None
    if day is None:
        name, day = run_id, created.date() if created else None
    if day is None:
        return cells.ABSENT, plain(name)
    return f"{day:%m-%d}" if day.year == now.year else f"’{day:%y-%m}", plain(name)


def model_name(base_model: str | None) -> str:
    """The last part of a model's id or path."""
    if base_model is None:
        return cells.ABSENT
    return plain(base_model.rstrip("/").rsplit("/", 1)[-1] or base_model)


def _primary(summary: RunSummary) -> Cell:
    before, after = summary.primary_baseline, summary.primary_candidate
    if before is None and after is None:
        return Cell(f"{cells.ABSENT:>5}", "muted")
    left, right = cells.pair(before, after)
    left, right = left + summary.mark("primary_baseline"), right + summary.mark("primary_candidate")
    return Cell(f"{left:>5} → {right:<5}")


def _number(text: str) -> Cell:
    return Cell(text, "muted" if text == cells.ABSENT else "plain")


def _setting(value: float | str | None) -> Cell:
    """A setting as it was given: 0.0001 stays 1e-4, which is how it is typed."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, str):
        return Cell(plain(value, clip=80))
    if isinstance(value, int):
        return Cell(str(value) if abs(value) < 10**6 else f"{value:.3g}")
    return Cell(cells.minus(f"{value:.4g}"))


def _gated(text: str, verdict: str | None) -> Cell:
    sign, tone = cells.mark(verdict)
    if text == cells.ABSENT and verdict is None:
        return Cell(f"{text}  ", "muted")
    return Cell(f"{text} {sign or ' '}", tone if verdict is not None else "plain")


def _delta(summary: RunSummary, verdict: str | None) -> Cell:
    share = cells.is_share(summary.primary_baseline, summary.primary_candidate)
    text = cells.difference(summary.primary_delta, share=share)
    return _gated(text + _mixed(summary, "primary"), verdict)


def _breadth(summary: RunSummary, verdict: str | None) -> Cell:
    share = cells.is_share(summary.breadth_baseline, summary.breadth_candidate)
    delta = summary.breadth_delta_pp
    text = cells.difference(None if delta is None else delta / 100, share=share)
    return _gated(text + _mixed(summary, "breadth"), verdict)


def _mixed(summary: RunSummary, suite: str) -> str:
    """The sign behind a difference of which one side was not measured for this run."""
    return summary.mark(f"{suite}_baseline") or summary.mark(f"{suite}_candidate")


_DECISION_TONES: dict[str, cells.Tone] = {"ship": "good", "reject": "bad", "park": "muted"}


def _decision(summary: RunSummary) -> Cell:
    if summary.decision is not None:
        tone = _DECISION_TONES.get(summary.decision, "warn")
        return Cell(plain(summary.decided_as or ""), tone)
    if summary.liveness == "dead":
        return Cell("interrupted", "warn")
    if summary.phase == "failed":
        return Cell("failed", "bad")
    if summary.phase == "cancelled":
        return Cell("cancelled", "muted")
    return Cell("◆ decide", "accent") if summary.awaits_decision else NOTHING
