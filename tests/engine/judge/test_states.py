"""Each value carries how it came about; a difference says what it is made of."""

from __future__ import annotations

from typing import Any

import pytest

from engine.judge.states import Value, delta_of, value_of
from engine.records.evaluation import EvalResult
from engine.records.value_state import ValueState

TIMED = {"sample": "first 5", "sample_sha256": "a" * 64, "n": 5, "median_ms": 4.0}


def record(**more: Any) -> EvalResult:
    known = {
        "model_id": "m",
        "command": "c",
        "suite": "s",
        "score": 0.5,
        "date": "2026-11-20T09:00:00Z",
        "n": 10,
    }
    return EvalResult.model_validate(known | more)


@pytest.mark.parametrize(
    ("more", "field", "value", "state", "why"),
    [
        ({}, "score", 0.5, ValueState.MEASURED, None),
        ({"score": 0.0}, "score", 0.0, ValueState.MEASURED, None),
        ({"historical": "the run of May"}, "score", 0.5, ValueState.HISTORICAL, "the run of May"),
        ({"interval": {"low": 0, "high": 1}}, "interval.low", 0.0, ValueState.DERIVED, None),
        ({"slices": {"a": {"n": 1, "score": 0.0}}}, "slices.a.score", 0, ValueState.DERIVED, None),
        ({}, "latency_ms", None, ValueState.MISSING, None),
        ({"skipped": {"latency": "no time"}}, "latency.median_ms", None, ValueState.SKIPPED, "no"),
        ({"skipped": {"latency.p95_ms": "x"}}, "latency.p95_ms", None, ValueState.SKIPPED, "x"),
        ({"latency": TIMED}, "latency.median_ms", 4.0, ValueState.MEASURED, None),
        ({"latency": TIMED}, "latency.p95_ms", None, ValueState.NOT_APPLICABLE, "Fewer than 20"),
        ({"latency": TIMED | {"n": 20}}, "latency.p95_ms", None, ValueState.MISSING, None),
        ({"through": "endpoint"}, "mlx_peak_mb", None, ValueState.NOT_APPLICABLE, "another"),
        ({"through": "batches"}, "mlx_peak_mb", None, ValueState.MISSING, None),
        ({}, "passes", None, ValueState.NOT_APPLICABLE, "once"),
        ({}, "format.parsed", None, ValueState.MISSING, None),
        ({"format": {"parsed": 0.0}}, "format.parsed", 0.0, ValueState.MEASURED, None),
        ({"safety_violations": 0}, "safety_violations", 0, ValueState.MEASURED, None),
    ],
)
def test_a_value_has_its_state(
    more: dict[str, Any], field: str, value: float | None, state: ValueState, why: str | None
) -> None:
    found = value_of(record(**more), field)
    assert (found.value, found.state) == (value, state)
    assert (why in (found.why or "")) if why else not found.why
    assert bool(found.absent_text) == (value is None)


def test_of_a_record_that_is_not_there_all_is_missing_and_a_wrong_name_is_an_error() -> None:
    assert value_of(None, "score").state is ValueState.MISSING
    with pytest.raises(KeyError, match="scoer"):
        value_of(None, "scoer")


def test_a_difference_is_derived_and_says_what_it_is_made_of() -> None:
    old, new = Value(0.25, ValueState.MEASURED), Value(0.75, ValueState.MEASURED)
    past = Value(0.5, ValueState.HISTORICAL, "Taken from May.")
    assert delta_of(old, new) == Value(0.5, ValueState.DERIVED)
    assert "baseline's value is historical" in (delta_of(past, new).why or "")
    assert "candidate's value is historical" in (delta_of(old, past).why or "")
    assert "two historical" in (delta_of(past, past).why or "")


@pytest.mark.parametrize(
    "state", [ValueState.MISSING, ValueState.SKIPPED, ValueState.NOT_APPLICABLE]
)
def test_no_difference_is_computed_from_what_is_not_there(state: ValueState) -> None:
    known, absent = Value(0.0, ValueState.MEASURED), Value(None, state)
    for pair, side in (((absent, known), "baseline"), ((known, absent), "candidate")):
        found = delta_of(*pair)
        assert found.value is None and found.state is state
        assert f"the {side}'s value is {absent.absent_text}" in (found.why or "")
