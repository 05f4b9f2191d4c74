"""What comes of a suite, however it was answered: rows, and the examples that have no score.

An example that got no answer, or no verdict of a judge, is in no row: it is missing, not wrong. Too
many of those, and there is no score of the suite either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.judge.suites import Example, Suite
from engine.judge.teacher import NotJudged
from engine.records.evaluation import RowResult

MAX_UNSCORED = 0.05
"""The share of a suite's examples that may be without a score; with more, nothing is concluded.
What is missing is seldom missing at random: long questions time out, hard ones run over a limit."""

GIVE_UP = 5
"""So many questions in a row without an answer: whoever answers has gone."""


@dataclass
class Outcome:
    """``rows`` are in the order of the suite; ``unscored`` is example id to the reason."""

    rows: list[RowResult] = field(default_factory=list)
    unscored: dict[str, str] = field(default_factory=dict)
    duration_s: float = 0.0


class NoScore(Exception):
    """A suite that got no score; the text is a sentence. ``outcome`` is what had come."""

    def __init__(self, text: str, outcome: Outcome) -> None:
        super().__init__(text)
        self.outcome = outcome


class Gaps:
    """Notes the examples without a score in ``outcome``; NoScore as soon as there are too many.

    ``missing`` hears of each once.
    """

    def __init__(self, suite: Suite, missing: Callable[[Example, str], None]) -> None:
        self.outcome = Outcome()
        self._suite = suite
        self._missing = missing
        self._in_a_row = 0

    def answered(self) -> None:
        """A question was answered: whoever answers is still there."""
        self._in_a_row = 0

    def not_answered(self, index: int, why: str) -> None:
        self._in_a_row += 1
        self._add(index, f"not answered: {why}")

    def not_judged(self, index: int, why: NotJudged) -> None:
        self._add(index, f"not judged: {why}")

    def _add(self, index: int, why: str) -> None:
        example = self._suite.examples[index]
        if example.id in self.outcome.unscored:
            return
        self.outcome.unscored[example.id] = why
        self._missing(example, why)
        total, count = len(self._suite.examples), len(self.outcome.unscored)
        allowed = int(MAX_UNSCORED * total)
        if self._in_a_row >= GIVE_UP or count > allowed:
            raise NoScore(
                f"{self._suite.name} has no score: {count} of {total} examples have none "
                f"(at most {allowed} may). The last one was {why}",
                self.outcome,
            )
