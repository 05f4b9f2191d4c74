"""Reads the files of a run folder that are no records: rows, events, the report. What is wrong with
one is added to the problems; nothing is raised for what a folder holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from engine.checks.documents import decode_utf8, read_bytes_inside
from engine.checks.finding import Finding, error
from engine.checks.streams import MAX_ROWS_BYTES, EventsSeen, read_events, read_rows
from engine.records.evaluation import EvalResult, RowResult

MAX_REPORT_BYTES = 16 * 2**20


def load_rows(
    path: Path, evals: Mapping[str, EvalResult], problems: list[Finding]
) -> dict[str, list[RowResult]]:
    rows: dict[str, list[RowResult]] = {}
    for record_name, record in evals.items():
        name = record.rows_file or record_name.replace("eval-", "rows-", 1) + "l"
        if Path(name).is_absolute() or ".." in Path(name).parts:
            problems.append(
                error(
                    "file-outside",
                    record_name,
                    "/rows_file",
                    f"The rows file {name} lies outside the run folder.",
                    "Put the rows file into the run folder and name it without a path.",
                )
            )
            continue
        data = read_bytes_inside(path, name, MAX_ROWS_BYTES)
        if isinstance(data, Finding):
            problems.append(data)
        elif data is not None:
            found, wrong = read_rows(data)
            if wrong and record.rows_file is None:
                # Nobody says that this file holds rows; another tool's may hold anything.
                continue
            if wrong:
                more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
                problems.append(
                    error(
                        "rows-shape",
                        name,
                        "",
                        f"{name} has a row that is none: {wrong[0][1]}{more}.",
                        "Evaluate again; rows files are never edited by hand.",
                        line=wrong[0][0],
                    )
                )
            else:
                rows[record_name] = found
    return rows


def load_events(path: Path, problems: list[Finding]) -> EventsSeen | None:
    # A size of 0 as limit: only whether it may be opened; the file itself is read in pieces.
    looked = read_bytes_inside(path, "events.jsonl", -1)
    if looked is None:
        return None
    if isinstance(looked, Finding) and looked.rule != "file-too-large":
        problems.append(looked)
        return None
    try:
        return read_events(path / "events.jsonl")
    except OSError as problem:
        problems.append(
            error(
                "file-unreadable",
                "events.jsonl",
                "",
                f"events.jsonl cannot be read ({problem.strerror}).",
                "Give yourself the right to read it: chmod u+r events.jsonl",
            )
        )
        return None


def load_report(path: Path, problems: list[Finding]) -> str | None:
    data = read_bytes_inside(path, "report.md", MAX_REPORT_BYTES)
    if data is None:
        return None
    text = data if isinstance(data, Finding) else decode_utf8("report.md", data)
    if isinstance(text, Finding):
        problems.append(text)
        return None
    return text


def hash_page(path: Path, problems: list[Finding]) -> str | None:
    """The hash of ``report-card.html``; None where it is not there or cannot be read."""
    data = read_bytes_inside(path, "report-card.html", MAX_REPORT_BYTES)
    if isinstance(data, Finding):
        problems.append(data)
        return None
    return None if data is None else hashlib.sha256(data).hexdigest()
