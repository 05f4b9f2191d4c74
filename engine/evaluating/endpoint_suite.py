"""A suite put to an endpoint, its answers scored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from engine.answers.target_suites import answer_text
from engine.evaluating.asking import Asker, Reply, ask_each
from engine.evaluating.marking import Marker
from engine.evaluating.outcome import Gaps, Outcome
from engine.evaluating.rows import row_of
from engine.judge.suites import Example
from engine.judge.teacher import NotJudged
from engine.records.evaluation import RowResult
from engine.serving.chat import Answer, Ask


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
    gaps = Gaps(marker.suite, missing)
    began = time.perf_counter()
    # Closed here and now, not when the last trace of an exception is collected: what is under way
    # is given up then.
    with (
        closing(ask_each(asker, examples, how, concurrency=concurrency, check=check)) as replies,
        closing(marker.mark_each(_answered(replies, gaps), check=check)) as marks,
    ):
        try:
            for given, mark in marks:
                if isinstance(mark, NotJudged):
                    gaps.not_judged(given.index, mark)
                    continue
                row = row_of(examples[given.index], given, mark, marker.suite.scorer)
                found[given.index] = row
                told(row)
        finally:
            gaps.outcome.rows = [found[index] for index in sorted(found)]
            gaps.outcome.duration_s = time.perf_counter() - began
    return gaps.outcome


def _answered(replies: Iterable[Reply], gaps: Gaps) -> Iterator[_Given]:
    """The answers among some replies; the others are gaps."""
    for reply in replies:
        if isinstance(reply.answer, Answer):
            gaps.answered()
            yield _given(reply.index, reply.answer)
        else:
            gaps.not_answered(reply.index, reply.answer)


def _given(index: int, answer: Answer) -> _Given:
    calls = [(call.name, call.arguments) for call in answer.tool_calls]
    return _Given(
        index,
        answer_text(answer.text, calls),
        answer.usage.completion_tokens,
        1000 * answer.seconds,
        None if answer.finish_reason is None else answer.cut_by_limit,
    )
