"""Reads the line files of a run folder: events, and rows of scored examples."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from engine.records.evaluation import RowResult

MAX_ROWS_BYTES = 256 * 2**20
"""A rows file over this size is not read."""

_CHUNK = 1 << 20
_MAX_LINE = 16 << 20
# Our writer puts seq first; other writers are parsed.
_SEQ = re.compile(rb'\{"seq":(\d+),')
_NEXT = b'}\n{"seq":'
_RECORD = re.compile(rb'"kind":\s*"record"')


class _Numbered(msgspec.Struct, gc=False):
    """Of an event only its number."""

    seq: int


_numbered = msgspec.json.Decoder(_Numbered)


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
    for block, ended in _blocks(path):
        if not ended:
            seen.lines += 1
            seen.unfinished = True
        elif due := _due(block, wanted):
            seen.lines += due
            seen.count += due
            wanted += due
        else:
            for line in block[:-1].split(b"\n"):
                wanted = _note(seen, line, wanted)
    return seen


def _due(block: bytes, wanted: int) -> int:
    """How many events a block holds, where each of its lines plainly is the one that is due and
    says nothing that is looked for; else 0. Most of a long log is looked at no closer."""
    ends = block.count(b"\n")
    if not wanted or block.count(_NEXT) != ends - 1 or not block.endswith(b"}\n"):
        return 0
    if b'"record"' in block or b'"suite-opened"' in block:
        return 0
    try:
        numbers = [one.seq for one in _numbered.decode_lines(block)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    return ends if numbers == [*range(wanted, wanted + ends)] else 0


def _note(seen: EventsSeen, line: bytes, wanted: int) -> int:
    """Look at one line; the number that is due after it."""
    seen.lines += 1
    if not line.strip():
        return wanted
    sequence = _sequence(line)
    if sequence is None:
        seen.broken.append(seen.lines)
        return wanted
    if seen.count == 0:
        seen.first = _object(line)
        seen.first_sha256 = hashlib.sha256(line).hexdigest()
    seen.count += 1
    if _RECORD.search(line):
        _note_record(seen, _object(line))
    elif b'"suite-opened"' in line:
        _note_opened(seen, _object(line))
    if sequence != wanted:
        seen.gaps.append((seen.lines, wanted, sequence))
    return sequence + 1


def _note_record(seen: EventsSeen, event: dict[str, Any]) -> None:
    file, digest = event.get("file"), event.get("sha256")
    if event.get("kind") == "record" and isinstance(file, str):
        seen.written[file] = digest if isinstance(digest, str) else None


def _note_opened(seen: EventsSeen, event: dict[str, Any]) -> None:
    digest = event.get("sha256")
    if event.get("kind") == "suite-opened" and isinstance(digest, str):
        seen.opened.append(digest)


def _blocks(path: Path) -> Iterator[tuple[bytes, bool]]:
    """(whole lines with their ends, True), and at last what has no end, False; of a line over 16 MB
    only the last part comes, after a byte that makes it a broken one."""
    rest = bytearray()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            end = data.rfind(b"\n") + 1
            if end:
                yield bytes(rest) + data[:end], True
                rest.clear()
            rest += data[end:]
            if len(rest) > _MAX_LINE:
                rest = bytearray(b"\x00")
    if rest:
        yield bytes(rest), False


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with its number, from 1; see ``_blocks``."""
    number = 0
    for block, ended in _blocks(path):
        for line in (block[:-1] if ended else block).split(b"\n"):
            number += 1
            yield number, line


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
    for number, line in _lines(path):
        if line.strip() and (value := _object(line)):
            yield number, value
