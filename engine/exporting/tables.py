"""Which tables an export has, with the type of each column, and a row as a line of CSV. Pure.

CSV is the one form that every format is made from. In it nothing at all is NULL, ``""`` is an
empty text, and ``nan``, ``inf`` and ``-inf`` are numbers. A value of another kind than its column
is NULL: what a file holds never ends an export.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SQL = {
    "text": "VARCHAR",
    "whole": "BIGINT",
    "number": "DOUBLE",
    "truth": "BOOLEAN",
    "time": "TIMESTAMP",
}
"""Types of columns, and their names in SQL. A time is UTC, without saying so again in each row."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, and the type of each column in their order."""

    name: str
    columns: dict[str, str]
    """Name to type: text, whole, number, truth or time."""

    @property
    def header(self) -> str:
        """The first line of its CSV file."""
        return ",".join(self.columns) + "\n"

    def line(self, row: Sequence[Any]) -> str:
        """A row, in the order of the columns."""
        kinds = self.columns.values()
        return ",".join([CELLS[kind](one) for kind, one in zip(kinds, row, strict=True)]) + "\n"


def _table(name: str, columns: str) -> Table:
    """A table of its name and ``column type`` with commas between."""
    return Table(name, dict(one.split() for one in columns.split(",")))


RUNS = _table(
    "runs",
    "run text, target text, phase text, liveness text, decision text, routed text, "
    "primary_before number, primary_after number, primary_delta number, "
    "breadth_before number, breadth_after number, breadth_delta_pp number, "
    "historical text, direction text, n whole, seed whole, base_model text, parent text, "
    "loop text, iteration whole, created time, updated time, duration_s number, "
    "train_s number, peak_bytes whole, eval_tok_s number, hypothesis text, "
    "last_error text, tags text, settings text",
)
"""One row a run. ``primary_*`` in the unit of the score, ``duration_s`` from the first start to the
last end, ``train_s`` of the training stages alone, ``eval_tok_s`` generated tokens a second in the
candidate's evaluation; ``historical`` names the scores that were taken from an earlier measurement;
``tags`` and ``settings`` are JSON."""

METRICS = _table(
    "metrics",
    "run text, stage text, step number, t time, seq whole, name text, value number",
)
"""One row a number that was reported at a step; samples of memory are here without a step."""

EVENTS = _table(
    "events",
    "run text, seq whole, t time, kind text, stage text, level text, code text, text text",
)
"""One row an event. ``code`` and ``text`` of a message are its own; of other kinds see `events`."""

EVALS = _table(
    "evals",
    "run text, file text, model text, suite text, suite_sha256 text, metric text, "
    "direction text, score number, low number, high number, confidence number, n whole, "
    "unscored whole, scorer text, through text, seed whole, date time, historical text, "
    "latency_ms number, latency_median_ms number, latency_p95_ms number, "
    "tokens_per_second number, peak_rss_mb number, mlx_peak_mb number, "
    "safety_violations whole, duration_s number, slices text",
)
"""One row an eval record, units as in the record; ``slices`` is JSON."""

GATES = _table(
    "gates",
    "run text, gate text, bound number, value number, low number, high number, "
    "verdict text, reason text",
)
"""One row a gate, judged anew from scores and thresholds as every screen judges it."""

ROWS = _table(
    "rows",
    "run text, file text, suite text, side text, id text, held_out truth, score number, "
    "correct truth, slice text, source text, latency_ms number, tokens whole, prompt text, "
    "expected text, got text, error text",
)
"""One row a scored example. They are held out: ``held_out`` is true in each, so that nobody trains
on them by mistake. Only where they were asked for."""

TABLES = (RUNS, METRICS, EVENTS, EVALS, GATES)
"""The tables of every export; ROWS comes on top where it was asked for."""


def text(value: object) -> str:
    """A text as a cell."""
    return f'"{value.replace(chr(34), chr(34) * 2)}"' if isinstance(value, str) else ""


def whole(value: object) -> str:
    """A whole number of 64 bits as a cell."""
    known = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    return str(value) if known else ""


def number(value: object) -> str:
    """A number as a cell, also one that is not finite, as events write it: "nan", "inf"."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        return ""
    try:
        return repr(float(value))
    except OverflowError:  # hundreds of digits
        return ""


def truth(value: object) -> str:
    """True or false as a cell."""
    return ("false", "true")[value] if isinstance(value, bool) else ""


def time(value: object) -> str:
    """A time as a cell, in UTC: of a datetime, or a text in ISO 8601. Without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime):
            return ""
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        return moment.isoformat()
    except (ValueError, OverflowError):
        return ""


CELLS: dict[str, Callable[[object], str]] = {
    "text": text,
    "whole": whole,
    "number": number,
    "truth": truth,
    "time": time,
}
"""Type of a column to what makes a cell of it; "" is NULL."""
