"""Summaries of runs from one start to the next, so that ten thousand need not be read again.

``.factory/cache/summaries.jsonl`` is only a cache: a summary counts while the files that it was
made from are the same ones (their inodes, sizes and times of change), else the folder is read. A
file that is missing, of another version or broken counts as empty. Summaries of runs in which
something may happen are never kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.catalogue.summary import FILES, RunSummary
from engine.plain_file import open_plain

VERSION = 3
MAX_BYTES = 256 * 2**20
"""A cache over this size is not read: some 200,000 runs."""

_YOUNG_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again within one tick."""

_NAMES = tuple(one.name for one in fields(RunSummary) if one.name not in ("run_id", "path"))
_TIMES = ("created", "updated")
_TEXT, _NUMBER, _WHOLE = (str, type(None)), (float, int, type(None)), (int, type(None))
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_NAMES, _NUMBER),
    **dict.fromkeys(("target", "liveness", "direction"), (str,)),
    **dict.fromkeys(
        (
            *("phase", "stage", "waiting_for", "decision", "routed", "base_model"),
            *("parent_run_id", "historical", "last_error", "last_fix", "created", "updated"),
        ),
        _TEXT,
    ),
    **dict.fromkeys(("seed", "n", "peak_bytes"), _WHOLE),
    "more_gates": (bool,),
    "hyperparameters": (dict,),
    "tags": (list,),
    "unreadable": (list,),
}
_SHAPE = [_TYPES[name] for name in _NAMES]
_TIME_AT = [_NAMES.index(name) for name in _TIMES]
_LIST_AT = [_NAMES.index(name) for name in ("tags", "unreadable")]
_SETTINGS_AT = _NAMES.index("hyperparameters")
_LIVENESS_AT = _NAMES.index("liveness")
_FILES = {name: number for number, name in enumerate(sorted(FILES))}

Stamp = str
"""What a run's files look like from outside: another one when one of them was written."""

Kept = dict[str, tuple[Stamp, RunSummary]]
"""Run id to the stamp of its files and the summary that was made from them."""


def stamp_of(run: str) -> tuple[Stamp, int]:
    """The stamp of a run folder's files, and the newest time of change in it (nanoseconds).

    OSError where the folder cannot be looked into.
    """
    seen: dict[str, os.stat_result] = {}
    with os.scandir(run) as entries:
        for entry in entries:
            if entry.name in FILES:
                with contextlib.suppress(OSError):  # a broken link
                    seen[entry.name] = entry.stat()
    return stamp_from(seen)


def stamp_from(seen: Mapping[str, os.stat_result]) -> tuple[Stamp, int]:
    """As ``stamp_of``, from what `summarise` saw of the very files that it read."""
    parts: list[int] = []
    newest = 0
    for name in sorted(seen):
        one = seen[name]
        newest = max(newest, one.st_ctime_ns)
        parts += (_FILES[name], one.st_ino, one.st_size, one.st_ctime_ns)
    # Python's hash of whole numbers is the same in each process, and needs no library loaded.
    return f"{hash(tuple(parts)):x}", newest


class SummaryCache:
    """The cache file of one workspace. Used from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, runs_dir: Path) -> Iterator[Kept]:
        """What was kept, in pieces, so that a screen gets a word in; nothing where it is broken."""
        try:
            with open_plain(self.path) as file:
                if os.fstat(file.fileno()).st_size > MAX_BYTES:
                    return
                if json.loads(file.readline()) != _header():
                    return
                while lines := file.readlines(256 * 1024):
                    piece: Kept = {}
                    for line in lines:
                        run_id, stamp, values = json.loads(line, parse_constant=_no_constant)
                        piece[run_id] = (stamp, _restored(run_id, runs_dir, values))
                    yield piece
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return

    def save(self, kept: Iterable[tuple[Stamp, RunSummary]]) -> None:
        """Write the cache anew. Where that fails the old one stays: it is only slower then."""
        # Its own name for each writer: processes, and the screens of one, write at the same time.
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w", encoding="utf-8") as file:
                file.write(json.dumps(_header()) + "\n")
                for stamp, summary in kept:
                    with contextlib.suppress(ValueError):  # a number that JSON has no word for
                        file.write(_line(stamp, summary) + "\n")
            beside.replace(self.path)
        except (OSError, UnicodeError):
            with contextlib.suppress(OSError):
                beside.unlink()


def settled(newest_ns: int, read_at_ns: int | None = None) -> bool:
    """Whether files that last changed at ``newest_ns`` had that behind them when they were read."""
    return (read_at_ns or time.time_ns()) - newest_ns > _YOUNG_NS


def _header() -> list[Any]:
    return ["factory-tui summaries", VERSION, list(_NAMES)]


def _line(stamp: Stamp, summary: RunSummary) -> str:
    values = [getattr(summary, name) for name in _NAMES]
    for at in _TIME_AT:
        values[at] = values[at].isoformat() if values[at] is not None else None
    return json.dumps([summary.run_id, stamp, values], separators=(",", ":"), allow_nan=False)


def _restored(run_id: object, runs_dir: Path, values: list[Any]) -> RunSummary:
    """A summary from its values; ValueError or TypeError where one is of another kind."""
    if type(run_id) is not str or "/" in run_id or len(values) != len(_NAMES):
        raise ValueError("no summary")
    for value, types in zip(values, _SHAPE, strict=True):
        if type(value) not in types:
            raise TypeError("a value of another kind")
    for at in _LIST_AT:
        if not all(type(item) is str for item in values[at]):
            raise TypeError("a list of other things than texts")
    if values[_LIVENESS_AT] != "idle":
        raise ValueError("a run that moves")
    for value in values[_SETTINGS_AT].values():
        if type(value) not in (str, int, float, bool, dict):
            raise TypeError("a setting of another kind")
    for at in _TIME_AT:
        if values[at] is not None:
            values[at] = datetime.fromisoformat(values[at])
    return RunSummary(run_id, runs_dir / run_id, *values)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
