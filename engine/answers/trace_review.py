"""The review of a run's answers: failure classes and notes, read and written whole.

A decided run may be reviewed: its lesson and the next run's data come from reading its answers.
What it was decided on stays untouched, since a review is a file beside the evidence that no
gate reads; who wrote what and when stands in it.
"""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from engine.folder import alone, read_record, write_json_atomic
from engine.records.base import utc_now
from engine.records.trace_review import Review, TraceReview

FILE = "trace-review.json"

MAX_NOTE = 2_000
"""Characters of a note; a longer one is cut when it is written."""


class RowKey(NamedTuple):
    """One answer of a run: the eval record that its rows belong to, and the row's id."""

    record: str
    row_id: str


Reviews = dict[RowKey, Review]


class Answered(NamedTuple):
    """An answer that is to be reviewed, as it was shown."""

    key: RowKey
    suite: str
    stage: str | None
    got: str


def read_reviews(run: Path) -> Reviews:
    """The reviews of a run; none where there is no file. FolderError where it cannot be read.

    Where an answer was reviewed twice the last review counts.
    """
    if not (run / FILE).exists():
        return {}
    record = read_record(run / FILE, TraceReview)
    return {RowKey(one.record, one.row_id): one for one in record.reviews}


def change_reviews(
    run: Path, changes: Mapping[RowKey, Review | None]
) -> dict[RowKey, Review | None]:
    """Set these reviews (None takes one away); returns what was there before, for an undo.

    Nobody else's reviews and no unknown key of the file are lost; a file without any review left
    is removed. FolderError where the file that is there cannot be read: it is not overwritten.
    OSError when the disk refuses.
    """
    path = run / FILE
    with alone(run):
        there = path.exists()
        record = read_record(path, TraceReview) if there else TraceReview(run_id=run.name)
        reviews = {RowKey(one.record, one.row_id): one for one in record.reviews}
        before = {key: reviews.get(key) for key in changes}
        for key, review in changes.items():
            if review is None:
                reviews.pop(key, None)
            else:
                reviews[key] = review
        if reviews or record.model_extra:
            record.reviews = list(reviews.values())
            write_json_atomic(path, record)
        elif there:
            path.unlink()
    return before


def toggled(
    reviews: Mapping[RowKey, Review], answers: Iterable[Answered], failure_class: str
) -> dict[RowKey, Review | None]:
    """The changes that tag these answers; those that take the tag off where all have it.

    A note that stands there stays. A tag of an answer that was measured again since counts as none.
    """
    answers = list(answers)
    taken_off = all(
        (one := reviews.get(answer.key)) is not None
        and one.failure_class == failure_class
        and is_current(one, answer.got)
        for answer in answers
    )
    changes: dict[RowKey, Review | None] = {}
    for answer in answers:
        old = reviews.get(answer.key)
        note = old.note if old is not None else None
        if taken_off and not note:
            changes[answer.key] = None
        else:
            changes[answer.key] = review_of(answer, None if taken_off else failure_class, note, old)
    return changes


def noted(
    reviews: Mapping[RowKey, Review], answer: Answered, note: str
) -> dict[RowKey, Review | None]:
    """The change that gives an answer this note; an empty note takes it away."""
    old = reviews.get(answer.key)
    failure_class = old.failure_class if old is not None and is_current(old, answer.got) else None
    text = " ".join(note.split())[:MAX_NOTE]
    if not text and failure_class is None:
        return {answer.key: None}
    return {answer.key: review_of(answer, failure_class, text or None, old)}


def review_of(
    answer: Answered, failure_class: str | None, note: str | None, old: Review | None = None
) -> Review:
    """A review of now by the person at this machine; unknown keys of the old one are kept."""
    extra = dict(old.model_extra or {}) if old is not None else {}
    return Review(
        record=answer.key.record,
        row_id=answer.key.row_id,
        suite=answer.suite,
        stage=answer.stage,
        failure_class=failure_class,
        note=note,
        answer_sha256=answer_hash(answer.got),
        by=reviewer(),
        at=utc_now(),
        **extra,
    )


def is_current(review: Review, got: str) -> bool:
    """Whether the answer still is the one that was read; true where no hash was recorded."""
    return review.answer_sha256 is None or review.answer_sha256 == answer_hash(got)


def answer_hash(got: str) -> str:
    """What tells an answer from the one that a later evaluation gives."""
    return hashlib.sha256(got.encode("utf-8", "surrogatepass")).hexdigest()


def reviewer() -> str | None:
    """The name that the person has on this machine; None where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
