"""Tags answers of a run, one change after the other, and takes the last ones back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock

from engine.answers.trace_review import (
    Answered,
    Reviews,
    RowKey,
    change_reviews,
    noted,
    read_reviews,
    toggled,
)
from engine.records.trace_review import Review

MAX_UNDO = 100

Changes = dict[RowKey, Review | None]


class Reviewing:
    """The reviews of one run as the file has them. Methods are for worker threads: they read and
    write, wait for each other, and raise what ``engine.answers.trace_review`` raises."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._lock = Lock()
        self._undo: list[Changes] = []

    def read(self) -> Reviews:
        """What is in the file now."""
        return read_reviews(self._run)

    def tag(self, answers: Iterable[Answered], failure_class: str) -> Reviews:
        """Give the answers a class, or take it off where all have it."""
        found = list(answers)
        return self._change(lambda reviews: toggled(reviews, found, failure_class))

    def tag_each(self, tagged: Iterable[tuple[Answered, str]]) -> Reviews:
        """Give each answer a class of its own; an answer that has that class keeps it."""
        found = list(tagged)

        def change(reviews: Reviews) -> Changes:
            changes: Changes = {}
            for answer, failure_class in found:
                one = toggled(reviews, [answer], failure_class)
                new = one[answer.key]
                if new is not None and new.failure_class == failure_class:
                    changes |= one
            return changes

        return self._change(change)

    def note(self, answer: Answered, text: str) -> Reviews:
        """Give an answer this note; an empty one takes it away."""
        return self._change(lambda reviews: noted(reviews, answer, text))

    def undo(self) -> Reviews | None:
        """Take the last change of this screen back; None where there is none."""
        with self._lock:
            if not self._undo:
                return None
            change_reviews(self._run, self._undo[-1])
            self._undo.pop()
            return self.read()

    def _change(self, change: Callable[[Reviews], Changes]) -> Reviews:
        with self._lock:
            changes = change(self.read())
            if changes:
                self._undo = [*self._undo, change_reviews(self._run, changes)][-MAX_UNDO:]
            return self.read()
