"""Reads the numbers of a report's eval table back, ours or another tool's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"[+−-]?(?:\d+(?:\.(?P<decimals>\d+))?)(?:[eE][+-]?\d+)?")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_ALIGNMENT = re.compile(r":?-+:?")


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as a report shows it: its value as a share, and how far rounding may be off."""

    value: float
    slack: float

    def means(self, number: float) -> bool:
        """Whether ``number``, rounded as this is, reads the same; per cent may lack its sign."""
        if abs(self.value - number) <= self.slack:
            return True
        return abs(self.value) > 1.5 >= abs(number) and abs(self.value - 100 * number) <= self.slack


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A row of the eval table. ``None`` where the cell holds no number ("not recorded")."""

    metric: str
    baseline: Shown | None
    candidate: Shown | None
    line: int


def read_eval_tables(report: str) -> list[MetricRow]:
    """The rows of every table that has the columns Metric, Baseline and Candidate, in order."""
    found: list[MetricRow] = []
    columns: list[str] | None = None
    for number, cells in _table_lines(report):
        if cells is None:
            columns = None
        elif columns is None:
            columns = [cell.strip("*_ ").casefold() for cell in cells]
        elif {"metric", "baseline", "candidate"} <= set(columns) and not _is_rule(cells):
            by_name = dict(zip(columns, cells, strict=False))
            found.append(
                MetricRow(
                    by_name.get("metric", ""),
                    _shown(by_name.get("baseline", "")),
                    _shown(by_name.get("candidate", "")),
                    number,
                )
            )
    return found


def _table_lines(report: str) -> Iterator[tuple[int, list[str] | None]]:
    """(line number, cells) of lines that belong to a table, (number, None) for all others."""
    for number, line in enumerate(report.split("\n"), start=1):
        stripped = line.strip()
        yield number, _cells(stripped) if stripped.startswith("|") else None


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    parts = re.split(r"(?<!\\)\|", inner)
    return [_ESCAPED.sub(r"\1", part).strip() for part in parts]


def _is_rule(cells: Sequence[str]) -> bool:
    return all(_ALIGNMENT.fullmatch(cell) for cell in cells)


def _shown(cell: str) -> Shown | None:
    match = _NUMBER.match(cell.lstrip("*_` "))
    if match is None:
        return None
    value = float(match[0].replace("−", "-"))
    slack = 0.5 * 10 ** -len(match["decimals"] or "") * 1.001
    if match["decimals"] is None and abs(value) <= 1:
        # A bare 1 is a whole score, not 0.6 rounded.
        slack = 0.005
    if cell.lstrip("*_` ")[match.end() :].lstrip().startswith("%"):
        value, slack = value / 100, min(slack, 0.5) / 100
    return Shown(value, slack)
