"""Makes an export: beside its place, and moved there in one step, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.catalogue.summary import RunSummary
from engine.exporting.records import eval_rows, gate_rows, run_row
from engine.exporting.sinks import CsvFolder, Database, ParquetFolder, Sink
from engine.exporting.streams import event_pieces, scored_pieces
from engine.exporting.tables import EVALS, EVENTS, GATES, METRICS, ROWS, RUNS, TABLES, Table
from engine.folder import flush, swap_in

Format = Literal["parquet", "duckdb", "csv"]
FORMATS: tuple[Format, ...] = ("parquet", "duckdb", "csv")

INSTALL = "pip install 'factory-tui[export]'"

_TOLD_EVERY_S = 2.0
_NAMES = {f"{table.name}.{end}" for table in (*TABLES, ROWS) for end in ("csv", "parquet")}
_DATABASE = b"DUCK"
"""What stands in a DuckDB database from its ninth byte on."""


class ExportError(Exception):
    """Why nothing was exported, as a sentence with what to do."""


@dataclass(slots=True)
class Exported:
    """Rows by table, and sentences about what could not be read."""

    path: Path
    rows: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)


def export(
    runs: Sequence[RunSummary],
    out: Path,
    kind: Format,
    *,
    scored: bool = False,
    force: bool = False,
    told: Callable[[str], None] = lambda sentence: None,
) -> Exported:
    """Write the tables of some runs, in the order of their names: a folder, for duckdb a file.

    ``scored`` adds the scored examples, which are held-out data. ``force`` replaces an earlier
    export, and nothing else. ``told`` hears now and then how far it is. ExportError with what to
    do; OSError as it comes. What stood at ``out`` is untouched then.
    """
    _check_installed(kind)
    _check_place(out, kind, force)
    names = Counter(run.run_id for run in runs)
    if twice := [name for name, times in names.items() if times > 1]:
        raise ExportError(f"Two runs have the name {twice[0]}. Export them one after the other.")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        tables = (*TABLES, ROWS) if scored else TABLES
        exported = Exported(out, Counter({table.name: 0 for table in tables}))
        made = _made(sorted(runs, key=lambda run: run.run_id), beside, kind, tables, exported, told)
        for file in (made, *made.iterdir()) if made.is_dir() else (made,):
            flush(file)
        swap_in(made, out, beside / "before")
        flush(out.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return exported


def _made(
    runs: Sequence[RunSummary],
    beside: Path,
    kind: Format,
    tables: Sequence[Table],
    exported: Exported,
    told: Callable[[str], None],
) -> Path:
    """Everything but the move; the file or folder that was made."""
    sink = _sink(kind, beside, tables)
    try:
        said = time.monotonic()
        for number, run in enumerate(runs):
            if time.monotonic() - said > _TOLD_EVERY_S:
                told(f"{number} of {len(runs)} runs")
                said = time.monotonic()
            _add(run, sink, ROWS in tables, exported)
        return sink.finish()
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("duckdb", "_duckdb"):
            raise ExportError(f"DuckDB ended: {str(error).splitlines()[0]}") from error
        raise
    finally:
        sink.close()


def _add(run: RunSummary, sink: Sink, scored: bool, exported: Exported) -> None:
    """All that can be read of one run."""
    left_out = exported.left_out
    known = set(run.unreadable)
    left_out += [f"{run.run_id}/{name} cannot be read." for name in run.unreadable]
    found: list[str] = []

    def write(table: Table, lines: Sequence[str]) -> None:
        sink.write(table, lines)
        exported.rows[table.name] += len(lines)

    write(RUNS, [RUNS.line(run_row(run))])
    write(EVALS, [EVALS.line(row) for row in eval_rows(run.path, found)])
    write(GATES, [GATES.line(row) for row in gate_rows(run.path, found)])
    for piece in event_pieces(run.path, found):
        write(METRICS, piece.metrics)
        write(EVENTS, piece.events)
    if scored:
        for lines in scored_pieces(run.path, found):
            write(ROWS, lines)
    said = {f"{run.run_id}/{name} cannot be read." for name in known}
    left_out += [one for one in dict.fromkeys(found) if one not in said]


def _sink(kind: Format, beside: Path, tables: Sequence[Table]) -> Sink:
    if kind == "csv":
        return CsvFolder(beside / "csv", tables)
    return (Database if kind == "duckdb" else ParquetFolder)(beside, tables)


def _check_installed(kind: Format) -> None:
    if kind == "csv":
        return
    try:
        import duckdb  # noqa: F401 - only whether it is there
    except ImportError:
        what = "A DuckDB database" if kind == "duckdb" else "Parquet"
        raise ExportError(
            f"{what} needs DuckDB, which is not installed: {INSTALL}. "
            "CSV needs nothing: --format csv"
        ) from None


def _check_place(out: Path, kind: Format, force: bool) -> None:
    """ExportError where something stands in the place that may not go."""
    if out.is_symlink():
        raise ExportError(f"{out} is a link. Name the place itself.")
    if not out.exists() or (kind != "duckdb" and out.is_dir() and not any(out.iterdir())):
        return
    if not force:
        raise ExportError(f"{out} is there already. Name another --out, or replace it: --force")
    if kind == "duckdb":
        if not out.is_file() or out.open("rb").read(12)[8:] != _DATABASE:
            raise ExportError(f"{out} is no DuckDB database, so it stays. Name another --out.")
    elif not out.is_dir():
        raise ExportError(f"{out} is no folder, and {kind} is one. Name another --out.")
    elif others := sorted(one.name for one in out.iterdir() if one.name not in _NAMES):
        raise ExportError(
            f"{out} holds what is no export ({others[0]}), so it stays. Name another --out."
        )
