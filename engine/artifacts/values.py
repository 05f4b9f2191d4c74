"""A cell of a public artifact and the record that it points at: equal, or not any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.artifacts.inputs import MISSING, Inputs, at_pointer
from engine.checks.public.cells import cells_of
from engine.checks.public.seen import CellSeen, CellState, compare
from engine.records.public import Cell, PublicArtifact


def values_of(
    artifact: PublicArtifact, inputs: Inputs, written: Mapping[str, str] | None = None
) -> dict[str, CellSeen]:
    """What became of every cell, by its JSON pointer. ``written``: numbers as they are typed, by
    pointer (``Entry.written``); without it a number counts with the digits that it needs."""
    typed = written or {}
    return {
        place.pointer: value_of(place.cell, inputs, typed.get(f"{place.pointer}/value"))
        for place in cells_of(artifact)
    }


def value_of(cell: Cell, inputs: Inputs, written: str | None = None) -> CellSeen:
    """The cell beside its record. Reads the record; never raises for what it holds."""
    if cell.record is None:
        return compare(cell, None, written)
    file, _, pointer = cell.record.partition("#")
    whole = inputs.json(file)
    if whole is None:
        gone = inputs.seen[file] == MISSING
        return CellSeen(CellState.NO_FILE if gone else CellState.NOT_JSON)
    return compare(cell, at_pointer(whole, pointer), written, _around(whole, pointer))


def _around(whole: Any, pointer: str) -> Mapping[str, Any]:
    """The object that holds the value, which says of how many rows it is."""
    holder = at_pointer(whole, pointer.rpartition("/")[0])
    return holder if isinstance(holder, Mapping) else {}
