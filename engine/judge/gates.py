"""Gates: a metric, a bound and a verdict, recomputed from scores and thresholds.

A ``passed`` flag that some tool wrote is never looked at. A verdict is pass, fail, or
undecided with the reason; what was not measured is never taken as 0.

- ``primary_min``: the candidate's primary score reaches the bound.
- ``beats_baseline``: the candidate is better than the baseline by more than noise.
- ``breadth_drop_max_pp``: the mean drop over the regression suites stays within the bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.judge import stats
from engine.judge.breadth import Comparison, breadth_interval, pair_regression
from engine.records.evaluation import Direction, EvalResult, RowResult
from engine.records.run import RunConfig

PRIMARY_MIN = "primary_min"
BEATS_BASELINE = "beats_baseline"
BREADTH_DROP = "breadth_drop_max_pp"

BASELINE = "eval-baseline.json"
CANDIDATE = "eval-candidate.json"

P_BOUND = 0.05
"""A gain counts as more than noise below this p of the exact paired test."""

_SLACK = 1e-9
"""A drop of 3 points is not over a bound of 3 because of binary fractions."""

Evals = Mapping[str, EvalResult]
"""The eval records of a run by file name (``eval-baseline.json``, …); absent ones left out."""

Rows = Mapping[str, Sequence[RowResult]]
"""The rows of an eval record, by the file name of that record; absent ones left out."""


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate with its verdict.

    For ``primary_min``, ``bound``, ``value`` and ``interval`` are in the unit of the primary
    score. For ``breadth_drop_max_pp`` they are percentage points of drop. For
    ``beats_baseline`` the bound is a p, and value and interval are the gain in the unit of
    the primary score, positive where the candidate is better. ``None`` is "not recorded".
    ``reason`` is a sentence for people.
    """

    name: str
    bound: float
    value: float | None
    interval: tuple[float, float] | None
    verdict: Verdict
    reason: str
    direction: Direction = "higher"

    @property
    def title(self) -> str:
        """The gate's name as a heading."""
        return {
            PRIMARY_MIN: "primary score",
            BEATS_BASELINE: "better than baseline",
            BREADTH_DROP: "breadth drop",
        }.get(self.name, self.name)

    @property
    def bound_text(self) -> str:
        """The bound with its sign and unit: "≥ 0.900", "p < 0.05", "≤ 8.0 pp"."""
        if self.name == BEATS_BASELINE:
            return f"p < {self.bound:g}"
        if self.name == BREADTH_DROP:
            return f"≤ {self.bound:.1f} pp"
        return f"{'≥' if self.direction == 'higher' else '≤'} {self.bound:.3f}"

    @property
    def value_text(self) -> str:
        """The value with its unit, or "not recorded"."""
        if self.value is None:
            return "not recorded"
        return self._with_unit(self.value)

    @property
    def interval_text(self) -> str:
        """The 95 % interval, or "not recorded"."""
        if self.interval is None:
            return "not recorded"
        low, high = self.interval
        return f"{self._with_unit(low)} to {self._with_unit(high)}"

    def _with_unit(self, value: float) -> str:
        if self.name == BREADTH_DROP:
            return f"{value:.1f} pp"
        return f"{value:+.3f}" if self.name == BEATS_BASELINE else f"{value:.3f}"


def judge(config: RunConfig, evals: Evals, rows: Rows | None = None) -> list[Gate]:
    """Every gate of a run, in the order in which they are shown.

    ``breadth_drop_max_pp`` is left out where the config sets no bound for it.
    """
    rows = rows or {}
    gates = [_primary_min(config, evals, rows), _beats_baseline(config, evals, rows)]
    breadth = _breadth(config, evals, rows)
    return gates if breadth is None else [*gates, breadth]


def score_interval(
    record: EvalResult, rows: Sequence[RowResult] | None = None
) -> tuple[float, float] | None:
    """The 95 % interval of a record's score: Wilson's where it is a share of ``n`` answers, else
    the one that was recorded, else None."""
    n = len(rows) if rows else record.n
    share = record.metric in (None, "accuracy") and 0 <= record.score <= 1
    if n and share:
        return stats.wilson(record.score * n, n)
    if record.interval is not None and math.isfinite(record.interval.low + record.interval.high):
        return record.interval.low, record.interval.high
    return None


def _missing(record: EvalResult | None, file: str) -> str | None:
    if record is None:
        return f"{file} is missing or cannot be read."
    if not math.isfinite(record.score):
        return f"The score in {file} is not a finite number."
    return None


# --- primary_min -----------------------------------------------------------------------


def _primary_min(config: RunConfig, evals: Evals, rows: Rows) -> Gate:
    bound, direction = config.eval.threshold.primary_min, config.eval.direction
    candidate = evals.get(CANDIDATE)
    problem = _missing(candidate, CANDIDATE)
    if problem is None and not math.isfinite(bound):
        problem = "The bound primary_min is not a finite number."
    if candidate is None or problem is not None:
        return Gate(PRIMARY_MIN, bound, None, None, Verdict.UNDECIDED, problem or "", direction)
    score, examples = candidate.score, rows.get(CANDIDATE)
    interval = score_interval(candidate, examples)
    higher = direction == "higher"
    reached = score >= bound - _SLACK if higher else score <= bound + _SLACK
    where = _WHERE[higher, reached]
    n = len(examples) if examples else candidate.n
    reason = f"{score:.3f} is {where} the bound of {bound:.3f}{_with_interval(interval, n)}."
    past = interval is not None and (interval[0] < bound if higher else interval[1] > bound)
    if reached and past:
        reason += " The interval reaches past the bound: more examples would make it sure."
    verdict = Verdict.PASS if reached else Verdict.FAIL
    return Gate(PRIMARY_MIN, bound, score, interval, verdict, reason, direction)


_WHERE = {
    (True, True): "at or above",
    (True, False): "below",
    (False, True): "at or below",
    (False, False): "above",
}
"""(higher is better, the bound is reached) in words."""


def _with_interval(interval: tuple[float, float] | None, n: int | None) -> str:
    if interval is None:
        return ""
    count = f", n = {n}" if n else ""
    return f" (95 % interval {interval[0]:.3f} to {interval[1]:.3f}{count})"


# --- beats_baseline --------------------------------------------------------------------


def _beats_baseline(config: RunConfig, evals: Evals, rows: Rows) -> Gate:
    direction = config.eval.direction
    baseline, candidate = evals.get(BASELINE), evals.get(CANDIDATE)

    def gate(
        verdict: Verdict,
        reason: str,
        gain: float | None = None,
        interval: tuple[float, float] | None = None,
    ) -> Gate:
        return Gate(BEATS_BASELINE, P_BOUND, gain, interval, verdict, reason, direction)

    problem = _missing(baseline, BASELINE) or _missing(candidate, CANDIDATE)
    if baseline is None or candidate is None or problem is not None:
        return gate(Verdict.UNDECIDED, problem or "")
    pair = Comparison(
        baseline, candidate, rows.get(BASELINE), rows.get(CANDIDATE), direction=direction
    )
    if problem := pair.mismatch:
        return gate(Verdict.UNDECIDED, problem)
    gain = pair.gain
    scores = f"{baseline.score:.3f} → {candidate.score:.3f}"
    flips = pair.flips
    interval = pair.gain_interval
    if gain <= _SLACK:
        how = "no better" if abs(gain) <= _SLACK else "worse"
        return gate(Verdict.FAIL, f"The candidate is {how}: {scores}.", gain, interval)
    if flips is None:
        why = pair.rows_problem or "there are no rows of both to pair"
        reason = f"Better by scores alone: {scores}; {why}, so noise was not tested."
        return gate(Verdict.PASS, reason, gain, interval)
    fixed, broken = flips
    p = stats.mcnemar(fixed, broken)
    evidence = f"{fixed} fixed, {broken} broken of {pair.n}, p {_p_text(p)}"
    if fixed > broken and p < P_BOUND:
        return gate(Verdict.PASS, f"Better: {scores}; {evidence}.", gain, interval)
    return gate(
        Verdict.UNDECIDED,
        f"Better, but within the noise: {scores}; {evidence}.",
        gain,
        interval,
    )


def _p_text(p: float) -> str:
    return f"= {p:.2g}" if p >= 0.0001 else "< 0.0001"


# --- breadth_drop_max_pp ----------------------------------------------------------------


def _breadth(config: RunConfig, evals: Evals, rows: Rows) -> Gate | None:
    bound = config.eval.threshold.breadth_drop_max_pp
    if bound is None:
        return None

    def gate(
        verdict: Verdict,
        reason: str,
        drop: float | None = None,
        interval: tuple[float, float] | None = None,
    ) -> Gate:
        return Gate(BREADTH_DROP, bound, drop, interval, verdict, reason, config.eval.direction)

    pairs, problem = pair_regression(config, evals, rows)
    if problem is not None:
        return gate(Verdict.UNDECIDED, problem)
    drop = math.fsum(-100 * pair.gain for pair in pairs) / len(pairs)
    interval = breadth_interval(pairs)
    over = "suite" if len(pairs) == 1 else f"{len(pairs)} suites"
    what = f"a drop of {drop:.1f} pp" if drop > 0 else f"no drop but a gain of {-drop:.1f} pp"
    if abs(drop) <= _SLACK:
        what = "no drop"
    reason = f"On the regression {over}: {what}; the bound is {bound:.1f} pp"
    if interval is not None:
        reason += f" (95 % interval of the drop {interval[0]:.1f} to {interval[1]:.1f} pp)"
    kept = drop <= bound + _SLACK
    reason += "."
    if kept and interval is not None and interval[1] > bound:
        reason += " The interval reaches past the bound: more examples would make it sure."
    return gate(Verdict.PASS if kept else Verdict.FAIL, reason, drop, interval)
