"""What the rows of a run fail on: by slice, and by the class that people gave or evidence suggests.

Reads files: for worker threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.answers.scored_examples import Row
from engine.answers.scored_rows import RowIndex, index_rows
from engine.folder import FolderError, read_record
from engine.judge.failure_class import suggest
from engine.records.trace_review import TraceReview

CLASSED = 2_000
"""Failing answers of a run whose texts are read to be classed."""

WITHOUT_SLICE = "no slice"
UNCLASSED = "not classed"


@dataclass(frozen=True, slots=True)
class Failures:
    """The wrong rows of a run on its primary suite. ``classes`` count those that a person tagged
    by their tag, the others by what the evidence suggests."""

    wrong: int
    total: int
    slices: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    tagged: int = 0


def read_failures(run: Path) -> Failures | None:
    """What a run's candidate failed on; None where no rows are recorded."""
    index = index_rows(run)
    file = next(
        (n for n, one in enumerate(index.files) if one.primary and one.side == "candidate"), None
    )
    if file is None:
        return None
    slices: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    given = _given(run, index.files[file].record)
    total = wrong = tagged = 0
    for example in index.examples:
        row = example.candidate
        if row is None or row.file != file:
            continue
        total += 1
        if row.correct:
            continue
        wrong += 1
        slices[row.slice or WITHOUT_SLICE] += 1
        if row.id in given:
            classes[given[row.id]] += 1
            tagged += 1
        elif wrong <= CLASSED:
            classes[_suggested(index, file, row)] += 1
    return Failures(wrong, total, dict(slices), dict(classes), tagged)


def _suggested(index: RowIndex, file: int, row: Row) -> str:
    text = index.fetch(row)
    known = index.names.get(index.files[file].suite, ())
    found = suggest(text.expected, text.got, text.error, False, known)
    return found.failure_class.value if found is not None else UNCLASSED


def _given(run: Path, record: str) -> dict[str, str]:
    """The classes that people gave to answers of an eval record, by row."""
    path = run / "trace-review.json"
    if not path.exists():
        return {}
    try:
        reviews = read_record(path, TraceReview).reviews
    except (FolderError, OSError):
        return {}
    return {
        one.row_id: one.failure_class
        for one in reviews
        if one.record == record and one.failure_class is not None
    }
