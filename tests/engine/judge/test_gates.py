"""Verdicts are recomputed, and say why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.judge.breadth import regression_files
from engine.judge.gates import Gate, Verdict, judge, score_interval
from engine.records.evaluation import EvalResult, RowResult
from engine.records.run import RunConfig


def config(**changes: Any) -> RunConfig:
    evaluation: dict[str, Any] = {
        "primary": "gold",
        "regression": "breadth",
        "threshold": {"primary_min": 0.9, "breadth_drop_max_pp": 3.0},
    }
    evaluation |= changes
    return RunConfig.model_validate(
        {
            "run_id": "r",
            "target": "t",
            "owner_goal": "g",
            "base_model": {"id": "b"},
            "candidate": {"method": "lora"},
            "eval": evaluation,
        }
    )


def record(score: float, suite: str = "gold", **more: Any) -> EvalResult:
    return EvalResult.model_validate(
        {"model_id": "b", "command": "c", "suite": suite, "score": score, "date": "2026-01-01"}
        | more
    )


def rows(right: Sequence[bool | float]) -> list[RowResult]:
    return [
        RowResult(id=str(k), prompt="", expected="", got="", score=float(one), correct=one == 1)
        for k, one in enumerate(right)
    ]


def evals(
    primary: tuple[float, float] = (0.2, 0.95), breadth: tuple[float, float] | None = (0.9, 0.88)
) -> dict[str, EvalResult]:
    found = {"eval-baseline.json": record(primary[0]), "eval-candidate.json": record(primary[1])}
    if breadth is not None:
        found["eval-regression-baseline.json"] = record(breadth[0], "breadth")
        found["eval-regression-candidate.json"] = record(breadth[1], "breadth")
    return found


def gate(name: str, *arguments: Any) -> Gate:
    return {one.name: one for one in judge(*arguments)}[name]


# --- primary_min ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "score", "verdict"),
    [
        ("higher", 0.9, Verdict.PASS),
        ("higher", 0.91, Verdict.PASS),
        ("higher", 0.899, Verdict.FAIL),
        ("lower", 0.9, Verdict.PASS),
        ("lower", 0.5, Verdict.PASS),
        ("lower", 0.91, Verdict.FAIL),
    ],
)
def test_primary_min_knows_the_direction(direction: str, score: float, verdict: Verdict) -> None:
    found = gate("primary_min", config(direction=direction), evals((0.1, score)))
    assert (found.verdict, found.value, found.bound) == (verdict, score, 0.9)


def test_primary_min_is_undecided_without_a_candidate() -> None:
    found = gate("primary_min", config(), {"eval-baseline.json": record(0.2)})
    assert (found.verdict, found.value, found.interval) == (Verdict.UNDECIDED, None, None)
    assert found.reason == "eval-candidate.json is missing or cannot be read."
    assert (found.value_text, found.interval_text) == ("not recorded", "not recorded")


def test_a_score_that_is_not_finite_decides_nothing() -> None:
    bad = record(0.5).model_copy(update={"score": float("nan")})
    found = judge(config(), evals() | {"eval-candidate.json": bad})
    assert [one.verdict for one in found[:2]] == [Verdict.UNDECIDED] * 2
    assert found[0].reason == "The score in eval-candidate.json is not a finite number."


def test_the_passed_flag_is_never_looked_at() -> None:
    lying = record(0.5, passed=True)
    found = gate("primary_min", config(), evals() | {"eval-candidate.json": lying})
    assert found.verdict == Verdict.FAIL


def test_an_interval_past_the_bound_is_said() -> None:
    found = gate("primary_min", config(), evals() | {"eval-candidate.json": record(0.95, n=40)})
    assert found.verdict == Verdict.PASS and found.interval is not None
    assert found.interval == pytest.approx((0.835, 0.986), abs=5e-4)
    assert "n = 40" in found.reason and "reaches past the bound" in found.reason


def test_intervals_come_from_rows_then_n_then_the_record() -> None:
    interval = {"low": 1.0, "high": 3.0}
    assert score_interval(record(0.5, n=10), rows([1, 0] * 50)) == pytest.approx(
        (0.4038, 0.5962), abs=5e-5
    )
    assert score_interval(record(2.0, metric="loss", n=9, interval=interval)) == (1.0, 3.0)
    assert score_interval(record(0.5)) is None


# --- beats_baseline ------------------------------------------------------------------------


def paired(before: Sequence[bool | float], after: Sequence[bool | float]) -> tuple[Any, Any]:
    means = sum(before) / len(before), sum(after) / len(after)
    found = {
        "eval-baseline.json": rows(before),
        "eval-candidate.json": rows(after),
    }
    return evals(means), found


def test_a_gain_within_the_noise_is_undecided() -> None:
    # 31 against 34 right answers of 64: 12 fixed, 9 broken.
    before = [k < 31 for k in range(64)]
    after = [9 <= k < 43 for k in range(64)]
    found = gate("beats_baseline", config(), *paired(before, after))
    assert found.verdict == Verdict.UNDECIDED
    assert "within the noise" in found.reason and "12 fixed, 9 broken of 64" in found.reason
    assert "p = 0.66" in found.reason
    assert found.value == pytest.approx(3 / 64)
    assert found.interval is not None and found.interval[0] < 0 < found.interval[1]


def test_a_clear_gain_passes() -> None:
    before, after = [k < 10 for k in range(40)], [k < 30 for k in range(40)]
    found = gate("beats_baseline", config(), *paired(before, after))
    assert found.verdict == Verdict.PASS
    assert found.value_text == "+0.500" and found.bound_text == "p < 0.05"


@pytest.mark.parametrize(("after", "word"), [(0.2, "no better"), (0.1, "worse")])
def test_a_tie_or_a_loss_fails(after: float, word: str) -> None:
    found = gate("beats_baseline", config(), evals((0.2, after)))
    assert found.verdict == Verdict.FAIL and word in found.reason


def test_lower_is_better_turns_it_round() -> None:
    lower = config(direction="lower")
    assert gate("beats_baseline", lower, evals((1.0, 2.0))).verdict == Verdict.FAIL
    made = paired([1.0] * 20, [0.5] * 20)
    found = gate("beats_baseline", lower, *made)
    assert found.verdict == Verdict.PASS and "20 better, 0 worse" in found.reason
    assert found.value == 0.5 and found.interval is not None
    counted = evals((0.8, 0.2))
    counted = {name: one.model_copy(update={"n": 40}) for name, one in counted.items()}
    found = gate("beats_baseline", lower, counted)
    assert found.verdict == Verdict.PASS and found.interval is not None and found.interval[0] > 0


def test_scores_alone_never_pass_and_counts_may() -> None:
    found = gate("beats_baseline", config(), evals())
    assert found.verdict == Verdict.UNDECIDED and found.value == pytest.approx(0.75)
    assert "no rows of both" in found.reason and "noise was not tested" in found.reason
    with_n = {name: one.model_copy(update={"n": 40}) for name, one in evals().items()}
    found = gate("beats_baseline", config(), with_n)
    assert found.verdict == Verdict.PASS and found.interval is not None
    assert "by the counts alone (n = 40 and 40)" in found.reason
    close = {
        name: one.model_copy(update={"n": 64}) for name, one in evals((31 / 64, 34 / 64)).items()
    }
    found = gate("beats_baseline", config(), close)
    assert found.verdict == Verdict.UNDECIDED and "within the noise" in found.reason


@pytest.mark.parametrize(
    ("baseline", "candidate", "words"),
    [
        ([1, 0, 0, 0, 0], [1, 1, 0, 0], "not of the same examples"),
        ([0, 0, 0, 0], [1, 1, 1, 1], "the rows give 1.000"),
    ],
)
def test_rows_that_cannot_be_paired_are_left_aside(
    baseline: list[bool], candidate: list[bool], words: str
) -> None:
    made = {"eval-baseline.json": rows(baseline), "eval-candidate.json": rows(candidate)}
    found = gate("beats_baseline", config(), evals((sum(baseline) / len(baseline), 0.5)), made)
    assert found.verdict == Verdict.UNDECIDED and words in found.reason


def test_an_id_that_stands_twice_is_not_paired() -> None:
    scores, made = paired([False] * 8, [True] * 8)
    made["eval-candidate.json"][1].id = "0"
    assert "an id stands twice" in gate("beats_baseline", config(), scores, made).reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"suite": "other"}, "scores of two suites"),
        ({"suite_sha256": "b" * 64}, "changed between baseline and candidate"),
        ({"direction": "lower"}, "its record that a lower one"),
    ],
)
def test_what_cannot_be_compared_is_undecided(change: dict[str, Any], words: str) -> None:
    made = {
        "eval-baseline.json": record(0.2, suite_sha256="a" * 64),
        "eval-candidate.json": record(0.95, **({"suite_sha256": "a" * 64} | change)),
    }
    found = gate("beats_baseline", config(), made)
    assert found.verdict == Verdict.UNDECIDED and words in found.reason


# --- breadth_drop_max_pp --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "verdict", "drop"),
    [
        (0.98, 0.95, Verdict.PASS, 3.0),
        (0.98, 0.949, Verdict.FAIL, 3.1),
        (0.596, 0.423, Verdict.FAIL, 17.3),
        (0.9, 0.95, Verdict.PASS, -5.0),
        (0.9, 0.9, Verdict.PASS, 0.0),
    ],
)
def test_breadth_drop(before: float, after: float, verdict: Verdict, drop: float) -> None:
    found = gate("breadth_drop_max_pp", config(), evals(breadth=(before, after)))
    assert found.verdict == verdict
    assert found.value == pytest.approx(drop)
    assert found.bound_text == "≤ 3.0 pp"


def test_breadth_is_the_mean_over_suites() -> None:
    made = evals(breadth=(0.9, 0.8))
    made["eval-regression-baseline-2.json"] = record(0.5, "second", n=50)
    made["eval-regression-candidate-2.json"] = record(0.54, "second", n=50)
    found = gate("breadth_drop_max_pp", config(), made)
    assert found.value == pytest.approx(3.0) and found.verdict == Verdict.PASS
    assert "2 suites" in found.reason and found.interval is None
    both = {name: one.model_copy(update={"n": 50}) for name, one in made.items()}
    wide = gate("breadth_drop_max_pp", config(), both).interval
    assert wide is not None and wide[0] < 3.0 < wide[1]


def test_breadth_interval_is_narrower_with_rows() -> None:
    before, after = [True] * 49 + [False], [True] * 48 + [False] * 2
    made = evals(breadth=(0.98, 0.96))
    counted = {name: one.model_copy(update={"n": 50}) for name, one in made.items()}
    found = {
        "eval-regression-baseline.json": rows(before),
        "eval-regression-candidate.json": rows(after),
    }
    by_rows = gate("breadth_drop_max_pp", config(), counted, found).interval
    by_n = gate("breadth_drop_max_pp", config(), counted).interval
    assert by_rows is not None and by_n is not None
    assert by_rows[1] - by_rows[0] < by_n[1] - by_n[0]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (evals(breadth=None), "there is no regression evidence (breadth)"),
        (
            {**evals(breadth=None), "eval-regression-candidate.json": record(0.9, "breadth")},
            "eval-regression-baseline.json is missing",
        ),
        (evals(breadth=(59.6, 42.3)), "needs shares between 0 and 1"),
    ],
)
def test_breadth_without_evidence_is_undecided(made: Any, words: str) -> None:
    found = gate("breadth_drop_max_pp", config(), made)
    assert (found.verdict, found.value) == (Verdict.UNDECIDED, None)
    assert words in found.reason


def test_a_frozen_suite_that_was_not_measured_is_named() -> None:
    two = config(
        regression="breadth, second", suites=dict.fromkeys(("gold", "breadth", "second"), "a" * 64)
    )
    found = gate("breadth_drop_max_pp", two, evals())
    assert found.reason == "Breadth was not measured on second."


def test_a_suite_of_a_harness_that_was_not_measured_is_named() -> None:
    both = config(regression="breadth, arc", suites=dict.fromkeys(("gold", "breadth"), "a" * 64))
    found = gate("breadth_drop_max_pp", both, evals())
    assert found.reason == "Breadth was not measured on arc."


def test_without_a_bound_there_is_no_breadth_gate() -> None:
    free = config(threshold={"primary_min": 0.9})
    assert [one.name for one in judge(free, evals())] == ["primary_min", "beats_baseline"]


def test_regression_files_are_paired_by_name() -> None:
    names = ["eval-regression-candidate-2.json", "eval-candidate.json", "eval-regression-x.json"]
    assert regression_files(names) == [
        ("eval-regression-baseline-2.json", "eval-regression-candidate-2.json")
    ]
