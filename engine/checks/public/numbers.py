"""The numbers: each has a record that still holds it, or says that it is historical."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.checks.finding import Finding
from engine.checks.public.around import Around
from engine.checks.public.cells import Place, cells_of, is_number
from engine.checks.public.entry import Entry, clipped
from engine.checks.public.seen import CellSeen, CellState
from engine.records.public import Cell, PublicArtifact, Table

_SIZE = 4
"""How many names one finding lists."""

_NUMBER = re.compile(r"(?<![\w.-])\d+(?:[.,]\d+)?\s*%?(?![\w-])")
"""A number of its own: 64, 0.9, 77.1 %, and not that of a name, as in Qwen3-4B."""


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    places = list(cells_of(artifact))
    for place in places:
        yield from _record(entry, place, around.values.get(place.pointer))
        yield from _form(entry, place)
    yield from _tables(entry, artifact)
    yield from _uncounted(entry, places, around)


def _record(entry: Entry, place: Place, seen: CellSeen | None) -> Iterator[Finding]:
    cell, name = place.cell, place.name[:120]
    if cell.record is None:
        yield from _without_record(entry, place)
        return
    if cell.historical:
        yield entry.error(
            "number-twice",
            place.pointer,
            f"{name} names a record and says that it is historical.",
            "Leave one of the two out.",
        )
    if seen is None:
        return
    where = f"{place.pointer}/record"
    record = clipped(cell.record, 120)
    if seen.state is CellState.DIFFERS:
        written = entry.written.get(f"{place.pointer}/value", cell.value)
        yield entry.error(
            "number-differs",
            f"{place.pointer}/value",
            f"{name} says {clipped(written)}, and {record} holds {clipped(seen.recorded)}.",
            "Write what the record holds; if the old number was right, see who changed the record.",
        )
    elif seen.state is CellState.NO_VALUE:
        said = f"{name}: nothing stands at {record}."
        yield entry.error("record-missing", where, said, "Mend the pointer after the #.")
    elif not seen.holds:
        yield entry.error(
            "record-missing",
            where,
            f"{name}: {record} is not there, or holds no JSON.",
            "Name a record of this workspace, as runs/<id>/eval-candidate.json#/score.",
        )
    yield from _rows(entry, place, seen)


def _rows(entry: Entry, place: Place, seen: CellSeen) -> Iterator[Finding]:
    cell, name = place.cell, place.name[:120]
    if cell.n is not None and seen.n is not None and cell.n != seen.n:
        yield entry.error(
            "number-differs",
            f"{place.pointer}/n",
            f"{name} says that it is of {cell.n:,} rows, and its record says {seen.n:,}.",
            f"Write n: {seen.n}.",
        )
    if cell.interval is not None and seen.interval is not None:
        apart = [abs(mine - its) for mine, its in zip(cell.interval, seen.interval, strict=True)]
        if max(apart) > 0.006 * max(1.0, *map(abs, seen.interval)):
            low, high = seen.interval
            yield entry.error(
                "number-differs",
                f"{place.pointer}/interval",
                f"{name} has the interval {list(cell.interval)}, and its record {low:g} to "
                f"{high:g}.",
                "Write the record's, or leave it out: it is made from the rows.",
            )


def _without_record(entry: Entry, place: Place) -> Iterator[Finding]:
    cell, name = place.cell, place.name[:120]
    if place.is_number and not cell.historical:
        yield entry.error(
            "number-unlinked",
            place.pointer,
            f"{name} is {clipped(cell.value)}, and nothing says where that is from.",
            "Point at its record (record: runs/<id>/FILE.json#/score), or write historical: true "
            "and name the source.",
        )
    elif isinstance(cell.value, str) and not cell.historical and _holds_number(cell.value):
        yield entry.error(
            "number-unlinked",
            place.pointer,
            f"{name} says a number in a text, {clipped(cell.value)!r}, and not where it is from.",
            "Write the number as value with its record, or historical: true.",
        )


def _form(entry: Entry, place: Place) -> Iterator[Finding]:
    cell, name = place.cell, place.name[:120]
    value = cell.value
    if is_number(value):
        if cell.unit == "share" and not 0 <= value <= 1:
            yield entry.error(
                "number-unit",
                f"{place.pointer}/unit",
                f"{name} is {value:g} and called a share, which lies between 0 and 1.",
                "Write unit: percent, or the share.",
            )
        if cell.high is not None and cell.high < value:
            yield entry.error(
                "number-range",
                f"{place.pointer}/high",
                f"{name} ranges from {value:g} to {cell.high:g}, which is less.",
                "Write the lower end as value and the upper as high.",
            )
        if cell.interval is not None and not _within(value, cell):
            yield entry.error(
                "number-interval",
                f"{place.pointer}/interval",
                f"{name} is {value:g}, and its interval {list(cell.interval)} does not hold it.",
                "Write the interval as [low, high], in the unit of the number.",
            )


def _within(value: float, cell: Cell) -> bool:
    if cell.interval is None:
        return True
    low, high = cell.interval
    return low <= value <= high


def _tables(entry: Entry, artifact: PublicArtifact) -> Iterator[Finding]:
    tables: list[tuple[str, Table]] = [
        (f"/evidence/{number}", table) for number, table in enumerate(artifact.evidence)
    ]
    if artifact.performance is not None:
        tables.append(("/performance", artifact.performance))
    for pointer, table in tables:
        for number, row in enumerate(table.rows):
            where = f"{pointer}/rows/{number}"
            yield from _columns(entry, where, row.label, row.cells, table.columns)
    for number, one in enumerate(artifact.rejected):
        if one.cells or artifact.rejected_columns:
            where = f"/rejected/{number}"
            yield from _columns(entry, where, one.attempt, one.cells, artifact.rejected_columns)


def _columns(
    entry: Entry, pointer: str, label: str, cells: Sequence[Cell], columns: Sequence[str]
) -> Iterator[Finding]:
    if len(cells) != len(columns):
        yield entry.error(
            "table-columns",
            pointer,
            f"The row {label[:80]} has {len(cells)} cells for {len(columns)} columns.",
            "Write one for each; {} where nothing was measured.",
        )


def _uncounted(entry: Entry, places: Sequence[Place], around: Around) -> Iterator[Finding]:
    """Shares of nobody says how many rows: how sure they are cannot be told."""
    found = [
        place
        for place in places
        if place.cell.unit == "share" and place.cell.n is None and place.cell.interval is None
        if around.number(place.pointer, place.cell) is not None
        if getattr(around.values.get(place.pointer), "n", None) is None
    ]
    if found:
        more = f" and {len(found) - _SIZE} more" if len(found) > _SIZE else ""
        names = ", ".join(place.name[:60] for place in found[:_SIZE])
        yield entry.warning(
            "number-uncounted",
            found[0].pointer,
            f"Of how many rows these are is not recorded, so how sure they are cannot be told: "
            f"{names}{more}.",
            "Write n, the number of rows, where it is known.",
        )


def _holds_number(text: str) -> bool:
    return _NUMBER.search(text) is not None
