"""Which runs of the workspace were judged on a gold set before a run, and that one itself.

Looks at the candidate's record of every run. That is quick for ten thousand: a record that did not
change is not read again, and a look at all of them serves for a while, the longer it took.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from engine.plain_file import read_plain

RECORD = "eval-candidate.json"
MAX_RUNS = 20_000
"""Runs that are looked at, the newest names first."""

_MAX_BYTES = 4 * 2**20
_SERVES = 20
"""A look serves for so many times as long as it took."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A run that was judged: ``when`` is None where its record does not tell. ``digest`` is of the
    record's bytes: a run that went on from another one may have taken its record over."""

    run: str
    gold: str
    when: datetime | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Look:
    by_gold: Mapping[str, Sequence[Judged]]
    until: float


_looks: dict[str, _Look] = {}


def judged_until(run: Path, gold: str | None) -> tuple[str, ...]:
    """The runs that were judged on ``gold`` (a suite's hash) no later than ``run``, and itself.

    A run whose record tells no time counts: the number is rather too high. Runs that share one
    measurement count once. () where ``run`` itself was not judged on it.
    """
    if gold is None:
        return ()
    run = run.resolve()
    own = _judged(run.parent, run.name)
    if own is None or own.gold != gold:
        return ()
    found = {own.digest: own.run}
    for one in _look(run.parent).by_gold.get(gold, ()):
        if one.when is None or own.when is None or one.when <= own.when:
            found.setdefault(one.digest, one.run)
    return tuple(sorted(found.values()))


def runs_on(runs: Path, gold: str) -> list[Judged]:
    """Every run below ``runs`` whose candidate was judged on ``gold``."""
    return [*_look(runs.resolve()).by_gold.get(gold, ())]


def _look(runs: Path) -> _Look:
    key, began = os.fspath(runs), time.monotonic()
    known = _looks.get(key)
    if known is not None and began < known.until:
        return known
    by_gold: dict[str, list[Judged]] = {}
    for name in _names(runs):
        one = _judged(runs, name)
        if one is not None:
            by_gold.setdefault(one.gold, []).append(one)
    ended = time.monotonic()
    _looks.clear()  # one workspace is open at a time
    look = _looks[key] = _Look(by_gold, ended + _SERVES * (ended - began))
    return look


def _names(runs: Path) -> list[str]:
    try:
        names = [name for name in os.listdir(runs) if not name.startswith(".")]  # noqa: PTH208
    except OSError:
        return []
    return sorted(names, reverse=True)[:MAX_RUNS]


def _judged(runs: Path, name: str) -> Judged | None:
    path = f"{os.fspath(runs)}/{name}/{RECORD}"
    try:
        seen = os.stat(path)  # noqa: PTH116 - no Path a file
    except (OSError, ValueError):
        return None
    return _read(path, name, seen.st_size, seen.st_mtime_ns)


@lru_cache(maxsize=MAX_RUNS)
def _read(path: str, name: str, _size: int, _changed: int) -> Judged | None:
    try:
        data = read_plain(Path(path), _MAX_BYTES)
        record = json.loads(data)
    except (OSError, ValueError, RecursionError):
        return None
    gold = record.get("suite_sha256") if isinstance(record, dict) else None
    if not isinstance(gold, str):
        return None
    return Judged(name, gold, _moment(record.get("date")), hashlib.sha256(data).digest())


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
