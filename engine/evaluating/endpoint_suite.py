"""A suite put to an endpoint, its answers scored: rows, and what is missing.

An example that got no answer, or no verdict of a judge, has no score and is in no row: it is
missing, not wrong. Too many of those, and there is no score of the suite either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field

from engine.answers.target_suites import answer_text
from engine.evaluating.asking import Asker, ask_each
from engine.evaluating.marking import Marker
from engine.evaluating.rows import row_of
from engine.judge.suites import Example
from engine.judge.teacher import NotJudged
from engine.records.evaluation import RowResult
from engine.serving.chat import Answer, Ask

MAX_UNSCORED = 0.05
"""The share of a suite's examples that may be without a score; with more, nothing is concluded.
What is missing is seldom missing at random: long questions time out, hard ones run over a limit."""

GIVE_UP = 5
"""So many questions in a row without an answer: whoever answers has gone."""


class NoScore(Exception):
    """A suite that got no score; the text is a sentence. ``outcome`` is what had come."""

    def __init__(self, text: str, outcome: Outcome) -> None:
        super().__init__(text)
        self.outcome = outcome


@dataclass
class Outcome:
    """``rows`` are in the order of the suite; ``unscored`` is example id to the reason."""

    rows: list[RowResult] = field(default_factory=list)
    unscored: dict[str, str] = field(default_factory=dict)
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer of an endpoint, as rows are made of it."""

    index: int
    text: str
    tokens: int | None
    latency_ms: float
    cut_off: bool | None


def put_to(
    asker: Asker,
    marker: Marker,
    how: Ask,
    *,
    concurrency: int = 1,
    check: Callable[[], None] = lambda: None,
    told: Callable[[RowResult], None] = lambda row: None,
    missing: Callable[[Example, str], None] = lambda example, why: None,
) -> Outcome:
    """Put every example of the marker's suite to an endpoint and score what it answers. Blocks.

    ``told`` hears of each row as it is scored, ``missing`` of each example that has no score.
    ``check`` is called several times a second and ends it by raising. NoScore where too many are
    missing; Refused where no question is answered at all; ScorerError for the scorer.
    """
    examples = marker.suite.examples
    found: dict[int, RowResult] = {}
    outcome = Outcome()
    allowed = int(MAX_UNSCORED * len(examples))
    in_a_row = 0

    def without(example: Example, why: str) -> None:
        outcome.unscored[example.id] = why
        missing(example, why)

    def answers() -> Generator[_Given]:
        nonlocal in_a_row
        # Closed here and now, not when the last trace of an exception is collected.
        with closing(
            ask_each(asker, examples, how, concurrency=concurrency, check=check)
        ) as replies:
            for reply in replies:
                if isinstance(reply.answer, Answer):
                    in_a_row = 0
                    yield _given(reply.index, reply.answer)
                    continue
                in_a_row += 1
                without(examples[reply.index], f"not answered: {reply.answer}")
                stop_if_too_many()

    def stop_if_too_many() -> None:
        count = len(outcome.unscored)
        if in_a_row >= GIVE_UP or count > allowed:
            last = next(reversed(outcome.unscored.values()))
            raise NoScore(
                f"{marker.suite.name} has no score: {count} of {len(examples)} examples have none "
                f"(at most {allowed} may). The last one was {last}",
                outcome,
            )

    began = time.perf_counter()
    try:
        with (
            closing(answers()) as every,
            closing(marker.mark_each(every, check=check)) as marks,
        ):
            for given, mark in marks:
                example = examples[given.index]
                if isinstance(mark, NotJudged):
                    without(example, f"not judged: {mark}")
                    stop_if_too_many()
                    continue
                row = found[given.index] = row_of(example, given, mark)
                told(row)
    finally:
        outcome.rows = [found[index] for index in sorted(found)]
        outcome.duration_s = time.perf_counter() - began
    return outcome


def _given(index: int, answer: Answer) -> _Given:
    calls = [(call.name, call.arguments) for call in answer.tool_calls]
    return _Given(
        index,
        answer_text(answer.text, calls),
        answer.usage.completion_tokens,
        1000 * answer.seconds,
        None if answer.finish_reason is None else answer.cut_by_limit,
    )
