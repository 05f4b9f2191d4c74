"""Answers and their scores → the rows of a suite, and what of its record follows from the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from engine.evaluating.marking import Answered
from engine.folder import write_bytes_atomic
from engine.judge.format_health import Manners, health
from engine.judge.score import Score
from engine.judge.scored import score_estimate
from engine.judge.scorers import knows_form
from engine.judge.suites import Example, Suite
from engine.records.evaluation import Interval, RowResult

CONFIDENCE = 0.95


class Measured(Answered, Protocol):
    """An answer with what was measured of it; None was not."""

    @property
    def tokens(self) -> int | None: ...
    @property
    def latency_ms(self) -> float | None: ...
    @property
    def cut_off(self) -> bool | None: ...


def row_of(example: Example, answer: Measured, mark: Score, scorer: str) -> RowResult:
    """The row of one answer that was scored by the scorer of that name."""
    form = knows_form(scorer)
    return RowResult(
        id=example.id,
        prompt=example.prompt,
        expected=example.expected,
        got=answer.text,
        score=mark.score,
        correct=mark.correct,
        error=mark.error,
        slice=example.slice,
        tags=list(example.tags),
        source=example.source,
        latency_ms=None if answer.latency_ms is None else round(answer.latency_ms, 3),
        tokens=answer.tokens,
        parsed=mark.parsed if form else None,
        prose=mark.prose if form else None,
        cut_off=answer.cut_off,
        forbidden=mark.forbidden,
    )


def write_rows(path: Path, rows: Sequence[RowResult]) -> None:
    """Write the rows file in one step. OSError when it cannot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(row.model_dump_json() + "\n" for row in rows)
    write_bytes_atomic(path, text.encode("utf-8", "replace"))


def figures_of(suite: Suite, rows: Sequence[RowResult], duration_s: float) -> dict[str, Any]:
    """What of an EvalResult follows from the suite and its rows, at least one.

    The score is the mean over the rows, with the interval that fits them. What some rows do not
    know (their tokens, their time) is not known of the suite.
    """
    scores = [row.score for row in rows]
    sources = [row.source or row.id for row in rows]
    found = score_estimate(scores, sources, confidence=CONFIDENCE)
    tokens = [row.tokens for row in rows]
    times = [row.latency_ms for row in rows]
    return {
        "suite": suite.name,
        "score": math.fsum(scores) / len(rows),
        "n": len(rows),
        "metric": suite.metric,
        "direction": suite.direction,
        "interval": None
        if found.interval is None
        else Interval(
            low=found.interval[0],
            high=found.interval[1],
            confidence=CONFIDENCE,
            method=found.method,
        ),
        "suite_sha256": suite.sha256,
        "suite_version": suite.version,
        "databases": dict(suite.databases),
        "scorer": suite.scorer,
        "slices": slices_of(rows),
        "format": format_of(rows),
        "latency_ms": None if None in times else math.fsum(filter(None, times)) / len(rows),
        "tokens_per_second": None
        if None in tokens or duration_s <= 0
        else sum(filter(None, tokens)) / duration_s,
        "duration_s": duration_s,
    }


def format_of(rows: Sequence[RowResult]) -> dict[str, float]:
    """Format health over the rows, as a record's ``format`` holds it."""
    return health(
        Manners(row.parsed, row.prose, row.cut_off, not row.got.strip()) for row in rows
    ).shares()


def slices_of(rows: Sequence[RowResult]) -> dict[str, dict[str, Any]]:
    """Slice name to its number of rows and mean score; a row counts in each of its tags."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        for name in dict.fromkeys([*([row.slice] if row.slice else []), *row.tags]):
            groups.setdefault(name, []).append(row.score)
    return {
        name: {"n": len(scores), "score": math.fsum(scores) / len(scores)}
        for name, scores in sorted(groups.items())
    }
