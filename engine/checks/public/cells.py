"""All the cells of an artifact, each with its JSON pointer and what it is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeGuard

from engine.records.public import Cell, PublicArtifact, Table

_MOST = 1e300
"""No number of a record is further from 0."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cell in its artifact. ``name`` is what a reader finds it by: "Public exact, Result"."""

    pointer: str
    name: str
    cell: Cell

    @property
    def is_number(self) -> bool:
        return is_number(self.cell.value)


def cells_of(artifact: PublicArtifact) -> Iterator[Place]:
    """Every cell, in the order of the page."""
    if artifact.headline is not None:
        yield Place("/headline", "the headline", artifact.headline)
    for number, table in enumerate(artifact.evidence):
        yield from table_cells(f"/evidence/{number}", table)
    if artifact.performance is not None:
        yield from table_cells("/performance", artifact.performance)
    for number, row in enumerate(artifact.competition):
        pointer = f"/competition/{number}"
        yield Place(f"{pointer}/score", f"{row.system}, {row.metric}", row.score)
        if row.ours is not None:
            yield Place(f"{pointer}/ours", f"ours beside {row.system}, {row.metric}", row.ours)
    for number, one in enumerate(artifact.rejected):
        pointer = f"/rejected/{number}/cells"
        yield from _row(pointer, one.attempt, one.cells, artifact.rejected_columns)


def table_cells(pointer: str, table: Table) -> Iterator[Place]:
    for number, row in enumerate(table.rows):
        yield from _row(f"{pointer}/rows/{number}/cells", row.label, row.cells, table.columns)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number that can be reckoned with: a JSON file may also hold NaN,
    Infinity, or an integer of four hundred digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def in_unit(recorded: float, unit: str | None, pointer: str) -> float:
    """A record's number in the unit of a cell. What a record's number is in, its key says:
    ``peak_rss_mb``, ``duration_s``; a score is a share."""
    key = pointer.rpartition("/")[2].lower()
    if unit == "percent" and 0 <= recorded <= 1:
        return 100 * recorded
    if unit == "pp" and -1 <= recorded <= 1:
        return 100 * recorded
    if unit == "GB" and key.endswith("_mb"):
        return recorded / 2**10
    if unit in ("MB", "GB") and key.endswith("_bytes"):
        return recorded / (2**20 if unit == "MB" else 2**30)
    if unit == "s" and key.endswith("_ms"):
        return recorded / 1000
    if unit == "ms" and key.endswith(("_s", "_seconds")):
        return recorded * 1000
    return recorded


def equal_as_written(written: str, recorded: float) -> bool:
    """Whether a number as it is typed is ``recorded``, rounded to the digits that it shows: 0.531
    is 0.53125, and 0.530 is not."""
    try:
        shown = Decimal(written)
        exponent = shown.as_tuple().exponent
        if not isinstance(exponent, int):
            return False
        # The shortest text that reads as the same number: of 0.1 + 0.2 all its digits count.
        apart = abs(Decimal(repr(float(recorded))) - shown)
    except InvalidOperation:
        return False
    return apart <= Decimal(5).scaleb(exponent - 1)


def _row(
    pointer: str, label: str, cells: Sequence[Cell], columns: Sequence[str]
) -> Iterator[Place]:
    for number, cell in enumerate(cells):
        column = f", {columns[number]}" if number < len(columns) else ""
        yield Place(f"{pointer}/{number}", f"{label}{column}", cell)
