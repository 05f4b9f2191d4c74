"""A run's verdicts for the list, from its records and rows: what Decide says of the same gates.

Imports pydantic through the records, so it is imported by a worker thread after the first paint.
"""

from __future__ import annotations

from pathlib import Path

from engine.checks.documents import read_bytes_inside, read_document
from engine.checks.streams import MAX_ROWS_BYTES, read_rows
from engine.judge.gates import BREADTH_DROP, Gate, judge
from engine.records.evaluation import EvalResult, RowResult
from engine.records.run import RunConfig
from tui.views import cells
from tui.views.runs_view import GateSaid, Verdicts

_WORST_FIRST = ("fail", "undecided", "pass")


def exact_verdicts(path: Path) -> Verdicts | None:
    """The verdicts of a run folder; None where its config cannot be read. OSError as usual."""
    config = read_document(path, "config.json", RunConfig).record
    if not isinstance(config, RunConfig):
        return None
    evals: dict[str, EvalResult] = {}
    rows: dict[str, list[RowResult]] = {}
    for file in sorted(path.glob("eval-*.json")):
        record = read_document(path, file.name, EvalResult).record
        if not isinstance(record, EvalResult):
            continue
        evals[file.name] = record
        name = record.rows_file or file.name.replace("eval-", "rows-", 1) + "l"
        if Path(name).is_absolute() or ".." in Path(name).parts:
            continue
        data = read_bytes_inside(path, name, MAX_ROWS_BYTES)
        if isinstance(data, bytes):
            found, wrong = read_rows(data)
            if not wrong:
                rows[file.name] = found
    if "eval-candidate.json" not in evals:
        return Verdicts()
    gates = judge(config, evals, rows)
    primary = {str(gate.verdict) for gate in gates if gate.name != BREADTH_DROP}
    breadth = {str(gate.verdict) for gate in gates if gate.name == BREADTH_DROP}
    measured = any(name.startswith("eval-regression") for name in evals)
    said = tuple(map(_said, gates))
    return Verdicts(_worst(primary), _worst(breadth) if measured else None, said)


def _said(gate: Gate) -> GateSaid:
    value = cells.ABSENT if gate.value is None else cells.minus(gate.value_text)
    interval = "" if gate.interval is None else cells.minus(gate.interval_text)
    return GateSaid(str(gate.verdict), gate.title, value, gate.bound_text, interval)


def _worst(verdicts: set[str]) -> str | None:
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), None)
