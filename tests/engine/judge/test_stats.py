"""Statistics against published and independently computed numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.judge import stats


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(successes: int, n: int, low: float, high: float) -> None:
    assert stats.wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_its_ends() -> None:
    assert stats.wilson(0, 0) == (0.0, 1.0)
    low, high = stats.wilson(120, 120)
    assert high == 1.0 and low == pytest.approx(1 - stats.wilson(0, 120)[1])
    narrow, wide = stats.wilson(30, 60, 0.8), stats.wilson(30, 60, 0.99)
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]
    for wrong in ((1, 0), (5, 4), (-1, 4)):
        with pytest.raises(ValueError, match="is no share"):
            stats.wilson(*wrong)
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.wilson(1, 2, 1.0)


@given(n=st.integers(1, 500), data=st.data())
def test_wilson_holds_the_share_and_stays_inside(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = stats.wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    [
        # By hand, from the binomial: 2 * (1 + 8) / 2**8, 2 * 1 / 2**6, and so on.
        (7, 1, 18 / 256),
        (6, 0, 2 / 64),
        (0, 6, 2 / 64),
        (5, 0, 2 / 32),
        (3, 3, 1.0),
        (0, 0, 1.0),
        (1, 0, 1.0),
        (9, 1, 22 / 1024),
        # 34 against 31 of 64: 5 fixed and 2 broken; 2 * (1 + 7 + 21) / 2**7.
        (5, 2, 58 / 128),
        # With 12 fixed and 9 broken, the same 3 more: p is about 0.66.
        (12, 9, 0.6636),
    ],
)
def test_mcnemar_exact(fixed: int, broken: int, p: float) -> None:
    assert stats.mcnemar(fixed, broken) == pytest.approx(p, abs=5e-5)


@given(fixed=st.integers(0, 60), broken=st.integers(0, 60))
def test_mcnemar_is_twice_the_smaller_tail(fixed: int, broken: int) -> None:
    n, small = fixed + broken, min(fixed, broken)
    tail = Fraction(sum(math.comb(n, k) for k in range(small + 1)), 2**n)
    assert stats.mcnemar(fixed, broken) == pytest.approx(float(min(Fraction(1), 2 * tail)))
    assert stats.mcnemar(fixed, broken) == stats.mcnemar(broken, fixed)


def test_mcnemar_with_many_flips() -> None:
    assert stats.mcnemar(0, 5000) == 0.0
    assert stats.mcnemar(2500, 2500) == 1.0
    with pytest.raises(ValueError, match="negative"):
        stats.mcnemar(-1, 2)


def test_paired_difference() -> None:
    # Two surveys of the same 1,600 people, 150 turned away and 86 turned to (A. Agresti,
    # Categorical Data Analysis, 10.1): the change is -0.04 with (-0.06, -0.02).
    difference, low, high = stats.paired_difference(fixed=86, broken=150, n=1600)
    assert difference == pytest.approx(-0.04)
    assert (round(low, 2), round(high, 2)) == (-0.06, -0.02)
    # The formula by hand for 5 fixed, 2 broken of 64: (3 ± 1.96 * sqrt(8 - 9/66)) / 66.
    difference, low, high = stats.paired_difference(5, 2, 64)
    spread = 1.959964 * math.sqrt(8 - 9 / 66) / 66
    assert difference == pytest.approx(3 / 64)
    assert (low, high) == pytest.approx((3 / 66 - spread, 3 / 66 + spread), abs=1e-6)


def test_paired_difference_keeps_a_width_where_nothing_flipped() -> None:
    difference, low, high = stats.paired_difference(0, 0, 50)
    assert difference == 0 and low == -high and high > 0.01
    assert stats.paired_difference(0, 0, 0) == (0.0, -1.0, 1.0)
    with pytest.raises(ValueError, match="not possible"):
        stats.paired_difference(5, 6, 10)


def test_unpaired_difference_as_published() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
    found = stats.unpaired_difference((48, 80), (56, 70))
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    found = stats.unpaired_difference((3, 10), (9, 10))
    assert found == pytest.approx((0.6, 0.1705, 0.8090), abs=5e-5)
    assert stats.unpaired_difference((0, 0), (1, 2)) == (0.0, -1.0, 1.0)
