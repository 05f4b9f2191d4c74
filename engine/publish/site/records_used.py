"""The records that a page's numbers were read from, each once, numbered as they are met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.artifacts.inputs import Inputs, at_pointer
from engine.artifacts.values import value_of
from engine.checks.public.seen import CellSeen, CellState
from engine.records.public import Cell


@dataclass(frozen=True, slots=True)
class RecordUsed:
    """``anchor``: its id on the page. ``value``: what stands at the pointer, as it is recorded."""

    anchor: str
    file: str
    pointer: str
    sha256: str
    value: Any


class RecordsUsed:
    """Cells → what their records say of them; remembers the records that hold a cell's value."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._by_name: dict[str, RecordUsed] = {}

    def see(self, cell: Cell) -> tuple[CellSeen, str | None]:
        """The cell beside its record, and the record's anchor where that holds the value."""
        seen = value_of(cell, self._inputs)
        if cell.record is None or seen.state not in (CellState.EQUAL, CellState.READ):
            return seen, None
        if cell.record not in self._by_name:
            file, _, pointer = cell.record.partition("#")
            anchor = f"record-{len(self._by_name) + 1}"
            value = at_pointer(self._inputs.json(file), pointer)
            used = RecordUsed(anchor, file, pointer, self._inputs.seen[file], value)
            self._by_name[cell.record] = used
        return seen, self._by_name[cell.record].anchor

    def all(self) -> list[RecordUsed]:
        """As they were met."""
        return list(self._by_name.values())
