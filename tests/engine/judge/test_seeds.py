"""Several seeds and several tries, against SciPy, statsmodels and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.nonparametric import rank_compare_2indep

from engine.judge.seeds import probability_of_improvement, spread_of
from engine.judge.tries import Try, holm, tries_at

SCORES = st.lists(st.floats(0, 1).map(lambda x: round(x, 2)), max_size=12)


# --- spread -----------------------------------------------------------------------------------


def test_spread_is_that_of_the_seeds_means() -> None:
    passes = [[0.80, 0.84], [0.90], [0.70, 0.72, 0.74], []]
    seen = spread_of(passes)
    means = [0.82, 0.90, 0.72]
    assert seen.seeds == 3 and seen.mean.value == pytest.approx(np.mean(means))
    assert seen.sd == pytest.approx(np.std(means, ddof=1))
    assert (seen.least, seen.greatest) == pytest.approx((0.72, 0.90))
    low, high = scipy.stats.t.interval(0.95, 2, np.mean(means), scipy.stats.sem(means))
    assert seen.mean.interval == pytest.approx((low, min(1.0, high)))
    # pooled: (2 * 0.02**2 + 2 * 0.02**2) / (1 + 2)
    assert seen.within == pytest.approx((0.0016 / 3) ** 0.5)


def test_few_seeds_say_little() -> None:
    none, one, two = spread_of([]), spread_of([[0.8]]), spread_of([[0.8], [0.9]])
    assert none.mean.value is None and none.sd is none.least is none.within is None
    assert one.sd is None and one.mean.interval == (0.0, 1.0)
    assert one.mean.caution == "one row shows no spread"
    assert two.mean.interval == pytest.approx((0.85 - 12.7062 * 0.05, 1.0), abs=1e-4)
    same = spread_of([[0.8], [0.8], [0.8]])
    assert same.sd == 0 and same.mean.interval == (0.0, 1.0) and same.mean.caution
    with pytest.raises(ValueError, match="score number 1 is inf"):
        spread_of([[0.8], [float("inf")]])


# --- probability of improvement ----------------------------------------------------------------


@given(SCORES, SCORES)
def test_improvement_is_mann_whitney(one: list[float], other: list[float]) -> None:
    seen = probability_of_improvement(one, other)
    assert seen.interval is not None
    low, high = seen.interval
    if not one or not other:
        assert seen.value is None and (low, high) == (0.0, 1.0)
        return
    u = scipy.stats.mannwhitneyu(one, other).statistic
    assert seen.value == pytest.approx(u / len(one) / len(other))
    assert 0 <= low <= seen.value <= high <= 1 and low < high
    back = probability_of_improvement(other, one)
    assert back.value == pytest.approx(1 - seen.value)
    assert back.interval == pytest.approx((1 - high, 1 - low), abs=1e-9)
    lower = probability_of_improvement(one, other, direction="lower")
    assert lower.value == pytest.approx(1 - seen.value)


def test_with_many_seeds_the_interval_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(6)
    one, other = rng.normal(0.4, 1, 150), rng.normal(0, 1, 150)
    theirs = rank_compare_2indep(one, other)
    seen = probability_of_improvement(one.tolist(), other.tolist())
    assert seen.value == pytest.approx(theirs.prob1)
    assert seen.interval == pytest.approx(theirs.conf_int(), abs=0.012)


@pytest.mark.parametrize(("seeds", "shift"), [(5, 0.0), (5, 1.0), (10, 0.5)])
def test_the_interval_holds_the_truth_as_often_as_it_says(seeds: int, shift: float) -> None:
    truth = scipy.stats.norm.cdf(shift / 2**0.5)
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        one, other = rng.normal(shift, 1, seeds), rng.normal(0, 1, seeds)
        low, high = probability_of_improvement(one.tolist(), other.tolist()).interval or (1, 0)
        held += low <= truth <= high
    assert 0.92 <= held / 400 <= 0.99


def test_three_clean_wins_are_not_a_proof() -> None:
    seen = probability_of_improvement([0.9, 0.91, 0.92], [0.8, 0.81, 0.82])
    assert seen.value == 1.0
    assert seen.caution == "3 against 3 seeds say little: even a clean sweep has p = 0.1"
    four = probability_of_improvement([0.9] * 4, [0.8] * 4)
    assert four.value == 1.0 and four.excludes(0.5) and four.caution is None
    exact = scipy.stats.mannwhitneyu([0.9, 0.91, 0.92], [0.8, 0.81, 0.82], method="exact")
    assert exact.pvalue == pytest.approx(0.1)
    one = probability_of_improvement([0.9], [0.8])
    assert one.n == 2 and one.caution and "p = 1" in one.caution


# --- tries --------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)  # statsmodels takes 70 ms for one
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_statsmodels(ps: list[float]) -> None:
    expected = multipletests(ps, method="holm")[1]
    assert holm(ps) == pytest.approx(list(expected))
    assert all(before <= after <= 1 for before, after in zip(ps, holm(ps), strict=True))


def test_holm_by_hand_and_at_its_ends() -> None:
    assert holm([]) == [] and holm([0.2]) == [0.2]
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            holm([0.5, wrong])


def test_tries_at_one_gold_set() -> None:
    tries = [
        Try("a", "gold", 0.02), Try("b", "gold", 0.5), Try("c", "gold"), Try("d", "other", 0.001),
        Try("a", "gold", 0.04), Try("a", "gold"),
    ]  # fmt: skip
    seen = tries_at("gold", tries)
    assert seen.count == 3 and seen.corrected == pytest.approx({"a": 0.06, "b": 1.0})
    assert seen.sentence("a") == (
        "3 runs were judged on this gold set; corrected for that (Holm; a p that is "
        "not known counts as 1), p = 0.06."
    )
    assert seen.sentence("c") == "3 runs were judged on this gold set."
    assert tries_at("other", tries).sentence("d") == "1 run was judged on this gold set."
    assert tries_at("new", tries).sentence("a") == "No run was judged on this gold set."
