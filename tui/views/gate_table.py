"""Gates as lines of a table, and their reasons. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.judge.gates import Gate, Verdict
from tui.views import cells
from tui.views.cells import Cell
from tui.views.plain import fit

Line = list[Cell]

SIGNS: dict[str, tuple[str, cells.Tone]] = {
    "pass": ("✔", "good"),
    "fail": ("✘", "bad"),
    "undecided": ("?", "warn"),
}

_WORST_FIRST = (Verdict.FAIL, Verdict.UNDECIDED, Verdict.PASS)


def gate_lines(gates: Sequence[Gate], width: int) -> list[Line]:
    """A line for each gate: sign, name, value, bound, and the interval where all of them fit."""
    if not gates:
        return []
    titles, values, bounds = (
        max(map(len, texts))
        for texts in (
            [gate.title for gate in gates],
            [cells.minus(_value(gate)) for gate in gates],
            [gate.bound_text for gate in gates],
        )
    )
    intervals = [_interval(gate) for gate in gates]
    used = 2 + titles + 2 + values + 2 + bounds
    titles -= max(0, used - width)
    wide = used + 2 + max(map(len, intervals)) <= width
    return [
        [
            Cell(f"{SIGNS[gate.verdict.value][0]} ", SIGNS[gate.verdict.value][1]),
            Cell(fit(gate.title, titles), "strong"),
            Cell("  " + fit(cells.minus(_value(gate)), values, align="right")),
            Cell("  " + fit(gate.bound_text, bounds if wide else len(gate.bound_text)), "muted"),
            *([Cell("  " + interval, "muted")] if wide and interval else []),
        ]
        for gate, interval in zip(gates, intervals, strict=True)
    ]


def _value(gate: Gate) -> str:
    return cells.ABSENT if gate.value is None else gate.value_text


def _interval(gate: Gate) -> str:
    return "" if gate.interval is None else f"95 % {cells.minus(gate.interval_text)}"


def worst_first(gates: Sequence[Gate]) -> list[Gate]:
    """The gates that fail, then those that cannot be decided, then those that pass."""
    return sorted(gates, key=lambda gate: _WORST_FIRST.index(gate.verdict))
