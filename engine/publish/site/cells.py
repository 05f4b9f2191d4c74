"""A cell of a public artifact as a page shows it: the number, its rows, and where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.judge.stats import wilson
from engine.numbers import NOT_RECORDED, score
from engine.publish.site.records_used import RecordsUsed
from engine.records.public import Cell

State = Literal["measured", "historical", "unlinked", "text", "absent"]
"""measured: a record holds it. unlinked: a number without a record, and not historical."""

_UNITS = {"percent": " %", "pp": " pp", "ms": " ms", "s": " s", "MB": " MB", "GB": " GB",
          "tok/s": " tok/s", "share": "", "count": ""}  # fmt: skip
_TOLERANCE = 5e-4
"""A share is that of whole rows when it is one to three decimals, as they are published."""


@dataclass(frozen=True, slots=True)
class CellView:
    text: str
    state: State
    detail: str = ""
    """How many rows and the interval, in words."""
    anchor: str | None = None
    """The id of the record in the list below, where it is measured."""

    @property
    def number(self) -> bool:
        return self.state in ("measured", "historical", "unlinked")


NOTHING = CellView(NOT_RECORDED, "absent")


def cell_view(cell: Cell, used: RecordsUsed) -> CellView:
    """The cell, with its record noted in ``used``."""
    value, anchor = cell.value, None
    if cell.record is not None:
        found = used.note(cell.record)
        anchor = found.anchor
        value = found.value if value is None else value
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return CellView(value, "text", _rows(cell.n))
    state: State = "measured" if anchor else "historical" if cell.historical else "unlinked"
    return CellView(value_text(value, cell), state, _detail(value, cell), anchor)


def value_text(value: float, cell: Cell) -> str:
    """The number with its unit; "77.1 to 96 %" where it is a range."""
    numbers = _plain(value, cell.unit)
    if cell.high is not None:
        numbers += f" to {_plain(cell.high, cell.unit)}"
    return numbers + _UNITS.get(cell.unit or "", "")


def successes(value: float, n: int | None) -> int | None:
    """How many of ``n`` rows a share stands for; None where it is that of no whole number."""
    if n is None or not 0 <= value <= 1:
        return None
    count = round(value * n)
    return count if abs(count / n - value) <= _TOLERANCE else None


def _plain(value: float, unit: str | None) -> str:
    if unit == "share":
        return score(value)
    if isinstance(value, int) or (value == round(value) and abs(value) < 1e15):
        return f"{value:,.0f}".replace("-", "−")
    if unit == "pp":
        return f"{value:+.4g}".replace("-", "−")
    return f"{value:,.4g}".replace("-", "−")


def _detail(value: float, cell: Cell) -> str:
    interval = cell.interval
    if interval is None and cell.unit == "share" and cell.high is None:
        count = successes(value, cell.n)
        interval = wilson(count, cell.n) if count is not None and cell.n else None
    rows = _rows(cell.n)
    if interval is None:
        return rows
    ends = f"{_plain(interval[0], cell.unit)} to {_plain(interval[1], cell.unit)}"
    return f"{rows}, {ends}" if rows else ends


def _rows(n: int | None) -> str:
    return f"{n:,} row{'' if n == 1 else 's'}" if n is not None else ""
