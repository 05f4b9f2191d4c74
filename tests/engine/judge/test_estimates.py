"""Intervals of scores and differences, against SciPy, statsmodels and published numbers."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge import bootstrap, clusters, distributions, stats
from engine.judge.paired import compare_paired
from engine.judge.permutation import sign_flips
from engine.judge.scored import score_estimate

SHARES = st.floats(0, 1).map(lambda x: round(x, 3))


# --- distributions -----------------------------------------------------------------------


@given(a=st.floats(0.1, 3000), b=st.floats(0.1, 3000), x=st.floats(0, 1))
def test_the_incomplete_beta_function_is_scipys(a: float, b: float, x: float) -> None:
    seen = distributions.incomplete_beta(a, b, x)
    assert seen == pytest.approx(scipy.special.betainc(a, b, x), rel=1e-8, abs=1e-10)


@given(n=st.integers(1, 3000), p=st.floats(0.001, 0.999), data=st.data())
def test_the_binomial_is_scipys(n: int, p: float, data: st.DataObject) -> None:
    k = data.draw(st.integers(-1, n))
    seen = distributions.binomial_at_most(k, n, p)
    assert seen == pytest.approx(scipy.stats.binom.cdf(k, n, p), rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("df", [1, 2, 3, 9, 30, 1000, 1_000_000])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_student_is_scipys(df: int, confidence: float) -> None:
    reach = distributions.student_reach(confidence, df)
    assert reach == pytest.approx(scipy.stats.t.ppf((1 + confidence) / 2, df), rel=1e-8)
    assert distributions.student_at_most(reach, df) == pytest.approx((1 + confidence) / 2)
    assert distributions.student_at_most(-reach, df) == pytest.approx((1 - confidence) / 2)


def test_distributions_refuse_what_is_undefined() -> None:
    with pytest.raises(ValueError, match="not defined"):
        distributions.incomplete_beta(0, 1, 0.5)
    for confidence, df in ((0.0, 3), (1.0, 3), (0.95, 0)):
        with pytest.raises(ValueError, match="degrees of freedom"):
            distributions.student_reach(confidence, df)


# --- Newcombe's paired interval -------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # M. Fagerland, S. Lydersen, P. Laake, "Recommended tests and confidence intervals for
        # paired binomial proportions", Statistics in Medicine 33 (2014) 2850-2875: complete
        # response (Cavo et al.), and airway hyper-responsiveness (Bentur et al.).
        ((59, 6, 16, 80), (-0.0621, -0.1186, -0.0046)),
        ((1, 1, 7, 12), (-0.2857, -0.5069, -0.0256)),
    ],
)
def test_newcombes_paired_interval_as_published(
    cells: tuple[int, int, int, int], expected: tuple[float, float, float]
) -> None:
    assert stats.newcombe_paired(*cells) == pytest.approx(expected, abs=5e-5)


@given(cells=st.tuples(*[st.integers(0, 60)] * 4))
def test_newcombes_paired_interval_is_even_and_bounded(cells: tuple[int, ...]) -> None:
    both, fixed, broken, neither = cells
    value, low, high = stats.newcombe_paired(both, fixed, broken, neither)
    assert -1 <= low <= value <= high <= 1
    assert stats.newcombe_paired(both, broken, fixed, neither) == pytest.approx(
        (-value, -high, -low)
    )
    assert stats.newcombe_paired(neither, broken, fixed, both) == pytest.approx(
        (-value, -high, -low)
    )
    if sum(cells):
        wide = stats.newcombe_paired(both, fixed, broken, neither, 0.99)
        assert wide[1] <= low and high <= wide[2]


def test_newcombe_without_rows_and_with_impossible_ones() -> None:
    assert stats.newcombe_paired(0, 0, 0, 0) == (0.0, -1.0, 1.0)
    with pytest.raises(ValueError, match="negative"):
        stats.newcombe_paired(1, -1, 0, 0)


# --- clusters -------------------------------------------------------------------------------


def test_the_clustered_error_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(3)
    groups = [f"doc {i}" for i in rng.integers(0, 12, 90)]
    lean = {group: rng.normal() for group in groups}
    scores = [float(lean[group] + rng.normal()) for group in groups]
    codes = np.unique(groups, return_inverse=True)[1]
    fit = sm.OLS(np.array(scores), np.ones(90)).fit(
        cov_type="cluster", cov_kwds={"groups": codes}, use_t=True
    )
    assert clusters.clustered_error(scores, groups) == pytest.approx(float(fit.bse[0]))
    low, high = fit.conf_int()[0]
    seen = clusters.student_interval(scores, groups)
    assert seen.value == pytest.approx(float(fit.params[0]))
    assert seen.interval == pytest.approx((float(low), float(high)))
    assert seen.caution is None


@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 2)), min_size=2, max_size=30))
def test_a_source_for_each_row_is_the_common_student_interval(values: list[float]) -> None:
    seen = clusters.student_interval(values, [str(i) for i in range(len(values))])
    if max(values) == min(values):
        assert seen.interval is None and seen.caution is not None
        return
    error = float(scipy.stats.sem(values))
    expected = scipy.stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
    assert seen.interval == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_rows_of_one_source_widen_the_interval() -> None:
    scores = [float(i // 5 % 2) for i in range(100)]  # 20 sources of five equal rows
    sources = [str(i // 5) for i in range(100)]
    alone = score_estimate(scores)
    together = score_estimate(scores, sources)
    assert alone.method == "Wilson" and together.method == "Wilson, clustered, 20 sources"
    assert alone.value == together.value == 0.5
    low, high = stats.wilson(10, 20)
    assert together.low is not None and together.high is not None
    # as sure as twenty rows, and a little less for the degrees of freedom
    assert low - 0.03 < together.low <= low and high <= together.high < high + 0.03


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_clean_sweep_of_few_sources_counts_sources(score: float) -> None:
    seen = score_estimate([score] * 60, [str(i % 6) for i in range(60)])
    assert seen.interval == pytest.approx(stats.wilson(6 * score, 6))
    assert seen.caution == "only 6 sources: the interval is rough"


@given(st.lists(st.tuples(SHARES, st.sampled_from("abcde")), max_size=40))
def test_clustered_shares_stay_inside_and_are_never_surer(rows: list[tuple[float, str]]) -> None:
    scores, sources = [one for one, _ in rows], [one for _, one in rows]
    seen = clusters.clustered_share(scores, sources)
    if not rows:
        assert seen.value is None and seen.interval == (0.0, 1.0)
        return
    assert seen.value is not None and seen.interval is not None
    low, high = seen.interval
    assert 0 <= low <= seen.value + 1e-12 and seen.value <= high + 1e-12 and high <= 1
    tight = stats.wilson(min(len(scores), math.fsum(scores)), len(scores))
    assert high - low >= tight[1] - tight[0] - 1e-9


# --- bootstrap ------------------------------------------------------------------------------


@pytest.mark.parametrize(("ours", "theirs"), [("percentile", "percentile"), ("bca", "BCa")])
def test_the_bootstrap_is_scipys_on_the_same_resamples(ours: bootstrap.Kind, theirs: str) -> None:
    values = np.random.default_rng(5).beta(5, 1, 40).round(3).tolist()
    means = bootstrap.resampled_means([(value, 1) for value in values], 9_999, 11)
    expected = scipy.stats.bootstrap(
        (values,), np.mean, method=theirs, n_resamples=0,
        bootstrap_result=SimpleNamespace(bootstrap_distribution=means),
    ).confidence_interval  # fmt: skip
    seen = bootstrap.bootstrap_mean(values, kind=ours, seed=11)
    assert seen.interval == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert seen.method == f"bootstrap {ours}, 9999 resamples, seed 11"


def test_the_bootstrap_of_sources_is_as_wide_as_the_clustered_interval() -> None:
    rng = np.random.default_rng(8)
    sources = [str(i // 6) for i in range(240)]
    lean = rng.normal(size=40)
    values = [float(lean[i // 6] + rng.normal()) for i in range(240)]
    drawn = bootstrap.bootstrap_mean(values, sources, seed=1)
    student = clusters.student_interval(values, sources)
    alone = bootstrap.bootstrap_mean(values, seed=1)
    assert drawn.interval == pytest.approx(student.interval, abs=0.06)
    assert _width(alone.interval) < 0.7 * _width(drawn.interval)
    assert "of 40 sources" in drawn.method


def _width(interval: tuple[float, float] | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


def test_the_same_seed_gives_the_same_interval_and_another_nearly_so() -> None:
    values = [0.1, 0.9, 0.4, 0.4, 1.0, 0.3, 0.8, 0.7, 0.55, 0.2, 0.6, 0.75]
    one, again, other = (bootstrap.bootstrap_mean(values, seed=s) for s in (7, 7, 8))
    assert one == again
    assert one.interval != other.interval
    assert one.interval == pytest.approx(other.interval, abs=0.02)


def test_a_large_set_is_drawn_less_often_and_says_so() -> None:
    values = [float(i % 7) for i in range(40_000)]
    assert "1250 resamples" in bootstrap.bootstrap_mean(values).method
    assert sign_flips([one - 2.5 for one in values]).resamples == 1250


@settings(max_examples=30, deadline=None)
@given(st.lists(SHARES, max_size=25))
def test_scores_of_any_kind_have_a_sound_interval(scores: list[float]) -> None:
    seen = score_estimate(scores)
    assert seen.n == len(scores) and seen.interval is not None
    low, high = seen.interval
    assert 0 <= low < high <= 1
    if not scores:
        assert seen.value is None and seen.interval == (0.0, 1.0)
        return
    assert seen.value == pytest.approx(math.fsum(scores) / len(scores))
    assert low <= seen.value + 1e-9 and seen.value <= high + 1e-9
    if all(score in (0, 1) for score in scores):
        assert seen.interval == stats.wilson(sum(scores), len(scores))


def test_bad_scores_are_named() -> None:
    for scores, words in (
        ([0.5, float("nan")], "score number 2 is nan"),
        ([0.5, 1.5], "score number 2 is 1.5"),
    ):
        with pytest.raises(ValueError, match=words):
            score_estimate(scores)
    with pytest.raises(ValueError, match="2 rows have 1 sources"):
        score_estimate([0.5, 1.0], ["a"])
    with pytest.raises(ValueError, match="too few"):
        bootstrap.bootstrap_mean([1.0], resamples=0)


# --- the permutation test -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_exact_signings_are_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    differences = rng.normal(0.3, 1, 9).round(2)
    expected = scipy.stats.permutation_test(
        (differences, np.zeros(9)), lambda x, y, axis: (x - y).sum(axis=axis),
        permutation_type="samples", n_resamples=np.inf, vectorized=True,
    ).pvalue  # fmt: skip
    seen = sign_flips(differences.tolist())
    assert seen.exact and seen.p == pytest.approx(float(expected))


def test_darwins_maize() -> None:
    # Charles Darwin's fifteen pairs of maize plants; R. A. Fisher (1935), section 21, counts
    # 1,726 of 32,768 signings with a total as far from 0 as the 314 eighths of an inch seen.
    pairs = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    seen = sign_flips(pairs)
    assert seen.exact and seen.p == 1726 / 32768


def test_random_signings_come_near_the_exact_p() -> None:
    pairs = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    zeros_change_nothing = sign_flips([*pairs, 0, 0, 0, 0, 0, 0])
    assert zeros_change_nothing.p == 1726 / 32768
    # With five tiny ones more it is drawn; these move the exact p hardly at all.
    drawn = sign_flips([*pairs, 0.1, -0.1, 0.2, -0.2, 0.3])
    assert not drawn.exact and drawn.p == pytest.approx(1726 / 32768, abs=0.008)
    assert drawn == sign_flips([*pairs, 0.1, -0.1, 0.2, -0.2, 0.3])
    assert drawn.method == "paired permutation, 9999 random signings, seed 0"
    assert sign_flips([1.0 + i for i in range(60)]).p == 1 / 10_000  # never 0


@given(up=st.integers(0, 30), down=st.integers(0, 30), same=st.integers(0, 5))
def test_with_right_and_wrong_it_is_mcnemar(up: int, down: int, same: int) -> None:
    seen = sign_flips([1.0] * up + [-1.0] * down + [0.0] * same)
    assert seen.exact and seen.p == stats.mcnemar(up, down)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1, 1).map(lambda x: round(x, 2)), max_size=14))
def test_signings_are_even_and_a_probability(differences: list[float]) -> None:
    seen = sign_flips(differences)
    assert 0 < seen.p <= 1 and seen.exact
    assert sign_flips([-one for one in differences]).p == pytest.approx(seen.p)
    assert sign_flips([3 * one for one in reversed(differences)]).p == pytest.approx(seen.p)


def test_rows_of_one_source_are_flipped_together() -> None:
    differences = [0.5, 0.4, 0.6, 0.5, 0.3, 0.7, 0.2, 0.9]
    assert sign_flips(differences).p == 2 / 2**8
    assert sign_flips(differences, list("aabbccdd")).p == 2 / 2**4
    assert sign_flips(differences, ["a"] * 8).p == 1.0


# --- candidate against baseline ---------------------------------------------------------------


def test_right_and_wrong_are_newcombe_and_mcnemar() -> None:
    before = [1.0] * 31 + [0.0] * 33
    after = [1.0] * 29 + [0.0] * 2 + [1.0] * 5 + [0.0] * 28
    seen = compare_paired(before, after)
    assert (seen.rose, seen.fell, seen.test) == (5, 2, "McNemar, exact")
    assert seen.p == 58 / 128
    assert (seen.difference.value, *(seen.difference.interval or ())) == pytest.approx(
        stats.newcombe_paired(29, 5, 2, 28)
    )


def test_graded_scores_are_drawn_and_flipped() -> None:
    rng = np.random.default_rng(2)
    before = rng.uniform(0, 0.6, 50).round(2).tolist()
    after = [min(1.0, one + 0.1 * (i % 4)) for i, one in enumerate(before)]
    seen = compare_paired(before, after)
    assert seen.difference.method.startswith("bootstrap bca")
    assert seen.difference.excludes(0.0) and seen.p == 1 / 10_000
    back = compare_paired(after, before)
    assert back.difference.value == pytest.approx(-(seen.difference.value or 0))
    assert (back.rose, back.fell, back.p) == (seen.fell, seen.rose, seen.p)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SHARES, SHARES), max_size=12))
def test_any_pairs_have_a_sound_difference(pairs: list[tuple[float, float]]) -> None:
    before, after = [one for one, _ in pairs], [one for _, one in pairs]
    seen = compare_paired(before, after)
    assert 0 < seen.p <= 1 and seen.difference.interval is not None
    low, high = seen.difference.interval
    assert -1 <= low <= high <= 1
    if pairs:
        assert low - 1e-9 <= (seen.difference.value or 0.0) <= high + 1e-9
    else:
        assert seen.difference.value is None and seen.p == 1


def test_few_and_unmoved_rows_do_not_look_sure() -> None:
    one = compare_paired([0.2], [0.7])
    assert one.difference.interval == (-1.0, 1.0)
    still = compare_paired([0.3, 0.6] * 20, [0.3, 0.6] * 20)
    assert still.p == 1 and still.difference.interval == stats.paired_difference(0, 0, 40)[1:]
    with pytest.raises(ValueError, match="3 rows before and 2 after"):
        compare_paired([1, 1, 0], [1, 0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        compare_paired([2], [1])


def test_sources_that_are_all_alike_are_no_certainty() -> None:
    before, after = [0.5, 0.5] * 12, [0.0, 1.0] * 12  # each source loses and gains the same
    seen = compare_paired(before, after, [str(i // 2) for i in range(24)])
    assert seen.difference.interval == (-1.0, 1.0) and seen.p == 1.0
    assert seen.difference.caution == (
        "every source is the same, so nothing is known of the spread"
    )
    score = score_estimate([0.0, 1.0] * 12, [str(i // 2) for i in range(24)])
    assert score.interval == stats.wilson(6, 12)


@pytest.mark.parametrize("n", [12, 30])
def test_bca_holds_the_truth_about_as_often_as_it_says(n: int) -> None:
    rng = np.random.default_rng(9)
    held = 0
    for i in range(300):
        scores = rng.beta(4, 1, n).tolist()
        seen = bootstrap.bootstrap_mean(scores, seed=i, resamples=999, limits=(0, 1))
        held += not seen.excludes(0.8)
    assert 0.88 <= held / 300 <= 0.985  # nominal 0.95; known to fall short for small n


def test_shared_sources_reach_the_difference_and_the_test() -> None:
    before = [0.0] * 40
    after = [float(i // 4 % 10 < 6) for i in range(40)]  # 6 of 10 sources rise whole
    alone = compare_paired(before, after)
    together = compare_paired(before, after, [str(i // 4) for i in range(40)])
    assert alone.p < 1e-6 and together.p == 2 / 2**6
    assert _width(together.difference.interval) > 1.5 * _width(alone.difference.interval)
