"""A suite answered by the model in this process and scored: rows, and what is missing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from engine.evaluating.marking import Marker
from engine.evaluating.outcome import Gaps, Outcome
from engine.evaluating.rows import row_of
from engine.judge.latency import evenly_spread, median, p95, sample_sha256
from engine.judge.suites import Example, Suite
from engine.judge.teacher import NotJudged
from engine.records.evaluation import LatencySample, RowResult
from engine.work.generation import Answer, How, Prompt, answers, one_by_one


@dataclass(frozen=True, slots=True)
class Asked:
    """A loaded model and the prompts that it is asked; ``alone`` is one at a time."""

    model: Any
    tokenizer: Any
    prompts: Sequence[Prompt]
    how: How
    alone: bool

    def answers(self, seed: int, check: Callable[[], None]) -> Generator[Answer, None, None]:
        """Each prompt answered once, in any order."""
        way = one_by_one if self.alone else answers
        how = replace(self.how, seed=seed)
        return way(self.model, self.tokenizer, self.prompts, how, check)


def run_suite(
    marker: Marker,
    asked: Asked,
    passes: int,
    check: Callable[[], None],
    told: Callable[[RowResult], None] = lambda row: None,
    missing: Callable[[Example, str], None] = lambda example, why: None,
) -> Outcome:
    """Answer and score every example, ``passes`` times, each pass with a seed of its own.

    A row's score is the mean over its passes, its answer the first one's. ``told`` hears of every
    answer as it is scored, ``missing`` of an example that a judge gave no verdict on. NoScore where
    too many have none; ScorerError and Refused for the scorer. ``check`` ends it by raising.
    """
    examples = marker.suite.examples
    first: dict[int, RowResult] = {}
    scores: dict[int, list[float]] = defaultdict(list)
    gaps = Gaps(marker.suite, missing)
    outcome = gaps.outcome
    began = time.perf_counter()
    for number in range(passes):
        with closing(asked.answers(asked.how.seed + number, check)) as given:
            for answer, mark in marker.mark_each(given, check=check):
                if isinstance(mark, NotJudged):
                    gaps.not_judged(answer.index, mark)
                    continue
                row = row_of(examples[answer.index], answer, mark, marker.suite.scorer)
                first.setdefault(answer.index, row)
                scores[answer.index].append(row.score)
                told(row)
    outcome.duration_s = time.perf_counter() - began
    outcome.rows = [
        _over_passes(first[index], scores[index])
        for index in sorted(first)
        if examples[index].id not in outcome.unscored
    ]
    return outcome


def _over_passes(row: RowResult, scores: list[float]) -> RowResult:
    if len(scores) < 2:
        return row
    return row.model_copy(update={"score": fmean(scores), "passes": scores})


def passes_of(rows: Sequence[RowResult]) -> list[float]:
    """The score of each pass over all rows; [] where there was only one."""
    return [fmean(one) for one in zip(*(row.passes for row in rows), strict=True)]


def time_alone(suite: Suite, asked: Asked, rows: int, check: Callable[[], None]) -> LatencySample:
    """How long one answer takes, asked alone: so many of the suite's prompts, evenly spread.

    The first of them is asked once before, which does not count: a first answer also pays for what
    is set up once. The time of an answer is that of all its tokens, with its prompt.
    """
    places = evenly_spread(len(suite.examples), rows)
    prompts = [asked.prompts[place] for place in places]
    alone = one_by_one(asked.model, asked.tokenizer, [prompts[0], *prompts], asked.how, check)
    _, *found = alone
    return latency_sample(
        suite, places, [(one.latency_ms, one.tokens) for one in found], asked.how.max_new_tokens
    )


def latency_sample(
    suite: Suite,
    places: Sequence[int],
    times: Sequence[tuple[float, int | None]],
    max_new_tokens: int,
) -> LatencySample:
    """The figures of the examples at ``places``, answered alone: milliseconds and tokens of each,
    at least one."""
    total = len(suite.examples)
    spread = "evenly spread" if len(places) < total else "all of them"
    milliseconds = [one for one, _ in times]
    middle = median(milliseconds)
    assert middle is not None
    return LatencySample(
        sample=f"{len(places)} of {total} prompts, {spread}",
        sample_sha256=sample_sha256([suite.examples[place].messages for place in places]),
        n=len(times),
        median_ms=middle,
        p95_ms=p95(milliseconds),
        max_new_tokens=max_new_tokens,
        tokens_per_second=median([1000 * n / ms for ms, n in times if n and ms > 0]),
    )
