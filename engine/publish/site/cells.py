"""A cell of a public artifact as a page shows it: the number, its rows, and where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.judge.published import successes
from engine.judge.stats import wilson
from engine.numbers import NOT_RECORDED, score
from engine.publish.site.records_used import RecordsUsed
from engine.records.public import Cell

State = Literal["measured", "historical", "unlinked", "text", "absent"]
"""measured: a record holds it. unlinked: a number that no record holds, and not historical."""

_UNITS = {"percent": " %", "pp": " pp", "ms": " ms", "s": " s", "MB": " MB", "GB": " GB",
          "tok/s": " tok/s", "share": "", "count": ""}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CellView:
    text: str
    state: State
    rows: str = ""
    """How many rows it was measured on, in words."""
    interval: str = ""
    """The 95 % interval: "0.41 to 0.65"."""
    anchor: str | None = None
    """The id of the record in the list below, where it is measured."""

    @property
    def number(self) -> bool:
        return self.state in ("measured", "historical", "unlinked")


NOTHING = CellView(NOT_RECORDED, "absent")


def cell_view(cell: Cell, used: RecordsUsed) -> CellView:
    """The cell, with its record noted in ``used``."""
    seen, anchor = used.see(cell)
    value = seen.recorded if cell.value is None else cell.value
    n = cell.n or seen.n
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return CellView(value, "text", _rows(n), anchor=anchor)
    state: State = "measured" if anchor else "historical" if cell.historical else "unlinked"
    known = cell.interval or seen.interval
    return CellView(
        value_text(value, cell), state, _rows(n), interval_text(value, cell, n, known), anchor
    )


def value_text(value: float, cell: Cell) -> str:
    """The number with its unit; "77.1 to 96 %" where it is a range."""
    numbers = _plain(value, cell.unit)
    if cell.high is not None:
        numbers += f" to {_plain(cell.high, cell.unit)}"
    return numbers + _UNITS.get(cell.unit or "", "")


def _plain(value: float, unit: str | None) -> str:
    if unit == "share":
        return score(value)
    if isinstance(value, int) or (value == round(value) and abs(value) < 1e15):
        return f"{value:,.0f}".replace("-", "−")
    if unit == "pp":
        return f"{value:+.4g}".replace("-", "−")
    return f"{value:,.4g}".replace("-", "−")


def interval_text(value: float, cell: Cell, n: int | None, ends: tuple[float, float] | None) -> str:
    """The interval that is known, else that of a share of whole rows; "" without either."""
    if ends is None and cell.unit == "share" and cell.high is None:
        count = successes(value, n)
        ends = wilson(count, n) if count is not None and n else None
    if ends is None:
        return ""
    # Two decimals: the ends of an interval over some hundred rows are no better known.
    low, high = (f"{one:.2f}" if cell.unit == "share" else _plain(one, cell.unit) for one in ends)
    return f"{low} to {high}"


def _rows(n: int | None) -> str:
    return f"{n:,} row{'' if n == 1 else 's'}" if n is not None else ""
