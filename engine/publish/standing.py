"""Each suite of a run, before and after: the scores, the difference, and what it is worth. Pure.

The report and the report card show the same numbers, because both ask here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from engine.checks.contents import RunContents
from engine.judge.breadth import regression_files
from engine.judge.comparison import Comparison, is_share, rows_problem, sources_of
from engine.judge.estimate import Estimate
from engine.judge.gates import BASELINE, BEATS_BASELINE, BREADTH_DROP, CANDIDATE, PRIMARY_MIN, Gate
from engine.judge.noise import ALPHA, Finding, tell
from engine.judge.scored import score_estimate
from engine.judge.stats import wilson
from engine.records.evaluation import Direction, EvalResult, RowResult

Role = Literal["primary", "regression"]


@dataclass(frozen=True)
class Standing:
    """One suite. ``before`` and ``after`` are the records, None where they are not there or wrong.

    ``gate`` is the one that this suite's score decides, None where there is no bound. A difference
    counts as more than noise below ``alpha``: on the primary suite the one that the gate asks for.
    """

    role: Role
    files: tuple[str, str]
    suite: str
    direction: Direction
    before: EvalResult | None
    after: EvalResult | None
    before_rows: Sequence[RowResult] | None
    after_rows: Sequence[RowResult] | None
    gate: Gate | None
    alpha: float = ALPHA

    @property
    def record(self) -> EvalResult | None:
        """Whichever of the two is there, the candidate's first."""
        return self.after or self.before

    @property
    def share(self) -> bool:
        """Is the score shown as a share, a difference of it in percentage points?"""
        records = [one for one in (self.before, self.after) if one is not None]
        return bool(records) and all(0 <= one.score <= 1 for one in records)

    @cached_property
    def before_score(self) -> Estimate | None:
        """The baseline's score with its interval; None without a record."""
        return _score(self.before, self.before_rows)

    @cached_property
    def after_score(self) -> Estimate | None:
        """The candidate's score with its interval; None without a record."""
        return _score(self.after, self.after_rows)

    @cached_property
    def comparison(self) -> Comparison | None:
        """The two beside each other; None where one is missing."""
        if self.before is None or self.after is None:
            return None
        return Comparison(
            self.before, self.after, self.before_rows, self.after_rows, self.direction
        )

    @property
    def mismatch(self) -> str | None:
        """Why the two scores cannot be compared, as a sentence; None where they can."""
        return None if self.comparison is None else self.comparison.mismatch

    @cached_property
    def difference(self) -> Estimate | None:
        """Candidate minus baseline, whichever direction is the better one; None without both."""
        pair = self.comparison
        if pair is None or pair.mismatch:
            return None
        if pair.paired is not None:
            return pair.paired.difference
        value = pair.candidate.score - pair.baseline.score
        counts = [one.n for one in (pair.baseline, pair.candidate) if one.n]
        bounds = pair.unpaired_interval()
        if bounds is None:
            why = "there is no interval: not both records say how many answers they are of"
            return Estimate(value, None, None, min(counts, default=0), "none", caution=why)
        low, high = bounds if pair.direction == "higher" else (-bounds[1], -bounds[0])
        return Estimate(value, low, high, min(counts), "Newcombe, unpaired")

    @property
    def test(self) -> str | None:
        """The test that the difference was put to; None where the rows could not be paired."""
        paired = None if self.comparison is None else self.comparison.paired
        return None if paired is None else paired.test

    @cached_property
    def told(self) -> Finding | None:
        """What the difference is worth, in the house's words; None where there is none."""
        if self.difference is None or self.comparison is None:
            return None
        paired = self.comparison.paired
        if self.difference.n == 0 and self.difference.interval is None:
            return tell(
                Estimate(None, None, None, 0, "none", caution="nobody says of how many answers"),
                None,
                direction=self.direction,
            )
        p = None if paired is None else paired.p
        return tell(
            self.difference, p, direction=self.direction, alpha=self.alpha, points=self.share
        )

    @property
    def flips(self) -> tuple[int, int] | None:
        """(fixed, broken): answers whose score became better, and worse."""
        return None if self.comparison is None else self.comparison.flips


def standings(contents: RunContents) -> list[Standing]:
    """The primary suite, then the regression suites by the names of their files."""
    gates = {gate.name: gate for gate in contents.gates}
    better = gates.get(BEATS_BASELINE)
    alpha = ALPHA if better is None else better.bound
    files = BASELINE, CANDIDATE
    found = [_standing(contents, "primary", files, gates.get(PRIMARY_MIN), alpha)]
    found += [
        _standing(contents, "regression", files, gates.get(BREADTH_DROP))
        for files in regression_files([*contents.evals])
    ]
    return found


def _standing(
    contents: RunContents,
    role: Role,
    files: tuple[str, str],
    gate: Gate | None,
    alpha: float = ALPHA,
) -> Standing:
    before, after = (contents.evals.get(file) for file in files)
    config = contents.config
    named = config.eval.primary if config and role == "primary" else role
    default: Direction = config.eval.direction if config else "higher"
    one = after or before
    # The primary suite's direction is the config's; a regression suite may have its own.
    own = None if role == "primary" or one is None else one.direction
    return Standing(
        role,
        files,
        one.suite if one else named,
        own or default,
        before,
        after,
        contents.rows.get(files[0]),
        contents.rows.get(files[1]),
        gate,
        alpha,
    )


def _score(record: EvalResult | None, rows: Sequence[RowResult] | None) -> Estimate | None:
    """A record's score with the interval that its rows give; else by its count; else as recorded.

    The rule is that of `engine.judge.comparison.score_interval`, with the method's name.
    """
    if record is None:
        return None
    if rows and rows_problem(record, rows) is None:
        found = score_estimate([row.score for row in rows], sources_of(rows))
        return Estimate(
            record.score, found.low, found.high, found.n, found.method, caution=found.caution
        )
    if record.n and is_share(record):
        low, high = wilson(record.score * record.n, record.n)
        return Estimate(record.score, low, high, record.n, "Wilson")
    kept = record.interval
    if kept is not None and math.isfinite(kept.low + kept.high):
        return Estimate(
            record.score, kept.low, kept.high, record.n or 0, kept.method, kept.confidence
        )
    return Estimate(record.score, None, None, record.n or 0, "none")
