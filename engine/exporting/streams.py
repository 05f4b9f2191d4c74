"""The long files of a run, read a piece at a time: memory does not grow with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engine.answers.rows_files import RowsFile, rows_files
from engine.exporting.events import Piece, rows_of
from engine.exporting.tables import ROWS
from engine.live.tail import LineTail
from engine.plain_file import open_plain
from engine.quick_json import loads


def event_pieces(run: Path, left_out: list[str]) -> Iterator[Piece]:
    """The rows of a run's ``events.jsonl``; nothing where there is none."""
    path = run / "events.jsonl"
    broken = 0
    for lines in _pieces(path, left_out):
        piece = rows_of(run.name, lines)
        broken += piece.broken
        yield piece
    if broken:
        left_out.append(f"{_shown(path)}: {_lines(broken)} no event.")


def scored_pieces(run: Path, left_out: list[str]) -> Iterator[list[str]]:
    """The scored examples of a run as lines of ROWS, the primary suite first."""
    files, problems = rows_files(run)
    left_out += [f"{run.name}: {one}" for one in problems]
    for file in files:
        broken = 0
        for lines in _pieces(file.path, left_out):
            found = [_scored(run.name, file, line) for line in lines if line.strip()]
            kept = [one for one in found if one is not None]
            broken += len(found) - len(kept)
            yield kept
        if broken:
            left_out.append(f"{_shown(file.path)}: {_lines(broken)} no scored example.")


def _scored(run_id: str, file: RowsFile, line: bytes) -> str | None:
    try:
        value = loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or "id" not in value:
        return None
    known = value.get
    return ROWS.line(
        (
            *(run_id, file.path.name, file.suite, file.side, str(known("id")), True),
            *(known("score"), known("correct"), known("slice"), known("source")),
            *(known("latency_ms"), known("tokens")),
            *(known("prompt"), known("expected"), known("got"), known("error")),
        )
    )


def _pieces(path: Path, left_out: list[str]) -> Iterator[list[bytes]]:
    """Complete lines of what is there now, about a megabyte at once; says what cannot be read."""
    tail = LineTail(path)
    size = tail.behind
    if not size and os.path.lexists(path) and not path.is_file():
        left_out.append(f"{_shown(path)} is no ordinary file.")
    while tail.offset < size:
        before = tail.offset
        lines = tail.read()
        if tail.offset == before:
            left_out.append(f"{_shown(path)} cannot be read.")
            return
        if lines:
            yield lines
    if size and not _ends_whole(path, size):
        left_out.append(f"{_shown(path)}: its last line is cut off.")


def _ends_whole(path: Path, size: int) -> bool:
    try:
        with open_plain(path) as file:
            file.seek(size - 1)
            return file.read(1) in (b"\n", b"")
    except OSError:  # removed meanwhile: what was read of it stands
        return True


def _lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count:,} lines are"


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
