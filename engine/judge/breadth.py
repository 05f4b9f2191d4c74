"""Two records of one suite compared, and the regression suites of a run paired up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.judge import stats
from engine.records.evaluation import Direction, EvalResult, RowResult
from engine.records.run import RunConfig

ROUNDING = 0.0006
"""How far a recorded score may lie from the mean of its rows: records round to three places."""


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
        difference = self.candidate.score - self.baseline.score
        return difference if self.direction == "higher" else -difference

    @property
    def rows_problem(self) -> str | None:
        """Why the rows cannot be paired, as part of a sentence; None where they can be."""
        before, after = self.baseline_rows, self.candidate_rows
        if not before or not after:
            return "there are no rows of both to pair"
        ids_before, ids_after = {row.id for row in before}, {row.id for row in after}
        if len(ids_before) != len(before) or len(ids_after) != len(after):
            return "an id stands twice in the rows"
        if ids_before != ids_after:
            return "the rows are not of the same examples"
        for rows, record in ((before, self.baseline), (after, self.candidate)):
            mean = math.fsum(row.score for row in rows) / len(rows)
            if not abs(mean - record.score) <= ROUNDING:
                return f"the rows give {mean:.3f} where the record says {record.score:.3f}"
        return None

    @property
    def n(self) -> int:
        """Paired rows; 0 where they cannot be paired."""
        return len(self.candidate_rows or ()) if self.rows_problem is None else 0

    @property
    def flips(self) -> tuple[int, int] | None:
        """(fixed, broken): rows whose score became better, and worse. None without paired rows."""
        if self.rows_problem is not None:
            return None
        before = {row.id: row.score for row in self.baseline_rows or ()}
        sign = 1 if self.direction == "higher" else -1
        changes = [sign * (row.score - before[row.id]) for row in self.candidate_rows or ()]
        return sum(change > 0 for change in changes), sum(change < 0 for change in changes)

    @property
    def gain_interval(self) -> tuple[float, float] | None:
        """A 95 % interval of the gain: paired where rows are 0 or 1, else by n, else None."""
        flips = self.flips
        rows = [*(self.baseline_rows or ()), *(self.candidate_rows or ())]
        if flips is not None and all(row.score in (0.0, 1.0) for row in rows):
            _, low, high = stats.paired_difference(*flips, self.n)
            return low, high
        before, after = self.baseline, self.candidate
        shares = all(
            record.metric in (None, "accuracy") and 0 <= record.score <= 1
            for record in (before, after)
        )
        if not (before.n and after.n and shares):
            return None
        _, low, high = stats.unpaired_difference(
            (before.score * before.n, before.n), (after.score * after.n, after.n)
        )
        return (low, high) if self.direction == "higher" else (-high, -low)


def regression_files(names: Sequence[str]) -> list[tuple[str, str]]:
    """(baseline file, candidate file) of every regression suite that has either, in name order.

    ``eval-regression-baseline.json`` belongs to ``eval-regression-candidate.json``, and
    likewise with anything before or after the word.
    """
    pairs = set()
    for name in names:
        if not (name.startswith("eval-regression") and name.endswith(".json")):
            continue
        if "baseline" in name:
            pairs.add((name, name.replace("baseline", "candidate")))
        elif "candidate" in name:
            pairs.add((name.replace("candidate", "baseline"), name))
    return sorted(pairs)


def regression_suites(config: RunConfig) -> list[str]:
    """The names of the suites that breadth is judged by.

    All frozen suites but the primary one; without frozen suites the one that the documented
    schema has room for.
    """
    if config.eval.suites:
        return [name for name in config.eval.suites if name != config.eval.primary]
    return [config.eval.regression] if config.eval.regression else []


def pair_regression(
    config: RunConfig,
    evals: Mapping[str, EvalResult],
    rows: Mapping[str, Sequence[RowResult]],
) -> tuple[list[Comparison], str | None]:
    """Every regression suite compared, and why breadth cannot be judged (None where it can)."""
    files = regression_files([*evals])
    wanted = regression_suites(config)
    pairs: list[Comparison] = []
    for baseline_file, candidate_file in files:
        baseline, candidate = evals.get(baseline_file), evals.get(candidate_file)
        if baseline is None or candidate is None:
            absent = baseline_file if baseline is None else candidate_file
            return pairs, f"Breadth was not measured on both sides: {absent} is missing."
        # A regression suite of ours may have its own direction; others follow the config.
        direction = candidate.direction or baseline.direction or config.eval.direction
        pair = Comparison(
            baseline, candidate, rows.get(baseline_file), rows.get(candidate_file), direction
        )
        for file, record in ((baseline_file, baseline), (candidate_file, candidate)):
            if not math.isfinite(record.score):
                return pairs, f"The score in {file} is not a finite number."
            if not -1.5 <= record.score <= 1.5:
                return pairs, (
                    f"The score in {file} is {record.score:g}: a drop in percentage points needs "
                    "shares between 0 and 1."
                )
        if problem := pair.mismatch:
            return pairs, problem
        pairs.append(pair)
    if not pairs:
        named = f" ({', '.join(wanted)})" if wanted else ""
        return pairs, f"Breadth was not measured: there is no regression evidence{named}."
    measured = {pair.candidate.suite for pair in pairs}
    missing = [name for name in wanted if name not in measured]
    if len(pairs) < len(wanted) and missing:
        return pairs, f"Breadth was not measured on {', '.join(missing)}."
    return pairs, None


def breadth_interval(pairs: Sequence[Comparison]) -> tuple[float, float] | None:
    """A 95 % interval of the mean drop in percentage points, None where a suite has none.

    Suites are independent samples, so the distances from the mean to its limits are the
    root of the summed squares of theirs, divided by their number (the square-and-add rule of
    G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008) 1693-1702).
    """
    drops: list[float] = []
    below = above = 0.0
    for pair in pairs:
        interval = pair.gain_interval
        if interval is None:
            return None
        # A drop is a lost gain: its lower end is the gain's upper end.
        low, high = -100 * interval[1], -100 * interval[0]
        drop = -100 * pair.gain
        drops.append(drop)
        below += (drop - low) ** 2
        above += (high - drop) ** 2
    mean = math.fsum(drops) / len(drops)
    return mean - math.sqrt(below) / len(drops), mean + math.sqrt(above) / len(drops)
