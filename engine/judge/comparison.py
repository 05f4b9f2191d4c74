"""Two records of one suite, before and after: comparable or not, the gain, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.judge import stats
from engine.judge.one_ruler import ruler_difference
from engine.judge.paired import Paired, compare_paired
from engine.judge.scored import score_estimate
from engine.records.evaluation import Direction, EvalResult, RowResult

ROUNDING = 0.0006
"""How far a recorded score may lie from the mean of its rows: records round to three places."""


def sources_of(rows: Sequence[RowResult]) -> list[str] | None:
    """What each row shares its errors with; None where no row names a source.

    A row without one is a source of its own among rows that have one.
    """
    if not any(row.source for row in rows):
        return None
    return [row.source or f"row {row.id}" for row in rows]


def rows_problem(record: EvalResult, rows: Sequence[RowResult] | None) -> str | None:
    """Why rows do not stand for the score of a record, as part of a sentence; None if they do."""
    if not rows:
        return "there are no rows"
    if len({row.id for row in rows}) != len(rows):
        return "an id stands twice in the rows"
    if not all(0 <= row.score <= 1 for row in rows):
        return "the score of a row lies outside 0 to 1"
    mean = math.fsum(row.score for row in rows) / len(rows)
    if not abs(mean - record.score) <= ROUNDING:
        return f"the rows give {mean:.3f} where the record says {record.score:.3f}"
    return None


def is_share(record: EvalResult) -> bool:
    """Is the score a share of right answers, so that counting says how sure it is?"""
    return record.metric in (None, "accuracy") and 0 <= record.score <= 1


def score_interval(
    record: EvalResult, rows: Sequence[RowResult] | None = None
) -> tuple[float, float] | None:
    """The 95 % interval of a record's score: from its rows, by whole sources where they share one;
    else Wilson's where it is a share of ``n`` answers; else the one that was recorded, or None."""
    if rows and rows_problem(record, rows) is None:
        return score_estimate([row.score for row in rows], sources_of(rows)).interval
    if record.n and is_share(record):
        return stats.wilson(record.score * record.n, record.n)
    if record.interval is not None and math.isfinite(record.interval.low + record.interval.high):
        return record.interval.low, record.interval.high
    return None


@dataclass(frozen=True)
class Comparison:
    """Baseline and candidate on one suite. Gains are positive where the candidate is better."""

    baseline: EvalResult
    candidate: EvalResult
    baseline_rows: Sequence[RowResult] | None
    candidate_rows: Sequence[RowResult] | None
    direction: Direction

    @property
    def mismatch(self) -> str | None:
        """Why the two cannot be compared at all, or None."""
        before, after = self.baseline, self.candidate
        if before.suite != after.suite:
            return (
                f"The baseline was measured on {before.suite}, the candidate on {after.suite}; "
                "scores of two suites cannot be compared."
            )
        if before.suite_sha256 and after.suite_sha256 and before.suite_sha256 != after.suite_sha256:
            return f"The suite {after.suite} changed between baseline and candidate."
        if difference := ruler_difference(before, after):
            return difference.sentence
        for record in (before, after):
            if record.direction is not None and record.direction != self.direction:
                return (
                    f"The config says that a {self.direction} score is better on {record.suite}, "
                    f"its record that a {record.direction} one is."
                )
        return None

    @property
    def gain(self) -> float:
        """The candidate's score minus the baseline's, turned round where lower is better."""
        return self._turned(self.candidate.score - self.baseline.score)

    def _turned(self, difference: float) -> float:
        return difference if self.direction == "higher" else -difference

    @cached_property
    def rows_problem(self) -> str | None:
        """Why the rows cannot be paired, as part of a sentence; None where they can be."""
        before, after = self.baseline_rows, self.candidate_rows
        if not before or not after:
            return "there are no rows of both to pair"
        for rows, record in ((before, self.baseline), (after, self.candidate)):
            if problem := rows_problem(record, rows):
                return problem
        if {row.id for row in before} != {row.id for row in after}:
            return "the rows are not of the same examples"
        return None

    @cached_property
    def paired(self) -> Paired | None:
        """The candidate's scores against the baseline's on the same rows; None without pairs."""
        before, after = self.baseline_rows, self.candidate_rows
        if self.rows_problem is not None or not before or not after:
            return None
        scores = {row.id: row.score for row in before}
        return compare_paired(
            [scores[row.id] for row in after], [row.score for row in after], sources_of(after)
        )

    @property
    def n(self) -> int:
        """Paired rows; 0 where they cannot be paired."""
        return 0 if self.paired is None else self.paired.difference.n

    @property
    def flips(self) -> tuple[int, int] | None:
        """(fixed, broken): rows whose score became better, and worse. None without paired rows."""
        if self.paired is None:
            return None
        rose, fell = self.paired.rose, self.paired.fell
        return (rose, fell) if self.direction == "higher" else (fell, rose)

    @property
    def gain_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the gain: paired where the rows can be, else by n, else None."""
        if self.paired is None:
            return self.unpaired_interval()
        return self._turned_interval(self.paired.difference.interval)

    def unpaired_interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """The interval of the gain by the counts alone, wider than a paired one; None without n."""
        before, after = self.baseline, self.candidate
        if not (before.n and after.n and is_share(before) and is_share(after)):
            return None
        _, low, high = stats.unpaired_difference(
            (before.score * before.n, before.n), (after.score * after.n, after.n), confidence
        )
        return self._turned_interval((low, high))

    def _turned_interval(self, interval: tuple[float, float] | None) -> tuple[float, float] | None:
        if interval is None or self.direction == "higher":
            return interval
        return -interval[1], -interval[0]
