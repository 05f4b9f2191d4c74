"""``dataset/canonical.jsonl``: the rows that are trained on, each with where it comes from.

A row's key ``origin`` says who wrote it and why; other tools ignore the key. Rows are added in one
atomic write, so either all rows of an iteration are there or none, and lines that are there stay
byte for byte. A row without an origin was written by hand and is never removed.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.folder import alone, write_bytes_atomic
from engine.plain_file import read_plain
from engine.records.base import utc_now
from engine.records.loop import Origin

MAX_BYTES = 512 * 2**20

BY_HAND = "by hand"

Row = Mapping[str, Any]


class CanonicalError(Exception):
    """The file cannot be used; the sentence says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands, its number from 1, its row (None where it is none) and its origin."""

    number: int
    raw: bytes
    row: dict[str, Any] | None
    origin: Origin | None

    @property
    def kind(self) -> str:
        """The kind of its origin, or "by hand"."""
        return self.origin.kind if self.origin else BY_HAND

    @property
    def written(self) -> str:
        """The kind of who wrote it first: that of before, where it was audited since."""
        was = self.origin.was if self.origin and self.origin.kind == "audited" else None
        return was or self.kind


def read_lines(path: Path) -> list[Line]:
    """The lines that are not blank; none where there is no file. CanonicalError when it cannot be
    read. What is no row stays a line without one."""
    try:
        data = read_plain(path, MAX_BYTES)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CanonicalError(
            f"{path.name} cannot be read ({error.strerror or error}). Nothing was changed."
        ) from error
    return [
        _line(number, raw) for number, raw in enumerate(data.split(b"\n"), start=1) if raw.strip()
    ]


def _line(number: int, raw: bytes) -> Line:
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError):
        return Line(number, raw, None, None)
    if not isinstance(row, dict):
        return Line(number, raw, None, None)
    try:
        origin = Origin.model_validate(row["origin"]) if "origin" in row else None
    except ValidationError:
        origin = None  # another tool's key of that name: a row of somebody's own
    return Line(number, raw, row, origin)


def add_rows(path: Path, rows: Iterable[Row], origin: Origin) -> int:
    """Append ``rows``, each with ``origin``; returns how many. One atomic write.

    CanonicalError when the file cannot be read or written; it is as it was then.
    """
    return add_each(path, ((row, origin) for row in rows))


def add_each(path: Path, rows: Iterable[tuple[Row, Origin]]) -> int:
    """Append rows that have an origin each; otherwise as ``add_rows``."""
    now = _now()
    new = [encoded(row, origin, now) for row, origin in rows]
    if not new:
        return 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A loop and a person may add rows at the same time.
        with alone(path.parent):
            before = read_plain(path, MAX_BYTES) if path.exists() else b""
            if before and not before.endswith(b"\n"):
                before += b"\n"
            write_bytes_atomic(path, before + b"\n".join(new) + b"\n")
    except OSError as error:
        raise CanonicalError(
            f"The rows cannot be added to {path.name} ({error.strerror or error}). It is as it was."
        ) from error
    return len(new)


def encoded(row: Row, origin: Origin, now: datetime) -> bytes:
    """A row with its origin as it stands in the file, without the line's end."""
    dated = origin if origin.added else origin.model_copy(update={"added": now})
    stamp = dated.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    text = json.dumps({**row, "origin": stamp}, ensure_ascii=False)
    return text.encode("utf-8", "replace")


def rows_of(lines: Iterable[Line], loop: str, iteration: int) -> list[Line]:
    """The rows that an iteration of a loop added: how a loop that was killed sees it did."""
    return [
        line
        for line in lines
        if line.origin and line.origin.loop == loop and line.origin.iteration == iteration
    ]


def count_by_origin(lines: Iterable[Line]) -> dict[str, int]:
    """How many rows of each kind of origin; lines that are no rows are not counted."""
    return dict(Counter(line.kind for line in lines if line.row is not None))


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a clean-up keeps and removes, by the kind of origin."""

    kept: dict[str, int]
    removed: dict[str, int]


def clean(path: Path, *, keep_seed_only: bool = False, dry_run: bool = False) -> Cleaned:
    """Remove the rows that machines wrote; with ``keep_seed_only`` also those written by hand.

    Lines that are no rows stay: they may be somebody's half-finished thought, and the data stage
    says what is wrong with them. An audited row is whose it was before. CanonicalError as in
    ``add_rows``.
    """

    def stays(line: Line) -> bool:
        if line.row is None or line.written == "seed":
            return True
        return line.written == BY_HAND and not keep_seed_only

    return _rewrite(path, stays, dry_run)


def remove_rows(path: Path, loop: str, iteration: int, *, dry_run: bool = False) -> Cleaned:
    """Remove what one iteration added, and nothing else."""
    return _rewrite(path, lambda line: not rows_of([line], loop, iteration), dry_run)


def replace_lines(path: Path, lines: list[Line], changes: Mapping[int, bytes | None]) -> None:
    """Put other bytes in the place of lines, by their number; None takes a line out. One atomic
    write; CanonicalError where the file is not what ``lines`` were read from any more."""
    with _alone(path):
        if [line.raw for line in read_lines(path)] != [line.raw for line in lines]:
            raise CanonicalError(
                f"{path.name} was changed meanwhile. Nothing was written: begin again."
            )
        new = [changes.get(line.number, line.raw) for line in lines]
        write_bytes_atomic(path, b"".join(raw + b"\n" for raw in new if raw is not None))


def _rewrite(path: Path, stays: Callable[[Line], bool], dry_run: bool) -> Cleaned:
    if not path.parent.is_dir():
        return Cleaned({}, {})
    with _alone(path):
        lines = read_lines(path)
        kept = [line for line in lines if stays(line)]
        gone = [line for line in lines if not stays(line)]
        if gone and not dry_run:
            write_bytes_atomic(path, b"".join(line.raw + b"\n" for line in kept))
    return Cleaned(count_by_origin(kept), count_by_origin(gone))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else changes the file meanwhile; what goes wrong is a CanonicalError."""
    try:
        with alone(path.parent):
            yield
    except OSError as error:
        raise CanonicalError(
            f"{path.name} cannot be written ({error.strerror or error}). It is as it was."
        ) from error


def seeds_to_take(path: Path, seed: Path) -> list[Row]:
    """The rows of ``seed.jsonl`` that canonical has not, without an origin of their own.

    Rows are told apart by their conversation. Lines of the seed that are no rows are left out.
    """
    known = {_conversation(line.row) for line in read_lines(path) if line.row is not None}
    new: list[Row] = []
    for line in read_lines(seed):
        if line.row is None or (key := _conversation(line.row)) in known:
            continue
        known.add(key)
        new.append({name: value for name, value in line.row.items() if name != "origin"})
    return new


def _conversation(row: Row) -> str:
    kept = {key: value for key, value in row.items() if key in ("messages", "prompt", "completion")}
    return json.dumps(kept or dict(row), sort_keys=True, ensure_ascii=False)


def _now() -> datetime:
    return utc_now().replace(microsecond=0)
