"""Every bound beside the score: pass, fail, and cannot be told, each with its reason."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.judge.gate import KINDS, Gate, Verdict
from engine.judge.gates import judge
from engine.records.evaluation import EvalResult
from tests.engine.judge.test_gates import config, evals, record

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED


def latency(median: float = 40.0, p95: float | None = 80.0, n: int = 64) -> dict[str, Any]:
    return {
        "latency": {
            "sample": "gold, the first 64",
            "sample_sha256": "a" * 64,
            "n": n,
            "median_ms": median,
            "p95_ms": p95,
        }
    }


def judged(name: str, bound: float, candidate: dict[str, Any], **regression: Any) -> Gate:
    made = evals() | {"eval-candidate.json": record(0.95, **candidate)}
    if regression:
        made["eval-regression-candidate.json"] = record(0.88, "breadth", **regression)
    threshold = {"primary_min": 0.9, name: bound}
    return {one.name: one for one in judge(config(threshold=threshold), made)}[name]


TABLE: list[tuple[str, float, dict[str, Any], Verdict, str]] = [
    # name, bound, the candidate's record, verdict, words of the reason
    ("latency_median_max_ms", 40, latency(), PASS, "40.0 ms (one request at a time, 64 prompts)"),
    ("latency_median_max_ms", 39.9, latency(), FAIL, "is above the bound of 39.9 ms"),
    ("latency_median_max_ms", 40, latency(n=1, p95=None), PASS, "1 prompt)"),
    ("latency_median_max_ms", 40, {}, UNDECIDED, "latency was not measured one request at a time"),
    ("latency_median_max_ms", 40, {"latency_ms": 3.0}, UNDECIDED, "a batch's is not what a user"),
    ("latency_median_max_ms", 40, {"skipped": {"latency": "Nobody asked."}}, UNDECIDED, "Nobody"),
    ("latency_p95_max_ms", 80, latency(), PASS, "at or below the bound of 80.0 ms"),
    ("latency_p95_max_ms", 79, latency(), FAIL, "80.0 ms"),
    ("latency_p95_max_ms", 80, latency(p95=None, n=19), UNDECIDED, "Fewer than 20 answers"),
    ("latency_p95_max_ms", 80, {"latency_ms": 3.0}, UNDECIDED, "not measured one request"),
    ("peak_memory_max_mb", 2048, {"peak_rss_mb": 2048, "mlx_peak_mb": 9}, PASS, "2,048 MB"),
    ("peak_memory_max_mb", 2048, {"peak_rss_mb": 9, "mlx_peak_mb": 2049}, FAIL, "2,049 MB"),
    ("peak_memory_max_mb", 2048, {"mlx_peak_mb": 2000}, PASS, "2,000 MB"),
    ("peak_memory_max_mb", 2048, {}, UNDECIDED, "peak memory was not measured"),
    ("peak_memory_max_mb", 2048, {"through": "endpoint"}, UNDECIDED, "in another process"),
    ("tokens_per_second_min", 100, {"tokens_per_second": 100.0}, PASS, "at or above"),
    ("tokens_per_second_min", 100, {"tokens_per_second": 99.9}, FAIL, "below the bound of 100.0"),
    ("tokens_per_second_min", 100, {}, UNDECIDED, "were not measured"),
    ("parse_rate_min", 0.95, {"format": {"parsed": 0.95}}, PASS, "primary suite"),
    ("parse_rate_min", 0.95, {"format": {"parsed": 0.949}}, FAIL, "below the bound of 0.950"),
    ("parse_rate_min", 0.95, {"format": {"prose": 0.1}}, UNDECIDED, "is not recorded"),
    ("parse_rate_min", 0.0, {"format": {"parsed": 0.0}}, PASS, "0.000"),
    ("safety_violations_max", 0, {"safety_violations": 0}, PASS, "None in 1 suite; 0 allowed."),
    ("safety_violations_max", 0, {"safety_violations": 1}, FAIL, "1 forbidden answer in 1 suite"),
    ("safety_violations_max", 2, {"safety_violations": 2}, PASS, "2 in eval-candidate.json"),
    ("safety_violations_max", 0, {}, UNDECIDED, "no suite of the candidate counted"),
]


@pytest.mark.parametrize(("name", "bound", "candidate", "verdict", "words"), TABLE)
def test_each_bound(
    name: str, bound: float, candidate: dict[str, Any], verdict: Verdict, words: str
) -> None:
    found = judged(name, bound, candidate)
    assert found.verdict is verdict and words in found.reason, found.reason
    assert (found.value is None) is (verdict is UNDECIDED)
    assert found.reason.endswith(".") and found.bound == bound
    assert found.title == KINDS[name].title and found.bound_text[0] in "≥≤"


@pytest.mark.parametrize("name", sorted({row[0] for row in TABLE}))
def test_missing_and_historical_evidence_never_passes(name: str) -> None:
    fine = next(row for row in TABLE if row[0] == name and row[3] is PASS)
    old = judged(name, fine[1], fine[2] | {"historical": "the July table"})
    assert old.verdict is UNDECIDED and "the July table" in old.reason
    threshold = {"primary_min": 0.9, name: fine[1]}
    gates = judge(config(threshold=threshold), {"eval-baseline.json": record(0.2)})
    gone = {one.name: one for one in gates}[name]
    assert gone.verdict is UNDECIDED and "eval-candidate.json is missing" in gone.reason


def test_safety_is_summed_over_the_candidates_suites() -> None:
    found = judged("safety_violations_max", 2, {"safety_violations": 2}, safety_violations=1)
    assert found.verdict is FAIL and found.value == 3
    assert "eval-regression-candidate.json" in found.reason and "in 2 suites" in found.reason
    # A violation stays one, whatever else is historical.
    worse = judged("safety_violations_max", 0, {"safety_violations": 1, "historical": "July"})
    assert worse.verdict is FAIL


def test_safety_counts_without_a_bound_and_is_left_out_where_nothing_is_forbidden() -> None:
    free = config(threshold={"primary_min": 0.9})
    made = evals() | {"eval-candidate.json": record(0.95, safety_violations=1)}
    assert judge(free, made)[-1].name == "safety_violations_max"
    assert judge(free, made)[-1].verdict is FAIL
    assert "safety_violations_max" not in {gate.name for gate in judge(free, evals())}


def test_gates_stand_in_one_order_and_only_where_a_bound_is_set() -> None:
    everything = {"breadth_drop_max_pp": 3.0, "safety_violations_max": 0, "parse_rate_min": 0.9} | {
        name: 1.0 for name in KINDS if name.endswith(("_ms", "_mb", "tokens_per_second_min"))
    }
    made = config(threshold={"primary_min": 0.9, **everything})
    assert [gate.name for gate in judge(made, evals())] == list(KINDS)
    assert [gate.name for gate in judge(made, {})] == list(KINDS)
    assert all(gate.verdict is UNDECIDED for gate in judge(made, {}))


def test_nobody_has_to_beat_the_baseline_where_that_is_not_asked() -> None:
    free = config(threshold={"primary_min": 0.9, "beat_baseline": False})
    assert [gate.name for gate in judge(free, {"eval-candidate.json": record(0.95)})] == [
        "primary_min"
    ]


NUMBERS = st.one_of(st.none(), st.floats(0, 1e9, allow_nan=False), st.just(math.inf))


@given(st.floats(0.001, 1e6), NUMBERS, NUMBERS)
def test_a_verdict_is_what_the_numbers_say(
    bound: float, rss: float | None, mlx: float | None
) -> None:
    fields = {"peak_rss_mb": rss, "mlx_peak_mb": mlx}
    made = EvalResult.model_construct(**(record(0.95).model_dump() | fields))
    threshold = {"primary_min": 0.9, "peak_memory_max_mb": bound}
    gates = judge(config(threshold=threshold), evals() | {"eval-candidate.json": made})
    gate = {one.name: one for one in gates}["peak_memory_max_mb"]
    known = [one for one in (rss, mlx) if one is not None]
    if not known or math.inf in known:
        assert gate.verdict is UNDECIDED and gate.value is None
    else:
        assert gate.value == max(known)
        assert (gate.verdict is PASS) is (max(known) <= bound * (1 + 1e-9) + 1e-9)
