"""The results log of a campaign: a table with tabs, a row a try, which people and other tools read
and append to.

Rows of others are kept byte for byte. A value that was not measured is an empty cell, never 0;
logs of other tools write 0.000000 for a crash, and that is read as no value.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.folder import write_bytes_atomic
from engine.plain_file import read_plain
from engine.records.protocol import Protocol
from engine.records.research import ResultsRow

LARGEST = 32 * 2**20
"""Bytes. A log that is larger is none."""

_USUAL = ("commit", "memory_gb", "status", "description")


class LogError(Exception):
    """The log cannot be read or written; the text says where and why."""


def cells_of(
    protocol: Protocol,
    *,
    commit: str | None,
    value: float | None,
    memory_gb: float | None,
    status: str,
    description: str,
    secondary: Mapping[str, float] | None = None,
) -> dict[str, str]:
    """A row by the protocol's columns: a column is one of the usual ones, or called like a metric;
    any other is empty."""
    known = {name: _number(one, 6) for name, one in (secondary or {}).items()}
    known |= {
        protocol.measurement.primary_metric.name: _number(value, 6),
        "metric": _number(value, 6),
        "memory_gb": _number(memory_gb, 1),
        "commit": (commit or "")[:7],
        "status": harmless(status),
        "description": harmless(description),
    }
    return {name: known.get(name, "") for name in protocol.provenance.results_log.columns}


def harmless(text: str) -> str:
    """A cell's text on one line: what tabs, line ends and control characters mean is a space."""
    clean = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    # A reader of tables would look for the other end of a quote that begins a cell.
    return "'" + clean[1:] if clean.startswith('"') else clean


def read_text(path: Path) -> str | None:
    """The log as it is, None where there is none; LogError where it cannot be read.

    Bytes that are no UTF-8 come as surrogates, so that they can be written back.
    """
    try:
        data = read_plain(path, LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogError(f"{path} cannot be read ({error.strerror}).") from error
    if len(data) > LARGEST:
        raise LogError(f"{path} is over {LARGEST >> 20} MiB large; a results log is never that.")
    return data.decode("utf-8", "surrogateescape")


def parse(text: str, protocol: Protocol) -> list[ResultsRow]:
    """The rows of a log, whoever wrote it: by its header where it has one, else by the protocol's
    columns. Rows with too few cells have the others empty; blank lines are none."""
    columns = list(protocol.provenance.results_log.columns)
    rows: list[ResultsRow] = []
    for number, line in enumerate(_lines(text), start=1):
        cells = _cells(line)
        if not any(cells):
            continue
        if not rows and _is_header(cells, protocol):
            columns = cells
            continue
        rows.append(_row(dict(zip(columns, cells, strict=False)), number, protocol))
    return rows


def columns_of(text: str, protocol: Protocol) -> list[str]:
    """The columns of a log: its header's, or the protocol's where it has none."""
    for line in _lines(text):
        cells = _cells(line)
        if any(cells):
            return cells if _is_header(cells, protocol) else _declared(protocol)
    return _declared(protocol)


def merged(
    now: str | None, before: str | None, rows: Sequence[Mapping[str, str]], protocol: Protocol
) -> str:
    """The log with the campaign's ``rows`` in it, once.

    ``now`` is the log as it stands, ``before`` as it was when the campaign began, which is where
    its rows come from when it is gone. Whatever in it is not the campaign's stays where it is.
    """
    text = now if now and now.strip("\ufeff\r\n\t ") else (before or "")
    end = "\r\n" if text.count("\r\n") * 2 > text.count("\n") > 0 else "\n"
    lines = (
        [one.removesuffix("\r") for one in text.split("\n")] if end != "\n" else text.split("\n")
    )
    while lines and not lines[-1].strip():
        lines.pop()
    if not any(one.strip("\ufeff \t") for one in lines):
        lines = ["\t".join(harmless(one) for one in _declared(protocol))]
    columns = columns_of(text, protocol)
    ours = ["\t".join(harmless(row.get(name, "")) for name in columns) for row in rows]
    others, at = _others(lines, before or "", ours, rows, columns)
    return end.join([*others[:at], *ours, *others[at:]]) + end


def write_log(
    path: Path, before: str | None, rows: Sequence[Mapping[str, str]], protocol: Protocol
) -> bytes:
    """Have the log hold ``rows``; returns its bytes. Written again it is the same. See ``merged``.

    LogError where it cannot be.
    """
    now = read_text(path)
    data = merged(now, before, rows, protocol).encode("utf-8", "surrogateescape")
    if now is not None and data == now.encode("utf-8", "surrogateescape"):
        return data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomic(path, data)
    except OSError as error:
        raise LogError(f"{path} cannot be written ({error.strerror}).") from error
    return data


def _others(
    lines: list[str],
    before: str,
    ours: list[str],
    rows: Sequence[Mapping[str, str]],
    columns: list[str],
) -> tuple[list[str], int]:
    """The lines that are not the campaign's, and where among them its rows stand."""
    old = Counter(one.removesuffix("\r") for one in before.split("\n"))
    mine, commits = Counter(ours), {row["commit"] for row in rows if row.get("commit")}
    place = columns.index("commit") if "commit" in columns else None
    found: list[str] = []
    at: int | None = None
    for line in lines:
        plain = line.removesuffix("\r")
        cells = _cells(plain)
        commit = cells[place] if place is not None and place < len(cells) else ""
        if old[plain]:
            old[plain] -= 1
        elif mine[plain] or (commit and commit in commits):
            mine[plain] -= 1
            at = len(found) if at is None else at
            continue
        found.append(line)
    return found, len(found) if at is None else at


def _row(cells: dict[str, str], line: int, protocol: Protocol) -> ResultsRow:
    status = cells.get("status") or None
    name = protocol.measurement.primary_metric.name
    value = _value(cells.get(name, cells.get("metric", "")))
    memory = _value(cells.get("memory_gb", ""))
    crashed = status == "crash" or (status == protocol.safety.crash_status and not memory)
    return ResultsRow(
        cells=cells,
        commit=cells.get("commit") or None,
        value=None if crashed and value == 0 else value,
        memory_gb=None if crashed and memory == 0 else memory,
        status=status,
        description=cells.get("description", ""),
        line=line,
    )


def _is_header(cells: Sequence[str], protocol: Protocol) -> bool:
    names = {*_USUAL, "metric", *_declared(protocol), protocol.measurement.primary_metric.name}
    return sum(one in names for one in cells) >= min(2, len(cells))


def _declared(protocol: Protocol) -> list[str]:
    return list(protocol.provenance.results_log.columns)


def _lines(text: str) -> list[str]:
    return [one.rstrip("\r") for one in text.removeprefix("\ufeff").split("\n")]


def _cells(line: str) -> list[str]:
    """The cells of a line. Text that another tool put into quotes is without them."""
    plain = line.removeprefix("\ufeff").encode("utf-8", "replace").decode().split("\t")
    return [_unquoted(one.strip()) for one in plain]


def _unquoted(cell: str) -> str:
    if len(cell) < 2 or not (cell.startswith('"') and cell.endswith('"')):
        return cell
    try:
        return next(csv.reader([cell]))[0] if cell.count('"') % 2 == 0 else cell
    except (csv.Error, StopIteration):
        return cell


def _value(cell: str) -> float | None:
    try:
        found = float(cell)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _number(value: float | None, digits: int) -> str:
    """A cell's number; one that ``digits`` would round away has its leading figures."""
    if value is None or not math.isfinite(value):
        return ""
    small = value != 0 and abs(value) < 10 ** (1 - digits)
    return f"{value:.4g}" if small else f"{value:.{digits}f}"
