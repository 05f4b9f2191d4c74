"""Counts the reviews of a run's answers. Pure: works on reviews and rows that it is handed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.records.evaluation import RowResult
from engine.records.trace_review import Review

Standing = Literal["current", "changed", "gone", "unknown"]
"""Of a review: its answer is the one that was read; another stands there now; there is no such
row; there are no rows to look in."""


@dataclass(frozen=True)
class ReviewCount:
    """``current`` are the reviews that still speak of the answers that are there, each row's last
    one; ``gone`` is how many others there are."""

    current: list[Review] = field(default_factory=list)
    gone: int = 0

    def classes(self) -> set[str]:
        return {one.failure_class for one in self.current if one.failure_class}

    def per_class(self) -> Counter[str]:
        """How many answers have each class."""
        return Counter(one.failure_class for one in self.current if one.failure_class)


def standings(reviews: Sequence[Review], rows: Mapping[str, Sequence[RowResult]]) -> list[Standing]:
    """How each review stands to the rows, which come by the name of their eval record."""
    answers = {
        record: {row.id: row.got for row in rows[record]}
        for record in {one.record for one in reviews}
        if record in rows
    }
    return [_standing(one, answers.get(one.record)) for one in reviews]


def _standing(review: Review, answers: Mapping[str, str] | None) -> Standing:
    if answers is None:
        return "unknown"
    got = answers.get(review.row_id)
    if got is None:
        return "gone"
    digest = hashlib.sha256(got.encode("utf-8", "surrogatepass")).hexdigest()
    return "current" if review.answer_sha256 in (None, digest) else "changed"


def count_reviews(
    reviews: Iterable[Review], rows: Mapping[str, Sequence[RowResult]]
) -> ReviewCount:
    """Which reviews count. Those of rows that cannot be looked up are believed."""
    last = list({(one.record, one.row_id): one for one in reviews}.values())
    found = standings(last, rows)
    current = [one for one, how in zip(last, found, strict=True) if how in ("current", "unknown")]
    return ReviewCount(current, len(last) - len(current))
