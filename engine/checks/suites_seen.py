"""The examples of the suites on disk, to hold the rows of an evaluation against them."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.folder import sha256_file
from engine.judge.suites import SuiteError, load_suite

MAX_BYTES = 8 * 2**20
"""A larger suite is not held against its rows here."""

_GIVES = ("database", "options", "scorer_file", "teacher")
# A suite of queries opens its databases when it is read: some seconds, and much memory.
_OPENS_FILES = ("sql_exact", "sql_exec")

Asked = Mapping[str, tuple[str, str]]
"""Example id to (prompt, expected), as a row of an evaluation has them."""


def look_at_suites(
    target: Path | None, planned: Iterable[Mapping[str, Any]]
) -> dict[str, tuple[str, Asked]]:
    """Suite name to (hash of its file, its examples), for the suites of a plan whose files are
    there and can be read; the others are left out."""
    found: dict[str, tuple[str, Asked]] = {}
    for suite in planned:
        name, file, scorer = suite.get("name"), suite.get("file"), suite.get("scorer")
        if target is None or not isinstance(name, str) or not isinstance(file, str):
            continue
        if name in found or scorer in _OPENS_FILES:
            continue
        try:
            path = (target / file).resolve()
            look = path.stat()
            inside = path.is_relative_to(target) and stat.S_ISREG(look.st_mode)
        except (OSError, ValueError, RuntimeError):
            continue
        if inside and look.st_size <= MAX_BYTES:
            known = scorer if isinstance(scorer, str) else None
            read = _read(path, look.st_size, look.st_mtime_ns, name, known)
            if read is not None:
                found[name] = read
    return found


@lru_cache(maxsize=32)
def _read(
    path: Path, size: int, mtime_ns: int, name: str, scorer: str | None
) -> tuple[str, Asked] | None:
    try:
        suite = load_suite(path, name, scorer, gives=_GIVES)
        if suite.databases:
            return None
        asked = {one.id: (one.prompt, one.expected) for one in suite.examples}
        return sha256_file(path), asked
    except (SuiteError, OSError):
        return None  # the suite stage of a new run says what is wrong with it
