"""Reads the line files of a run folder: events, and rows of scored examples."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.records.evaluation import RowResult

MAX_ROWS_BYTES = 256 * 2**20
"""A rows file over this size is not read."""

_CHUNK = 1 << 20
_MAX_LINE = 16 << 20
# Our writer puts seq first; other writers are parsed.
_SEQ = re.compile(rb'\{"seq":(\d+),')
_RECORD = re.compile(rb'"kind":\s*"record"')


@dataclass
class EventsSeen:
    """What an event log is like. Line numbers count from 1."""

    first: dict[str, Any] | None = None
    first_sha256: str | None = None
    """Of the first event's line, without its end."""
    written: dict[str, str | None] = field(default_factory=dict)
    """Record to the hash that its last ``record`` event has of it; None where that has none."""
    opened: list[str] = field(default_factory=list)
    """The hashes of the sealed suites that were opened for the run."""
    count: int = 0
    broken: list[int] = field(default_factory=list)
    """Lines that are no JSON object: where a crash cut one off."""
    gaps: list[tuple[int, int, int]] = field(default_factory=list)
    """(line, number expected, number found)."""
    unfinished: bool = False
    """The last line has no end yet: it is being written, or was cut off."""
    lines: int = 0
    """How many lines there are, an unfinished one and empty ones among them."""


def read_events(path: Path) -> EventsSeen:
    """One pass over the file, in pieces of bounded size. OSError as it comes."""
    seen = EventsSeen()
    wanted = 0
    for number, line, ended in _lines(path):
        seen.lines = number
        if not ended:
            seen.unfinished = True
            break
        if not line.strip():
            continue
        sequence = _sequence(line)
        if sequence is None:
            seen.broken.append(number)
            continue
        if seen.count == 0:
            seen.first = _object(line)
            seen.first_sha256 = hashlib.sha256(line).hexdigest()
        seen.count += 1
        if _RECORD.search(line):
            _note_record(seen, _object(line))
        elif b'"suite-opened"' in line:
            _note_opened(seen, _object(line))
        if sequence != wanted:
            seen.gaps.append((number, wanted, sequence))
        wanted = sequence + 1
    return seen


def _note_record(seen: EventsSeen, event: dict[str, Any]) -> None:
    file, digest = event.get("file"), event.get("sha256")
    if event.get("kind") == "record" and isinstance(file, str):
        seen.written[file] = digest if isinstance(digest, str) else None


def _note_opened(seen: EventsSeen, event: dict[str, Any]) -> None:
    digest = event.get("sha256")
    if event.get("kind") == "suite-opened" and isinstance(digest, str):
        seen.opened.append(digest)


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """(number, line, whether it has an end); a line over 16 MB comes as an empty, broken one."""
    number, rest = 1, b""
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield number, line, True
                number += 1
            if len(rest) > _MAX_LINE:
                rest = b"\x00"
    if rest:
        yield number, rest, False


def _sequence(line: bytes) -> int | None:
    if (match := _SEQ.match(line)) and len(match[1]) < 20 and line.rstrip().endswith(b"}"):
        return int(match[1])
    sequence = _object(line).get("seq")
    return sequence if isinstance(sequence, int) and not isinstance(sequence, bool) else None


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_rows(data: bytes) -> tuple[list[RowResult], list[tuple[int, str]]]:
    """The rows in a file's bytes; for each line that is none its number and what is wrong."""
    rows: list[RowResult] = []
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(RowResult.model_validate(json.loads(line)))
        except ValidationError as problem:
            first = problem.errors()[0]
            key = ".".join(map(str, first["loc"])) or "the row"
            problems.append((number, f"line {number}: {key}: {first['msg']}"))
        except (ValueError, RecursionError):
            problems.append((number, f"line {number} is not JSON"))
    return rows, problems


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and JSON object of each line of a data file; lines that are none are passed over.

    Only for comparing prompts: a data file's own form is the data stage's business.
    """
    for number, line, _ in _lines(path):
        if line.strip() and (value := _object(line)):
            yield number, value
