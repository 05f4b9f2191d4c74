"""The two gates on the primary score: few rows, shared sources, old numbers, several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from engine.judge.gate import Gate, Verdict
from engine.judge.gates import judge, score_interval
from engine.judge.measured import Measured
from engine.judge.score_gates import primary_test
from engine.records.run import RunConfig
from tests.engine.judge.test_gates import config, evals, gate, paired, record, rows

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED


# --- few rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_rows_beats_nothing(n: int) -> None:
    found = gate("beats_baseline", config(), *paired([False] * n, [True] * n))
    assert found.verdict is UNDECIDED and "6 rows are the fewest" in found.reason
    score = gate("primary_min", config(), *paired([False] * n, [True] * n))
    assert score.verdict is PASS and "reaches past the bound" in score.reason


def test_six_clean_flips_are_the_fewest_that_pass() -> None:
    found = gate("beats_baseline", config(), *paired([False] * 6, [True] * 6))
    assert found.verdict is PASS and "p = 0.031" in found.reason


def test_no_rows_are_no_measurement() -> None:
    made = evals() | {"eval-candidate.json": record(0.95, n=0)}
    for one in judge(config(), made)[:2]:
        assert one.verdict is UNDECIDED and "measured on no examples" in one.reason


def test_examples_without_a_score_are_neither_right_nor_wrong() -> None:
    made = evals() | {"eval-candidate.json": record(0.95, n=99, unscored={"7": "no answer came"})}
    for one in judge(config(), made)[:2]:
        assert one.verdict is UNDECIDED and "1 example in eval-candidate.json got no" in one.reason


# --- old numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["eval-baseline.json", "eval-candidate.json"])
def test_a_historical_score_decides_nothing(file: str) -> None:
    scores, found = paired([False] * 40, [True] * 40)
    scores[file] = scores[file].model_copy(update={"historical": "a table of July"})
    gates = {one.name: one for one in judge(config(), scores, found)}
    assert gates["beats_baseline"].verdict is UNDECIDED
    assert "is historical (a table of July)" in gates["beats_baseline"].reason
    primary = UNDECIDED if "candidate" in file else PASS
    assert gates["primary_min"].verdict is primary


def test_historical_breadth_decides_nothing() -> None:
    made = evals()
    old = made["eval-regression-baseline.json"].model_copy(update={"historical": "July"})
    found = gate("breadth_drop_max_pp", config(), made | {"eval-regression-baseline.json": old})
    assert found.verdict is UNDECIDED and "historical" in found.reason


# --- how sure ------------------------------------------------------------------------------------


def test_confidence_is_what_the_target_asks_for() -> None:
    made = paired([k < 20 for k in range(60)], [k < 28 for k in range(60)])  # p = 2 / 2**8
    usual = gate("beats_baseline", config(), *made)
    strict = config(threshold={"primary_min": 0.1, "confidence": 0.999})
    assert usual.verdict is PASS and usual.bound_text == "p < 0.05"
    found = gate("beats_baseline", strict, *made)
    assert found.verdict is UNDECIDED and found.bound_text == "p < 0.001"
    assert "within the noise" in found.reason


def test_rows_that_share_a_source_are_one_witness() -> None:
    # 40 rows of 4 documents: ten flips of one document are one flip.
    before, after = [False] * 40, [k < 30 for k in range(40)]
    scores, found = paired(before, after)
    alone = gate("beats_baseline", config(), scores, found)
    for made in found.values():
        for place, row in enumerate(made):
            row.source = f"document {place // 10}"
    together = gate("beats_baseline", config(), scores, found)
    assert alone.verdict is PASS and together.verdict is UNDECIDED
    assert "paired permutation, exact" in together.reason and "p = 0.25" in together.reason
    narrow = gate("primary_min", config(), *paired(before, after)).interval
    wide = gate("primary_min", config(), scores, found).interval
    assert narrow is not None and wide is not None
    assert wide[1] - wide[0] > narrow[1] - narrow[0]


def test_graded_scores_are_tested_by_permutation() -> None:
    rng = np.random.default_rng(3)
    before = [round(float(one), 2) for one in rng.uniform(0.2, 0.5, 40)]
    after = [
        round(one + float(more), 2)
        for one, more in zip(before, rng.uniform(0.25, 0.4, 40), strict=True)
    ]
    found = gate("beats_baseline", config(), *paired(before, after))
    assert found.verdict is PASS and "40 better, 0 worse of 40" in found.reason
    assert found.interval is not None and found.interval[0] > 0.2


FLIPS = st.tuples(*[st.integers(0, 12)] * 4)


@given(FLIPS)
@settings(max_examples=60, deadline=None)
def test_p_and_interval_are_those_of_statsmodels(cells: tuple[int, int, int, int]) -> None:
    both, fixed, broken, neither = cells
    n = sum(cells)
    before = [True] * both + [False] * fixed + [True] * broken + [False] * neither
    after = [True] * both + [True] * fixed + [False] * broken + [False] * neither
    if n == 0:
        return
    scores, found = paired(before, after)
    pair = primary_test(Measured(config(), scores, found))
    assert pair is not None
    table = [[both, broken], [fixed, neither]]
    expected = mcnemar(table, exact=True).pvalue if fixed + broken else 1.0
    assert pair.p == pytest.approx(min(1.0, expected))
    low, high = proportion_confint(both + fixed, n, method="wilson")
    assert score_interval(scores["eval-candidate.json"], found["eval-candidate.json"]) == (
        pytest.approx((low, high), abs=1e-9)
    )
    # Turned round, what is gained is lost; and no interval leaves what is possible.
    there = gate("beats_baseline", config(), scores, found)
    back = gate("beats_baseline", config(), *paired(after, before))
    assert there.value == pytest.approx(-(back.value or 0))
    assert not (there.verdict is PASS and back.verdict is PASS)
    for one in (there, back):
        assert one.interval is not None and -1 <= one.interval[0] <= one.interval[1] <= 1
    if there.verdict is PASS:
        assert expected < 0.05 and fixed > broken


# --- several seeds -------------------------------------------------------------------------------


def seeded(*seeds: int, **changes: Any) -> RunConfig:
    made = config(seeds=list(seeds), **changes)
    return made.model_copy(update={"seed": 0})


def throws(
    before: Sequence[bool], *after: Sequence[bool], told: Sequence[int] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The baseline, the candidate of seed 0, and eval-seed-1.json, eval-seed-2.json, …"""
    scores, found = paired(before, after[0])
    for seed, one in enumerate(after[1:], start=1):
        name = f"eval-seed-{seed}.json"
        said = seed if told is None else told[seed - 1]
        scores[name] = record(sum(one) / len(one), n=len(one), seed=said)
        found[name] = rows(one)
    return scores, found


def right(count: int, n: int = 60) -> list[bool]:
    return [k < count for k in range(n)]


def both(*arguments: Any) -> tuple[Gate, Gate]:
    first, second = judge(*arguments)[:2]
    return first, second


def test_the_mean_over_the_seeds_decides() -> None:
    made = throws(right(12), right(57), right(55), right(59))
    primary, beats = both(seeded(1, 2), *made)
    means = [57 / 60, 55 / 60, 59 / 60]
    assert (primary.verdict, beats.verdict) == (PASS, PASS)
    assert primary.value == pytest.approx(np.mean(means))
    low, high = scipy.stats.t.interval(0.95, 2, np.mean(means), scipy.stats.sem(means))
    assert primary.interval == pytest.approx((low, min(1.0, high)))
    assert "The mean of 3 seeds, 0.950" in primary.reason and "seed 0's: 0.950." in primary.reason
    assert beats.value == pytest.approx(np.mean(means) - 0.2)
    assert beats.interval == pytest.approx((low - 0.2, min(1.0, high) - 0.2))
    assert "what would be shipped is seed 0's" in beats.reason


@pytest.mark.parametrize(
    ("after", "primary", "beats"),
    [
        ((57, 50, 49), FAIL, PASS),  # the first is good, the mean is not
        ((50, 58, 59), FAIL, PASS),  # the mean is good, what would be shipped is not
        ((12, 59, 59), FAIL, FAIL),  # what would be shipped is no better than the baseline
        ((10, 11, 9), FAIL, FAIL),
        ((30, 13, 13), FAIL, UNDECIDED),  # one lucky throw: the seeds spread too far
    ],
)
def test_a_lucky_seed_does_not_pass(
    after: tuple[int, ...], primary: Verdict, beats: Verdict
) -> None:
    made = throws(right(12), *map(right, after))
    found = both(seeded(1, 2), *made)
    assert [one.verdict for one in found] == [primary, beats], [one.reason for one in found]


def test_equal_seeds_show_no_spread_and_may_pass_by_their_rows() -> None:
    primary, beats = both(seeded(1), *throws(right(12), right(58), right(58)))
    assert (primary.verdict, beats.verdict) == (PASS, PASS)
    assert primary.interval is None and beats.interval is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda scores: scores.pop("eval-seed-2.json"), "eval-seed-2.json is missing"),
        (
            lambda scores: scores.update({"eval-seed-2.json": record(0.9, n=60, seed=7)}),
            "the weights of seed 7, not of seed 2",
        ),
        (
            lambda scores: scores.update({"eval-seed-2.json": record(0.9, "other", n=60)}),
            "another suite",
        ),
        (
            lambda scores: scores.update(
                {"eval-seed-2.json": record(0.9, n=60, historical="July")}
            ),
            "historical",
        ),
    ],
)
def test_a_seed_that_was_asked_for_and_is_not_there_decides_nothing(
    change: Any, words: str
) -> None:
    scores, found = throws(right(12), right(58), right(59), right(59))
    change(scores)
    for one in both(seeded(1, 2), scores, found):
        assert one.verdict is UNDECIDED and words in one.reason, one.reason


def test_the_same_seed_twice_is_one_throw() -> None:
    made = throws(right(12), right(58), right(59))
    for one in both(seeded(0), *made):
        assert one.verdict is UNDECIDED and "named twice" in one.reason


def test_seeds_without_rows_go_by_their_counts() -> None:
    scores, found = throws(right(12), right(58), right(59))
    scores = {name: one.model_copy(update={"n": 60}) for name, one in scores.items()}
    del found["eval-seed-1.json"]
    beats = both(seeded(1), scores, found)[1]
    assert beats.verdict is PASS and "by the counts alone" in beats.reason


@given(st.lists(st.integers(0, 20), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_mean_never_passes_where_every_seed_fails(counts: list[int]) -> None:
    after = [right(count, 20) for count in counts]
    config_ = seeded(*range(1, len(counts)))
    primary, beats = both(config_, *throws(right(10, 20), *after))
    mean = math.fsum(counts) / len(counts) / 20
    assert primary.value == pytest.approx(mean)
    assert (primary.verdict is PASS) is (mean >= 0.9 - 1e-9 and counts[0] >= 18)
    if beats.verdict is PASS:
        assert mean > 0.5 and counts[0] > 10
