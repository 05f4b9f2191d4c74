"""What a cell's record says of it, as plain values: rules and screens are told by this alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.checks.public.cells import equal_as_written, in_unit, is_number
from engine.records.public import MOST_ROWS, Cell


class CellState(StrEnum):
    """How a cell stands to its record."""

    EQUAL = "equal to its record"
    READ = "read from its record"
    """It has no value of its own; the record's is shown."""
    DIFFERS = "no longer equal to its record"
    NO_FILE = "its record is missing"
    NOT_JSON = "its record is not JSON"
    NO_VALUE = "its record holds no such value"
    HISTORICAL = "historical"
    UNLINKED = "a number without a record"
    TEXT = "text"
    ABSENT = "not recorded"


@dataclass(frozen=True, slots=True)
class CellSeen:
    """``recorded`` is the record's value in the unit of the cell; ``n`` its count of rows, and
    ``interval`` its ends, None where it has none."""

    state: CellState
    recorded: float | int | str | None = None
    n: int | None = None
    interval: tuple[float, float] | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong with where the cell's value is from."""
        return self.state not in _WRONG


_WRONG = frozenset(
    {
        CellState.DIFFERS,
        CellState.NO_FILE,
        CellState.NOT_JSON,
        CellState.NO_VALUE,
        CellState.UNLINKED,
    }
)


def compare(
    cell: Cell, found: Any, written: str | None = None, around: Mapping[str, Any] | None = None
) -> CellSeen:
    """A cell beside ``found``, what its pointer leads to (None: nothing); ``around`` is the object
    that holds it. ``written``: the cell's number as it is typed."""
    if cell.record is None:
        return CellSeen(_without_record(cell))
    if not isinstance(found, str) and not is_number(found):
        return CellSeen(CellState.NO_VALUE)
    recorded = found if isinstance(found, str) else in_unit(found, cell.unit, cell.record)
    n, interval = _count(around or {}), _ends(around or {}, cell)
    if cell.value is None:
        return CellSeen(CellState.READ, recorded, n, interval)
    if isinstance(recorded, str) or isinstance(cell.value, str):
        equal = recorded == cell.value
    else:
        equal = equal_as_written(written or repr(cell.value), recorded)
    state = CellState.EQUAL if equal else CellState.DIFFERS
    return CellSeen(state, recorded, n, interval)


def _without_record(cell: Cell) -> CellState:
    if cell.value is None:
        return CellState.ABSENT
    if not is_number(cell.value):
        return CellState.TEXT
    return CellState.HISTORICAL if cell.historical else CellState.UNLINKED


def _count(around: Mapping[str, Any]) -> int | None:
    n = around.get("n")
    return n if type(n) is int and 0 < n <= MOST_ROWS else None


def _ends(around: Mapping[str, Any], cell: Cell) -> tuple[float, float] | None:
    interval = around.get("interval")
    if not isinstance(interval, Mapping) or cell.record is None:
        return None
    low, high = interval.get("low"), interval.get("high")
    if not is_number(low) or not is_number(high):
        return None
    return in_unit(low, cell.unit, cell.record), in_unit(high, cell.unit, cell.record)
