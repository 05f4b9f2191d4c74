"""The state of a value: from an eval record and the name of a field to the number, how it came
about, and why there is none. Every table that shows numbers of an evaluation asks here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.records.evaluation import EvalResult
from engine.records.value_state import ValueState

_DERIVED = frozenset({"interval", "slices"})
"""Fields whose numbers are computed from the rows' scores."""

_OF_THE_PROCESS = frozenset({"peak_rss_mb", "mlx_peak_mb"})
"""What is known only of a model that ran in a process of ours."""

_FEW_ANSWERS = 20
"""A 95th percentile needs so many answers."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its state. ``value`` is None exactly where the state has no value; ``why`` is
    a sentence, or None where the state says it all."""

    value: Any
    state: ValueState
    why: str | None = None

    @property
    def number(self) -> float | None:
        """The value where it is a number, else None."""
        known = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return float(self.value) if known else None

    @property
    def absent_text(self) -> str:
        """What stands where a number would: "not recorded", "skipped", "not applicable"; "" where
        there is one."""
        if self.state.has_value:
            return ""
        return "not recorded" if self.state is ValueState.MISSING else self.state.value

    @property
    def mark(self) -> str:
        """The word beside a number that was not measured here: "historical", else ""."""
        return "historical" if self.state is ValueState.HISTORICAL else ""


def value_of(record: EvalResult | None, field: str) -> Value:
    """The value of ``field`` in an eval record, with its state.

    ``field`` is a name of `EvalResult`, or a way into one with dots: ``score``,
    ``latency.p95_ms``, ``format.parsed``, ``slices.hover.score``. A record that is not there
    (None) has only missing values. KeyError for a name that no eval record has.
    """
    first, *way = field.split(".")
    if first not in EvalResult.model_fields:
        raise KeyError(f"an eval record has no field {first!r}")
    if record is None:
        return Value(None, ValueState.MISSING, "There is no such evaluation.")
    value = _follow(getattr(record, first), way)
    if value is None:
        return _absent(record, field, first)
    if record.historical is not None:
        return Value(value, ValueState.HISTORICAL, f"Taken from {record.historical}.")
    return Value(value, ValueState.DERIVED if first in _DERIVED else ValueState.MEASURED)


def delta_of(before: Value, after: Value) -> Value:
    """The difference ``after`` − ``before``, always derived; none where one of them is absent.

    ``why`` says which value is absent, or that one of the two was not measured for this run.
    """
    old, new = before.number, after.number
    for side, value, number in (("baseline", before, old), ("candidate", after, new)):
        if number is None:
            state = ValueState.MISSING if value.state.has_value else value.state
            what = value.absent_text or "no number"
            return Value(None, state, f"No difference: the {side}'s value is {what}.")
    assert old is not None and new is not None
    return Value(new - old, ValueState.DERIVED, _mixed(before, after))


def _mixed(before: Value, after: Value) -> str | None:
    old, new = (one.state is ValueState.HISTORICAL for one in (before, after))
    if old and new:
        return "The difference of two historical values."
    if old or new:
        side, other = ("baseline", "candidate") if old else ("candidate", "baseline")
        return f"The {side}'s value is historical, the {other}'s was measured."
    return None


def _follow(value: Any, way: list[str]) -> Any:
    for name in way:
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value if value not in ({}, []) else None


def _absent(record: EvalResult, field: str, first: str) -> Value:
    for name in (field, first):
        if name in record.skipped:
            return Value(None, ValueState.SKIPPED, record.skipped[name])
    if why := _not_applicable(record, field, first):
        return Value(None, ValueState.NOT_APPLICABLE, why)
    return Value(None, ValueState.MISSING)


def _not_applicable(record: EvalResult, field: str, first: str) -> str | None:
    """Why there cannot be such a value, or None where there could be."""
    if first in _OF_THE_PROCESS and record.through in ("endpoint", "server"):
        return "The model ran in another process."
    if field == "latency.p95_ms" and record.latency is not None:
        return f"Fewer than {_FEW_ANSWERS} answers were timed." if _too_few(record) else None
    if first == "passes" and record.n is not None:
        return "Each example was answered once."
    if first == "seed" and record.n is not None:
        return "The base model has no training seed."
    return None


def _too_few(record: EvalResult) -> bool:
    return record.latency is not None and record.latency.n < _FEW_ANSWERS
