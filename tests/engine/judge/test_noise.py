"""What a difference is worth, in words."""

from __future__ import annotations

import pytest

from engine.judge.estimate import Estimate
from engine.judge.noise import Told, fewest_rows, tell
from engine.judge.paired import compare_paired
from engine.judge.stats import mcnemar


def test_31_against_34_of_64_is_within_the_noise() -> None:
    before = [1.0] * 31 + [0.0] * 33
    after = [1.0] * 29 + [0.0] * 2 + [1.0] * 5 + [0.0] * 28
    pair = compare_paired(before, after)
    found = tell(pair.difference, pair.p)
    assert found.told is Told.NOISE
    assert found.sentence == (
        "Within the noise: +4.7 pp (95 % interval -3.7 to +12.9 pp, n = 64), p = 0.45."
    )


def test_better_and_worse_follow_the_direction() -> None:
    up = compare_paired([0.0] * 20, [1.0] * 12 + [0.0] * 8)
    down = compare_paired([1.0] * 12 + [0.0] * 8, [0.0] * 20)
    assert tell(up.difference, up.p).told is Told.BETTER
    assert tell(down.difference, down.p).told is Told.WORSE
    assert tell(up.difference, up.p, direction="lower").told is Told.WORSE
    assert tell(up.difference, 1e-9).sentence.endswith("p < 0.0001.")


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_handful_of_rows_tells_nothing(n: int) -> None:
    pair = compare_paired([0.0] * n, [1.0] * n)
    found = tell(pair.difference, pair.p)
    assert found.told is Told.NOTHING
    assert found.sentence.startswith("Cannot be told: ")
    six = compare_paired([0.0] * 6, [1.0] * 6)
    assert tell(six.difference, six.p).told is Told.BETTER


def test_without_a_p_the_interval_decides() -> None:
    assert tell(Estimate(0.1, 0.02, 0.2, 50, "x"), None).told is Told.BETTER
    assert tell(Estimate(0.1, -0.02, 0.2, 50, "x"), None).told is Told.NOISE
    blind = tell(Estimate(3.0, None, None, 50, "x", 0.95, "no spread is seen"), None, points=False)
    assert blind.told is Told.NOTHING
    assert blind.sentence == "Cannot be told: no spread is seen; +3.000."


@pytest.mark.parametrize("alpha", [0.5, 0.25, 0.1, 0.05, 0.01, 0.001])
def test_the_fewest_rows_are_those_of_mcnemar(alpha: float) -> None:
    n = fewest_rows(alpha)
    assert mcnemar(n, 0) < alpha <= mcnemar(n - 1, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fewest_rows(0)
