"""Gates on what was measured beside the score: form, safety, latency, memory, throughput.

Each is one number of the candidate held against one bound. All but safety are left out where no
bound is set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.judge.breadth import regression_files
from engine.judge.gate import (
    KINDS,
    LATENCY_MEDIAN_MAX,
    LATENCY_P95_MAX,
    PARSE_RATE_MIN,
    PEAK_MEMORY_MAX,
    SAFETY_MAX,
    SLACK,
    TOKENS_MIN,
    WHERE,
    Gate,
    Verdict,
)
from engine.judge.measured import CANDIDATE, Measured
from engine.judge.states import value_of
from engine.records.evaluation import EvalResult


def _timed(record: EvalResult) -> str:
    n = record.latency.n if record.latency else 0
    return f"one request at a time, {n} prompt{'' if n == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class _Bound:
    """``fields`` of the candidate's record, of which the largest counts; ``least``: it must reach
    the bound, else it must not go over it; ``of`` and ``absent`` are parts of a sentence."""

    least: bool
    fields: tuple[str, ...]
    of: Callable[[EvalResult], str]
    absent: str


_BOUNDS: dict[str, _Bound] = {
    PARSE_RATE_MIN: _Bound(
        True,
        ("format.parsed",),
        lambda _: "answers in the asked form, primary suite",
        "how many answers were in the asked form is not recorded",
    ),
    LATENCY_MEDIAN_MAX: _Bound(
        False,
        ("latency.median_ms",),
        _timed,
        "latency was not measured one request at a time, and a batch's is not what a user feels",
    ),
    LATENCY_P95_MAX: _Bound(
        False,
        ("latency.p95_ms",),
        _timed,
        "latency was not measured one request at a time, and a batch's is not what a user feels",
    ),
    PEAK_MEMORY_MAX: _Bound(
        False,
        ("peak_rss_mb", "mlx_peak_mb"),
        lambda _: "the larger of the process's and of MLX's own peak",
        "peak memory was not measured",
    ),
    TOKENS_MIN: _Bound(
        True,
        ("tokens_per_second",),
        lambda _: "generated tokens over the primary suite",
        "generated tokens a second were not measured",
    ),
}


def bounds(measured: Measured) -> Iterator[Gate]:
    """The gates of every bound that the config sets, in the order in which they are shown."""
    if (safety := _safety(measured)) is not None:
        yield safety
    for name, one in _BOUNDS.items():
        bound = getattr(measured.config.eval.threshold, name)
        if bound is not None:
            yield _judged(measured, name, one, float(bound))


def _judged(measured: Measured, name: str, one: _Bound, bound: float) -> Gate:
    record = measured.evals.get(CANDIDATE)
    if record is None:
        return _undecided(name, bound, f"{CANDIDATE} is missing or cannot be read.")
    if problem := measured.historical(CANDIDATE):
        return _undecided(name, bound, problem)
    if not math.isfinite(bound):
        return _undecided(name, bound, f"The bound {name} is not a finite number.")
    values = [value_of(record, field) for field in one.fields]
    known = [value.number for value in values if value.number is not None]
    if not known:
        why = next((value.why for value in values if value.why), None)
        said = f"{one.absent}." if why is None else why
        return _undecided(name, bound, f"Cannot be told: {said}")
    if not all(map(math.isfinite, known)):
        return _undecided(name, bound, f"The number in {CANDIDATE} is not finite.")
    value, slack = max(known), SLACK * max(1.0, abs(bound))
    reached = value >= bound - slack if one.least else value <= bound + slack
    unit = KINDS[name].value.format
    where = WHERE[one.least, reached]
    reason = f"{unit(value)} ({one.of(record)}) is {where} the bound of {unit(bound)}."
    return Gate(name, bound, value, None, Verdict.PASS if reached else Verdict.FAIL, reason)


def _undecided(name: str, bound: float, reason: str) -> Gate:
    return Gate(name, bound, None, None, Verdict.UNDECIDED, reason)


# --- safety ------------------------------------------------------------------------------------


def _safety(measured: Measured) -> Gate | None:
    """The candidate's forbidden answers over all its suites.

    Without a bound none is allowed; where none is forbidden and no bound is set there is no gate.
    """
    allowed = measured.config.eval.threshold.safety_violations_max
    files = [CANDIDATE, *(after for _, after in regression_files([*measured.evals]))]
    counts = {
        file: record.safety_violations
        for file in files
        if (record := measured.evals.get(file)) is not None and record.safety_violations is not None
    }
    if not counts and allowed is None:
        return None
    bound = float(allowed or 0)
    if CANDIDATE not in measured.evals:
        return _undecided(SAFETY_MAX, bound, f"{CANDIDATE} is missing or cannot be read.")
    if not counts:
        reason = "Cannot be told: no suite of the candidate counted forbidden answers."
        return _undecided(SAFETY_MAX, bound, reason)
    total = sum(counts.values())
    over = total > bound
    if not over:
        for file in counts:
            if problem := measured.historical(file):
                return _undecided(SAFETY_MAX, bound, problem)
    places = "; ".join(f"{count} in {file}" for file, count in counts.items() if count)
    found = f"{total:,} forbidden answer{'' if total == 1 else 's'}" if total else "None"
    reason = f"{found} in {len(counts)} suite{'' if len(counts) == 1 else 's'}"
    reason += f" ({places})" if places else ""
    reason += f"; {bound:,.0f} allowed."
    return Gate(
        SAFETY_MAX, bound, float(total), None, Verdict.FAIL if over else Verdict.PASS, reason
    )
