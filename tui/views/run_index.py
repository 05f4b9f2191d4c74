"""All runs of a workspace as rows, and which of them are listed: filtered, sorted, in groups.

Pure. What costs most is done once: rows are kept while their summaries are, and the order of all
runs while none changed, so a key of a filter costs one look at each run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from engine.catalogue.run_facts import settings_of
from engine.catalogue.run_filter import RunFilter
from engine.catalogue.summary import RunSummary
from tui.views import cells
from tui.views.cells import Cell
from tui.views.plain import middle, plain
from tui.views.run_columns import SETTING
from tui.views.run_order import Order, arrange
from tui.views.runs_view import RunRow, Verdicts, split_run_id

Judge = Callable[[RunSummary], Verdicts]

_WORDS = 500
"""How many values of one field are kept to complete a filter from."""


@dataclass(frozen=True, slots=True)
class GroupHead:
    """The line above the runs of one target."""

    target: str
    count: int
    best: float | None
    latest: datetime | None
    running: int
    undecided: int
    collapsed: bool

    def parts(self, now: datetime, width: int = 10**6) -> list[Cell]:
        """The line as cells: what is collapsed says so by its sign. A name that is too long for
        ``width`` loses its middle before anything else is cut."""
        line = [Cell(f"  {self.count:,} run" + ("" if self.count == 1 else "s"), "muted")]
        if self.best is not None:
            line.append(Cell(f" · best {cells.number(self.best)}", "muted"))
        if self.latest is not None:
            line.append(Cell(f" · latest {split_run_id('', self.latest, now)[0]}", "muted"))
        if self.running:
            line.append(Cell(f" · {self.running} running", "accent"))
        if self.undecided:
            line.append(Cell(f" · {self.undecided} to decide", "accent"))
        sign = Cell("▸ " if self.collapsed else "▾ ", "accent")
        room = max(12, width - 2 - sum(len(part.text) for part in line))
        name = middle(plain(self.target) or "no target recorded", room)
        return [sign, Cell(name, "strong"), *line]


Entry = RunRow | GroupHead
"""A line of the table."""


@dataclass(slots=True)
class RunList:
    """What the list shows now: the runs that match in order, and the lines they make."""

    rows: list[RunRow] = field(default_factory=list)
    lines: list[Entry] = field(default_factory=list)
    total: int = 0
    running: int = 0
    waiting: int = 0
    undecided: int = 0

    @property
    def summary(self) -> str:
        """The list in one line: how many there are of what."""
        parts = [f"{self.total:,} run" + ("" if self.total == 1 else "s")]
        if len(self.rows) != self.total:
            parts = [f"{len(self.rows):,} of {parts[0]}"]
        for count, word in (
            (self.running, "running"),
            (self.waiting, "waiting"),
            (self.undecided, "to decide"),
        ):
            if count:
                parts.append(f"{count} {word}")
        return " · ".join(parts)


class RunIndex:
    """The runs as they were at one look; another look makes another index."""

    def __init__(
        self,
        summaries: Iterable[RunSummary],
        now: datetime,
        judge: Judge,
        before: RunIndex | None = None,
    ) -> None:
        """Rows of ``before`` stay where their summaries are the same objects."""
        known = before.rows if before is not None else {}
        fresh: list[RunSummary] = []
        self.rows: dict[str, RunRow] = {}
        self.running = self.waiting = self.undecided = 0
        for summary in summaries:
            row = known.get(summary.run_id)
            if row is None or row.summary is not summary:
                row = RunRow(summary, now, judge(summary))
                fresh.append(summary)
                _ = row.facts.text  # made here, in a thread, and not at the first key of a filter
            self.rows[summary.run_id] = row
            self.running += summary.liveness == "running"
            self.waiting += summary.liveness == "waiting"
            self.undecided += summary.awaits_decision
        self._sorted: tuple[Order, list[RunRow]] | None = None
        # A run that trains changes each second, but not what a filter may be completed from.
        if before is not None and "words" in before.__dict__ and before.knows_words_of(fresh):
            self.__dict__["words"] = before.words

    def __len__(self) -> int:
        return len(self.rows)

    def sorted(self, order: Order) -> list[RunRow]:
        """All rows in that order."""
        if self._sorted is None or self._sorted[0] != order:
            self._sorted = (order, arrange(self.rows.values(), order))
        return self._sorted[1]

    def forget_order(self) -> None:
        """Sort anew at the next look: what rows are sorted by has changed."""
        self._sorted = None

    def listed(
        self,
        run_filter: RunFilter,
        order: Order,
        now: datetime,
        *,
        grouped: bool = False,
        collapsed: Collection[str] = (),
    ) -> RunList:
        """The runs that match, in order; grouped, with a head above each target's runs."""
        rows = self.sorted(order)
        if not run_filter.empty:
            rows = [row for row in rows if _matches(row, run_filter, now)]
        lines: list[Entry] = list(_grouped(rows, collapsed)) if grouped else list(rows)
        return RunList(rows, lines, len(self.rows), self.running, self.waiting, self.undecided)

    # --- what the rows know of each other -----------------------------------------

    def summary(self, run_id: str | None) -> RunSummary | None:
        """A run's summary, where it is in this workspace."""
        row = self.rows.get(run_id) if run_id else None
        return row.summary if row is not None else None

    def children(self, run_id: str) -> list[str]:
        """The runs that name this one as their parent."""
        return [row.run_id for row in self.rows.values() if row.summary.parent_run_id == run_id]

    def best(self, target: str, besides: str) -> RunSummary | None:
        """The run of a target with the best primary score, other than ``besides``."""
        found = [
            row.summary
            for row in self.rows.values()
            if row.summary.target == target and row.run_id != besides
        ]
        return best_of(found)

    def knows_words_of(self, summaries: Iterable[RunSummary]) -> bool:
        """Whether these runs have no word that is new here."""
        return all(value in self.words[name] for one in summaries for name, value in _values(one))

    @cached_property
    def words(self) -> dict[str, dict[str, int]]:
        """What occurs in the workspace, and in how many runs, by field of the filter: to complete
        a filter from, the commonest first. ``set.`` are the names of settings, in order.
        """
        counts: dict[str, dict[str, int]] = {
            name: {} for name in ("target", "model", "decision", "phase", "tag")
        }
        names: dict[str, None] = {}
        for row in self.rows.values():
            summary = row.summary
            for name, value in _values(summary):
                counts[name][value] = counts[name].get(value, 0) + 1
            for key in summary.hyperparameters:
                if key not in names and len(names) < _WORDS:
                    names |= dict.fromkeys(settings_of(summary))
        words = {
            name: dict(sorted(found.items(), key=_commonest)[:_WORDS])
            for name, found in counts.items()
        }
        words[SETTING] = dict.fromkeys(sorted(names), 0)
        return words


def _values(summary: RunSummary) -> Iterable[tuple[str, str]]:
    """The words of a run that a filter may be completed from, with their fields."""
    for name, value in (
        ("target", summary.target),
        ("model", summary.base_model),
        ("decision", summary.decision),
        ("phase", summary.phase),
    ):
        if value:
            yield name, value
    for tag in summary.tags:
        yield "tag", tag


def _commonest(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def best_of(summaries: Iterable[RunSummary]) -> RunSummary | None:
    """The run with the best primary score, by the direction that its config gives."""
    best: RunSummary | None = None
    for summary in summaries:
        if summary.primary_candidate is not None and (best is None or _better(summary, best)):
            best = summary
    return best


def _better(one: RunSummary, other: RunSummary) -> bool:
    assert one.primary_candidate is not None and other.primary_candidate is not None
    if one.direction == "lower":
        return one.primary_candidate < other.primary_candidate
    return one.primary_candidate > other.primary_candidate


def _matches(row: RunRow, run_filter: RunFilter, now: datetime) -> bool:
    row.facts.now = now
    return run_filter.matches(row.facts)


def _grouped(rows: list[RunRow], collapsed: Collection[str]) -> Iterable[Entry]:
    """Heads and rows; the groups in the order of their first runs."""
    groups: dict[str, list[RunRow]] = {}
    for row in rows:
        groups.setdefault(row.summary.target, []).append(row)
    for target, members in groups.items():
        summaries = [row.summary for row in members]
        best = best_of(summaries)
        times = [summary.created for summary in summaries if summary.created is not None]
        closed = target in collapsed
        yield GroupHead(
            target,
            len(members),
            best.primary_candidate if best else None,
            max(times, default=None),
            sum(summary.liveness == "running" for summary in summaries),
            sum(summary.awaits_decision for summary in summaries),
            closed,
        )
        if not closed:
            yield from members


def judged(rows: Mapping[str, RunRow], verdicts: Mapping[str, tuple[RunSummary, Verdicts]]) -> bool:
    """Give rows the judge's verdicts, where they still show the judged summary; whether any
    row says something else now."""
    differs = False
    for run_id, (summary, found) in verdicts.items():
        row = rows.get(run_id)
        if row is not None and row.summary is summary:
            differs |= row.verdicts != found
            row.judge(found)
    return differs
