"""Every scored row of a run, found once and read when it is wanted.

A rows file may hold a hundred thousand rows with answers of any length. ``index_rows`` goes over
each file once and keeps, for a row, where it lies and what a list sorts and filters by; the texts
stay on the disk until ``fetch``. For a worker thread: it reads files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any

from engine.answers.rows_files import RowsFile, rows_files, stamps_of
from engine.answers.scored_examples import Examples, Row
from engine.judge.failure_class import names_in
from engine.plain_file import open_plain

MAX_ROW_BYTES = 16 << 20
"""A longer line is no row."""

MAX_NAMES = 10_000
_TOLD_EVERY = 5_000
_ASKED_EVERY = 500
_SHOWN_PROBLEMS = 3


class Stopped(Exception):
    """Whoever asked for the rows does not want them any more."""


@dataclass(frozen=True, slots=True)
class RowText:
    """The texts of a row. ``error`` says as well where a row could not be read again."""

    id: str
    prompt: str
    expected: str
    got: str
    error: str | None
    latency_ms: float | None
    tokens: int | None


@dataclass
class RowIndex:
    """All rows of a run. ``names`` are the commands that a suite's answers are expected to name;
    ``problems`` are sentences about what could not be read."""

    files: list[RowsFile] = field(default_factory=list)
    examples: Examples = field(default_factory=Examples)
    names: dict[str, set[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    stamps: frozenset[tuple[str, int, int]] = frozenset()

    @property
    def suites(self) -> list[str]:
        """The suites in their order, the primary one first."""
        return list(dict.fromkeys(one.suite for one in self.files))

    def file(self, row: Row) -> RowsFile:
        return self.files[row.file]

    def fetch(self, row: Row) -> RowText:
        """The texts of a row, from the disk. Never raises: what is wrong is its ``error``."""
        name = self.files[row.file].path.name
        try:
            value = json.loads(self._bytes(row))
        except (OSError, ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or str(value.get("id")) != row.id:
            why = f"{name} changed since it was read; it is read again in a moment."
            return RowText(row.id, "", "", "", why, None, None)
        error = value.get("error")
        return RowText(
            id=row.id,
            prompt=_text(value.get("prompt")),
            expected=_text(value.get("expected")),
            got=_text(value.get("got")),
            error=None if error is None else _text(error),
            latency_ms=_number(value.get("latency_ms")),
            tokens=value["tokens"] if type(value.get("tokens")) is int else None,
        )

    def _bytes(self, row: Row) -> bytes:
        with open_plain(self.files[row.file].path) as file:
            return os.pread(file.fileno(), row.length, row.offset)

    def search(self, needle: str, stop: Callable[[], bool] = lambda: False) -> set[int]:
        """The indices of the examples that hold a text in id, prompt, expected or got of either
        side, ignoring case. Stopped when ``stop`` says so."""
        wanted = needle.casefold()
        found: set[int] = set()
        # A text without signs that JSON writes otherwise is looked for in the bytes first.
        raw = wanted.encode() if wanted.isascii() and not set(wanted) & set('"\\/') else None
        count = 0
        for file, handle in self._opened():
            for position, offset, length in self.examples.places(self.files[file].side, file):
                count += 1
                if count % _ASKED_EVERY == 0 and stop():
                    raise Stopped
                if position in found:
                    continue
                data = os.pread(handle, length, offset)
                # Case folding of other letters may give ASCII ones: only ASCII lines are passed by.
                plain = data.isascii() and b"\\u" not in data
                if raw is not None and plain and raw not in data.lower():
                    continue
                if wanted in _searched(data):
                    found.add(position)
        return found

    def _opened(self) -> Iterator[tuple[int, int]]:
        """(index, descriptor) of each rows file that can be opened."""
        for index, one in enumerate(self.files):
            try:
                file = open_plain(one.path)
            except OSError:  # removed since it was listed: nothing of it is found
                continue
            with file:
                yield index, file.fileno()


def _searched(data: bytes) -> str:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    texts = (value.get(key) for key in ("id", "prompt", "expected", "got"))
    return "\n".join(str(text) for text in texts if text is not None).casefold()


# --- reading -------------------------------------------------------------------------------


def index_rows(
    run: Path,
    told: Callable[[int], None] = lambda count: None,
    stop: Callable[[], bool] = lambda: False,
) -> RowIndex:
    """Go over all rows of a run once. ``told`` hears from time to time how many were read.

    Stopped when ``stop`` says so. What cannot be read is in ``problems``.
    """
    index = RowIndex(stamps=stamps_of(run))
    index.files, index.problems = rows_files(run)
    where: dict[str, dict[str, int]] = {}
    count = 0
    for number, file in enumerate(index.files):
        names = index.names.setdefault(file.suite, set())
        bad: list[str] = []
        twice = 0
        try:
            for line_number, offset, line in _lines(file.path):
                count += 1
                if count % _TOLD_EVERY == 0:
                    told(count)
                    if stop():
                        raise Stopped
                row = _row(number, offset, line, names)
                if isinstance(row, str):
                    bad.append(f"line {line_number} {row}")
                elif not _place(index, where.setdefault(file.suite, {}), file, row):
                    twice += 1
        except OSError as error:
            bad.append(f"it cannot be read ({error.strerror})")
        if bad:
            more = f" and {len(bad) - _SHOWN_PROBLEMS} more" if len(bad) > _SHOWN_PROBLEMS else ""
            shown = "; ".join(bad[:_SHOWN_PROBLEMS])
            index.problems.append(f"{file.path.name}: {shown}{more}.")
        if twice:
            index.problems.append(
                f"{file.path.name}: {twice} rows have an id that stood there before; they are "
                "listed by themselves and not compared."
            )
    return index


def _place(index: RowIndex, where: dict[str, int], file: RowsFile, row: Row) -> bool:
    """Put a row to its example; False where its id stood in the file before."""
    at = where.get(row.id)
    if at is not None and index.examples.has(at, file.side):
        index.examples.put(None, file.suite, file.side, row)
        return False
    where[row.id] = index.examples.put(at, file.suite, file.side, row)
    return True


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(number from 1, offset, line) of the lines that hold anything; one that is too long is
    cut, so that it is no JSON."""
    with open_plain(path) as file:
        offset, number = 0, 0
        while line := file.readline(MAX_ROW_BYTES):
            number += 1
            if line.strip():
                yield number, offset, line
            offset += len(line)
            while line and not line.endswith(b"\n"):  # what is left of a line that is too long
                line = file.readline(MAX_ROW_BYTES)
                offset += len(line)


def _row(file: int, offset: int, line: bytes, names: set[str]) -> Row | str:
    """The row of a line, or what is wrong with it."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return "is not JSON"
    if not isinstance(value, dict):
        return "is no JSON object"
    if "id" not in value or not isinstance(value.get("correct"), bool):
        return 'has no "id" and "correct"'
    expected = value.get("expected")
    if isinstance(expected, str) and len(names) < MAX_NAMES:
        names.update(map(intern, names_in(expected)[:1]))
    piece = value.get("slice")
    score = _number(value.get("score"))
    return Row(
        file=file,
        offset=offset,
        length=len(line),
        id=str(value["id"]),
        correct=value["correct"],
        score=float(value["correct"]) if score is None else score,
        slice=intern(piece) if isinstance(piece, str) and piece else None,
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
