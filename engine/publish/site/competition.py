"""A system beside ours, and in words what may be said of the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.judge.noise import ALPHA
from engine.judge.published import Published, difference
from engine.publish.site.cells import CellView, cell_view
from engine.publish.site.links import SourceView
from engine.publish.site.records_used import RecordsUsed
from engine.records.public import Cell, Comparable, Competitor, Setup

MEANING = {
    Comparable.DIRECT: "The same frozen rows, prompt, metric and scorer. Only here may one be "
    "said to be better than the other.",
    Comparable.DIRECTIONAL: "Another evaluation of the same kind of task. It shows the size of "
    "the field, not who is ahead.",
    Comparable.NOT_COMPARABLE: "Another task or metric. It explains what is aimed at; no win and "
    "no loss follow from it.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Ours minus theirs. ``clear``: whether it is outside of the noise, None where that is not
    known. ``sentence`` says it, with the interval and how that was found."""

    points: str
    clear: bool | None
    sentence: str


@dataclass(frozen=True, slots=True)
class CompetitorView:
    system: str
    metric: str
    theirs: CellView
    ours: CellView | None
    difference: Difference | None
    setup: str
    readout: str
    source: SourceView | None


@dataclass(frozen=True, slots=True)
class CompetitionGroup:
    label: str
    meaning: str
    rows: tuple[CompetitorView, ...]


def competition(
    rows: Sequence[Competitor], used: RecordsUsed, sources: dict[str, SourceView]
) -> list[CompetitionGroup]:
    """The rows by how far they may be compared, Direct first; groups without rows are left out."""
    groups = []
    for label, meaning in MEANING.items():
        found = tuple(_view(one, used, sources) for one in rows if one.comparable is label)
        if found:
            groups.append(CompetitionGroup(label.value, meaning, found))
    return groups


def _view(row: Competitor, used: RecordsUsed, sources: dict[str, SourceView]) -> CompetitorView:
    return CompetitorView(
        row.system,
        row.metric,
        cell_view(row.score, used),
        cell_view(row.ours, used) if row.ours else None,
        _difference(row, used) if row.comparable is Comparable.DIRECT else None,
        _setup(row.setup),
        row.readout or "",
        sources.get(row.source) if row.source else None,
    )


def _difference(row: Competitor, used: RecordsUsed) -> Difference | None:
    """What a Direct row says: None where one of the two numbers is not there."""
    if row.ours is None or row.ours.unit != row.score.unit:
        return None
    ours = _number(row.ours, row.ours_setup, used)
    theirs = _number(row.score, row.setup, used)
    if ours is None or theirs is None:
        return None
    unit = row.score.unit
    found = difference(ours, theirs)
    points = _points(ours.value - theirs.value, unit)
    if row.p is not None:
        clear = row.p < ALPHA
        return Difference(points, clear, f"{_noise(clear)}: a paired test gives p = {row.p:.3g}.")
    if found.interval is None:
        return Difference(points, None, "How sure that is, is not recorded.")
    low, high = found.interval
    clear = found.excludes(0.0)
    return Difference(
        points,
        clear,
        f"{_noise(clear)} of {found.n} rows: the true difference lies between "
        f"{_points(low, unit)} and {_points(high, unit)} (95 %, rows not paired).",
    )


def _noise(clear: bool) -> str:
    return "Outside of the noise" if clear else "Within the noise"


def _number(cell: Cell, setup: Setup | None, used: RecordsUsed) -> Published | None:
    """A score with how many rows it is of; None where it is no number."""
    seen, _ = used.see(cell)
    value = seen.recorded if cell.value is None else cell.value
    if value is None or isinstance(value, str):
        return None
    return Published(value, cell.unit, cell.n or seen.n or (setup.rows if setup else None))


def _points(value: float, unit: str | None) -> str:
    """Signed, with its unit: differences of shares and of per cent are in percentage points."""
    number = f"{100 * value:+.1f}" if unit == "share" else f"{value:+.4g}"
    word = (
        "pp" if unit in ("share", "percent", "pp") else unit if unit not in (None, "count") else ""
    )
    return f"{number} {word}".rstrip().replace("-", "−")


def _setup(setup: Setup | None) -> str:
    if setup is None:
        return ""
    rows = f"{setup.rows:,} rows" if setup.rows else ""
    return ", ".join(one for one in (setup.suite, rows, setup.scorer) if one)
