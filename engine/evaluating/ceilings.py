"""``ceilings.json`` of a target: read, and kept up to date by what was measured."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from engine.folder import FolderError, alone, read_record, write_json_atomic
from engine.records.base import utc_now
from engine.records.ceiling import Ceiling, Ceilings
from engine.records.evaluation import EvalResult

CEILINGS = "ceilings.json"


def read_ceilings(target: Path) -> Ceilings:
    """The ceilings of a target's folder; none where there is no such file. FolderError for one
    that cannot be read."""
    try:
        return read_record(target / CEILINGS, Ceilings)
    except FolderError:
        if (target / CEILINGS).exists():
            raise
        return Ceilings()


def ceiling_of(record: EvalResult) -> Ceiling:
    """What an evaluation says as a ceiling. ValueError where it does not say of which file."""
    if record.suite_sha256 is None or record.n is None:
        raise ValueError(f"the record of {record.suite} names neither its suite's hash nor n")
    return Ceiling(
        suite=record.suite,
        suite_sha256=record.suite_sha256,
        model=record.model_id,
        command=record.command,
        date=record.date if isinstance(record.date, datetime) else utc_now(),
        score=record.score,
        n=record.n,
        metric=record.metric,
        direction=record.direction or "higher",
    )


def keep_ceiling(target: Path, ceiling: Ceiling) -> Ceiling | None:
    """Write a ceiling into the target's file; returns the one of the same suite version that it
    took the place of. FolderError for a file that cannot be read (it is left alone), OSError for
    one that cannot be written."""
    with alone(target):
        known = read_ceilings(target)
        version = (ceiling.suite, ceiling.suite_sha256)
        old = [one for one in known.ceilings if (one.suite, one.suite_sha256) == version]
        others = [one for one in known.ceilings if (one.suite, one.suite_sha256) != version]
        known.ceilings = [*others, ceiling]
        write_json_atomic(target / CEILINGS, known)
    return old[0] if old else None
