"""How many rows a suite needs: against brute force with SciPy, statsmodels, and the formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from engine.judge import power, stats


def brute_force(n: int, difference: float, discordance: float) -> float:
    """The probability of p < 0.05 from every pair of counts, by the multinomial."""
    up, down = (discordance + difference) / 2, (discordance - difference) / 2
    told = 0.0
    for fixed in range(n + 1):
        for broken in range(n + 1 - fixed):
            if stats.mcnemar(fixed, broken) < 0.05:
                counts = [fixed, broken, n - fixed - broken]
                told += scipy.stats.multinomial.pmf(counts, n, [up, down, 1 - up - down])
    return told


@pytest.mark.parametrize(
    ("n", "difference", "discordance"),
    [(20, 0.3, 0.4), (45, 0.2, 0.3), (12, 0.5, 0.5), (30, 0.9, 1), (6, 1, 1), (25, 0.01, 0.2)],
)
def test_power_is_that_of_every_table(n: int, difference: float, discordance: float) -> None:
    seen = power.power_of(n, difference, discordance)
    assert seen == pytest.approx(brute_force(n, difference, discordance), abs=1e-8)


@pytest.mark.parametrize(
    ("difference", "discordance"), [(0.1, 0.2), (0.05, 0.2), (0.05, 0.05), (0.2, 0.5), (0.03, 0.1)]
)
def test_the_rows_needed_reach_the_power_and_one_less_does_not(
    difference: float, discordance: float
) -> None:
    n = power.rows_needed(difference, discordance)
    assert n is not None
    assert power.power_of(n, difference, discordance) >= 0.8
    assert power.power_of(n - 1, difference, discordance) < 0.8
    # The exact test is a little more careful than Connor's formula, never less.
    formula = (
        1.959964 * math.sqrt(discordance) + 0.841621 * math.sqrt(discordance - difference**2)
    ) ** 2 / difference**2
    assert formula <= n < 1.1 * formula + 12
    assert power.rows_needed(-difference, discordance) == n


def test_the_formula_takes_over_without_a_step() -> None:
    summed = power.rows_needed(0.02, 0.1)
    by_formula = power.rows_needed(0.0139, 0.4)
    assert summed is not None and by_formula is not None and by_formula * 0.4 > 2_000
    assert power.power_of(by_formula, 0.0139, 0.4) == pytest.approx(0.8, abs=0.01)
    below, above = power.smallest_difference(4_990, 0.4), power.smallest_difference(5_010, 0.4)
    assert below is not None and above == pytest.approx(below, rel=0.02)
    assert power.smallest_difference(by_formula, 0.4) == pytest.approx(0.0139, abs=2e-5)


def test_a_simulation_agrees() -> None:
    n = power.rows_needed(0.15, 0.3)
    assert n is not None
    rng = np.random.default_rng(4)
    tables = rng.multinomial(n, [0.225, 0.075, 0.7], size=4_000)
    told = sum(stats.mcnemar(int(fixed), int(broken)) < 0.05 for fixed, broken, _ in tables)
    assert told / 4_000 == pytest.approx(power.power_of(n, 0.15, 0.3), abs=0.025)


def test_extremes() -> None:
    assert power.rows_needed(1, 1) == 6  # six flips one way: p = 2 / 64
    assert power.rows_needed(0.0001, 1.0) is None
    assert power.power_of(0, 0.5, 0.5) == power.power_of(5, 1, 1) == 0.0
    for n in (0, 1, 2, 5):
        assert power.smallest_difference(n, 1.0) is None
    assert power.smallest_difference(6, 1.0) == pytest.approx(0.9, abs=0.1)
    for wrong, words in (
        ((0.3, 0.2), "cannot make"), ((0.0, 0.2), "cannot make"), ((0.1, 0.0), "lies above 0"),
        ((0.1, 1.2), "lies above 0"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            power.rows_needed(*wrong)
    with pytest.raises(ValueError, match="alpha and power"):
        power.rows_needed(0.1, 0.2, alpha=0)
    with pytest.raises(ValueError, match="no more than chance"):
        power.rows_needed(0.1, 0.2, power=0.04)
    with pytest.raises(ValueError, match="negative"):
        power.power_of(-1, 0.1, 0.2)
    with pytest.raises(ValueError, match="negative"):
        power.smallest_difference(-1, 0.2)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 400), discordance=st.floats(0.02, 1))
def test_the_smallest_difference_is_told_and_a_smaller_one_is_not(
    n: int, discordance: float
) -> None:
    smallest = power.smallest_difference(n, discordance)
    if smallest is None:
        assert power.power_of(n, discordance, discordance) < 0.8
        return
    assert 0 < smallest <= discordance
    assert power.power_of(n, smallest, discordance) >= 0.8
    if smallest > 0.001:
        assert power.power_of(n, smallest - 0.0003, discordance) < 0.8


@settings(max_examples=25, deadline=None)
@given(discordance=st.floats(0.1, 1), lean=st.floats(0.25, 0.9), more=st.floats(1.05, 1.1))
def test_smaller_differences_need_more_rows(discordance: float, lean: float, more: float) -> None:
    few = power.rows_needed(min(discordance, discordance * lean * more), discordance)
    many = power.rows_needed(discordance * lean, discordance)
    sure = power.rows_needed(discordance * lean, discordance, power=0.95)
    assert few is not None and many is not None and sure is not None
    assert few <= many + 2 and many <= sure  # but for the saw-tooth of an exact test


def test_flips_of_unrelated_models() -> None:
    assert power.flips_if_unrelated(0.5, 0.5) == 0.5
    assert power.flips_if_unrelated(0.0, 1.0) == 1.0
    assert power.flips_if_unrelated(0.9, 0.95) == pytest.approx(0.14)
    with pytest.raises(ValueError, match="between 0 and 1"):
        power.flips_if_unrelated(1.2, 0)


@pytest.mark.parametrize("effect", [0.2, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("wanted", [0.8, 0.9])
def test_graded_rows_are_statsmodels(effect: float, wanted: float) -> None:
    expected = TTestPower().solve_power(effect_size=effect, alpha=0.05, power=wanted)
    assert abs(power.rows_needed_graded(effect, 1.0, power=wanted) - math.ceil(expected)) <= 1
    n = power.rows_needed_graded(effect, 1.0, power=wanted)
    smallest = power.smallest_difference_graded(n, 1.0, power=wanted)
    assert smallest is not None and effect * 0.95 < smallest <= effect + 1e-9


def test_graded_extremes() -> None:
    assert power.smallest_difference_graded(1, 0.2) is None
    for difference, spread in ((0.0, 1.0), (0.1, 0.0), (0.1, -1.0), (math.nan, 1.0)):
        with pytest.raises(ValueError, match="above 0"):
            power.rows_needed_graded(difference, spread)


def test_a_suite_says_what_it_can_tell() -> None:
    small = power.reach_of(64, 0.2, 0.05)
    assert small.too_small and small.sentence == (
        "64 rows can tell a difference of 15.8 pp or more where 20 % of the answers flip "
        "(80 % power, p < 0.05); to tell 5.0 pp it needs 658."
    )
    large = power.reach_of(1_000, 0.2, 0.05)
    assert not large.too_small and large.sentence.startswith("1000 rows can tell a difference of ")
    none = power.reach_of(5, 0.2, 0.5)
    assert none.smallest is None and none.discordance == 0.5
    assert none.sentence.startswith("5 rows can tell no difference at all where 50 %")
    assert "needs more than a million" in power.reach_of(9, 0.9, 0.0001).sentence
