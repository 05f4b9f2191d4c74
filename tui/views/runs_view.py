"""The list of runs as rows of a table: what each cell says, in which order, and which are listed.

Pure: takes summaries and a moment, gives texts. Knows nothing of Textual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from engine.run_facts import facts
from engine.run_filter import RunFilter
from engine.summary import RunSummary
from tui.views import cells
from tui.views.cells import NOTHING, Cell
from tui.views.plain import plain


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. ``width`` 0 takes what is left; ``from_width`` is the narrowest table
    that shows it; ``sort`` is the order that a click on its title asks for."""

    key: str
    title: str
    width: int
    align: str = "left"
    from_width: int = 0
    sort: str | None = None


COLUMNS = (
    Column("date", "day", 6, from_width=64, sort="newest"),
    Column("run", "run", 0, sort="run"),
    Column("model", "model", 20, from_width=150, sort="model"),
    Column("primary", "primary", 13, sort="primary"),
    Column("delta", "Δ", 8, align="right", sort="delta"),
    Column("breadth", "breadth", 8, align="right", from_width=70, sort="breadth"),
    Column("tok_s", "tok/s", 7, align="right", from_width=96, sort="tok/s"),
    Column("peak", "peak", 6, align="right", from_width=96, sort="peak"),
    Column("decision", "decision", 11, sort="decision"),
)
ACTIVITY = ("primary", "delta", "breadth")
"""The columns that a run in progress fills with what it does."""

GAP = 2
MARGIN = 4
"""Cells before the first column: the mark of a chosen run and the sign of its state."""


def columns_for(width: int) -> list[tuple[Column, int]]:
    """The columns that fit a table of this width, each with its width in cells."""
    shown = [column for column in COLUMNS if width >= column.from_width]
    fixed = sum(column.width for column in shown) + GAP * (len(shown) - 1) + MARGIN
    rest = max(12, width - fixed)
    # A decision with its routing, and no more of the name than can be read.
    extra = {"decision": 3} if rest > 30 else {}
    rest -= sum(extra.values())
    return [(column, column.width + extra.get(column.key, 0) or rest) for column in shown]


@dataclass(slots=True)
class Verdicts:
    """The verdicts of a run's gates, as far as the list knows them."""

    primary: str | None = None
    breadth: str | None = None


class RunRow:
    """One run of the list; its cells are made when they are first looked at."""

    def __init__(self, summary: RunSummary, now: datetime, verdicts: Verdicts) -> None:
        self.summary = summary
        self._now = now
        self.verdicts = verdicts

    @property
    def run_id(self) -> str:
        return self.summary.run_id

    @property
    def in_progress(self) -> bool:
        """Whether the row shows what the run does instead of scores."""
        return self.summary.liveness in ("running", "waiting")

    @cached_property
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

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Column key to what it says."""
        summary = self.summary
        day, name = split_run_id(summary.run_id, summary.created, self._now)
        return {
            "date": Cell(day, "muted"),
            "run": Cell(name, "strong" if summary.awaits_decision else "plain"),
            "model": Cell(model_name(summary.base_model), "muted"),
            "primary": _primary(summary),
            "delta": _delta(summary, self.verdicts.primary),
            "breadth": _breadth(summary, self.verdicts.breadth),
            "tok_s": _number(cells.rate(summary.train_tok_s or summary.eval_tok_s)),
            "peak": _number(cells.size(summary.peak_bytes)),
            "decision": _decision(summary),
        }

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
    return Cell(f"{left:>5} → {right:<5}")


def _number(text: str) -> Cell:
    return Cell(text, "muted" if text == cells.ABSENT else "plain")


def _gated(text: str, verdict: str | None) -> Cell:
    sign, tone = cells.mark(verdict)
    if text == cells.ABSENT and verdict is None:
        return Cell(f"{text}  ", "muted")
    return Cell(f"{text} {sign or ' '}", tone if verdict is not None else "plain")


def _delta(summary: RunSummary, verdict: str | None) -> Cell:
    share = cells.is_share(summary.primary_baseline, summary.primary_candidate)
    return _gated(cells.difference(summary.primary_delta, share=share), verdict)


def _breadth(summary: RunSummary, verdict: str | None) -> Cell:
    share = cells.is_share(summary.breadth_baseline, summary.breadth_candidate)
    delta = summary.breadth_delta_pp
    return _gated(cells.difference(None if delta is None else delta / 100, share=share), verdict)


_DECISION_TONES: dict[str, cells.Tone] = {"ship": "good", "reject": "bad", "park": "muted"}


def _decision(summary: RunSummary) -> Cell:
    if summary.decision is not None:
        routed = " routed" if summary.decision == "ship" and summary.routed else ""
        tone = _DECISION_TONES.get(summary.decision, "warn")
        return Cell(plain(summary.decision) + routed, tone)
    if summary.liveness == "dead":
        return Cell("interrupted", "warn")
    if summary.phase == "failed":
        return Cell("failed", "bad")
    if summary.phase == "cancelled":
        return Cell("cancelled", "muted")
    return Cell("◆ decide", "accent") if summary.awaits_decision else NOTHING


# --- which runs are listed, and in which order ------------------------------------


def _worst(verdicts: Verdicts) -> str | None:
    """The verdict that a person must look at first."""
    found = [verdict for verdict in (verdicts.primary, verdicts.breadth) if verdict]
    for verdict in ("fail", "undecided", "pass"):
        if verdict in found:
            return verdict
    return None


_Key = Callable[[RunRow], Any]

SORTS: dict[str, tuple[_Key, bool]] = {
    "newest": (lambda row: row.summary.created, True),
    "run": (lambda row: row.run_id, False),
    "target": (lambda row: row.summary.target or None, False),
    "model": (lambda row: row.summary.base_model, False),
    "primary": (lambda row: row.summary.primary_candidate, True),
    "delta": (lambda row: row.summary.primary_delta, True),
    "breadth": (lambda row: row.summary.breadth_delta_pp, True),
    "tok/s": (lambda row: row.summary.train_tok_s or row.summary.eval_tok_s, True),
    "peak": (lambda row: row.summary.peak_bytes, True),
    "decision": (
        lambda row: row.summary.decision or ("◆" if row.summary.awaits_decision else None),
        False,
    ),
}
"""The orders: name to its key and whether the highest comes first."""


@dataclass(frozen=True, slots=True)
class Order:
    """How the list is sorted."""

    name: str = "newest"
    reverse: bool = False

    def next(self) -> Order:
        """The following order, not reversed."""
        names = list(SORTS)
        return Order(names[(names.index(self.name) + 1) % len(names)])

    @property
    def descending(self) -> bool:
        """Whether the highest value stands first."""
        return SORTS[self.name][1] is not self.reverse

    @property
    def label(self) -> str:
        return f"{self.name} {'▾' if self.descending else '▴'}"


def arrange(rows: Iterable[RunRow], order: Order) -> list[RunRow]:
    """The rows in that order; what was not recorded stands last in either direction."""
    key = SORTS[order.name][0]
    known: list[RunRow] = []
    missing: list[RunRow] = []
    for row in rows:
        (missing if key(row) is None else known).append(row)
    return sorted(known, key=key, reverse=order.descending) + missing


@dataclass(slots=True)
class RunList:
    """What the list shows now, made anew whenever runs, filter or order change."""

    rows: list[RunRow] = field(default_factory=list)
    total: int = 0
    running: int = 0
    waiting: int = 0
    undecided: int = 0

    @property
    def summary(self) -> str:
        """The list in one line: how many there are of what."""
        parts = [f"{self.total:,} run" + ("" if self.total == 1 else "s")]
        if len(self.rows) != self.total:
            parts.insert(0, f"{len(self.rows):,} of")
            parts = [" ".join(parts)]
        for count, word in (
            (self.running, "running"),
            (self.waiting, "waiting"),
            (self.undecided, "to decide"),
        ):
            if count:
                parts.append(f"{count} {word}")
        return " · ".join(parts)


def list_runs(
    summaries: Iterable[RunSummary],
    run_filter: RunFilter,
    order: Order,
    now: datetime,
    judge: Callable[[RunSummary], Verdicts],
) -> RunList:
    """The runs that match, in order, with the counts of all of them. Takes as long as sorting."""
    result = RunList()
    rows = []
    for summary in summaries:
        result.total += 1
        result.running += summary.liveness == "running"
        result.waiting += summary.liveness == "waiting"
        result.undecided += summary.awaits_decision
        verdicts = judge(summary)
        if run_filter.empty or run_filter.matches(facts(summary, now, _worst(verdicts))):
            rows.append(RunRow(summary, now, verdicts))
    result.rows = arrange(rows, order)
    return result
