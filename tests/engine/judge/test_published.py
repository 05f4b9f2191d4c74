"""Two published scores: how many rows a share is of, and what their difference is worth."""

from __future__ import annotations

import pytest

from engine.judge.noise import Told
from engine.judge.published import Published, difference, least_p, successes, told


@pytest.mark.parametrize(
    ("value", "n", "count"),
    [
        (0.531, 64, 34),
        (0.484, 64, 31),
        (0.53125, 64, 34),
        (0.86, 50, 43),
        (0.53, 64, 34),  # two digits are enough for fewer than a hundred rows
        (0.5, 64, 32),
        (0.9, 64, None),  # 0.9 may be 57 or 58 of 64
        (0.53, 640, 339),  # the nearest of several, which hardly differ
        (0.55, 64, 35),
        (0.54, 64, None),  # none of 64 rounds to 0.54: 34 is 0.53, 35 is 0.55
        (1.0, 7, 7),
        (0.0, 7, 0),
        (0.5, None, None),
        (1.2, 10, None),
        (-0.1, 10, None),
    ],
)
def test_a_share_is_of_whole_rows(value: float, n: int | None, count: int | None) -> None:
    assert successes(value, n) == count


def test_sixty_four_rows_do_not_tell_five_points() -> None:
    ours, theirs = Published(0.531, "share", 64), Published(0.484, "share", 64)
    found = difference(ours, theirs)
    # Newcombe's method 10 by hand, with Wilson's limits of 34 and 31 of 64.
    assert found.low == pytest.approx(-0.12307, abs=1e-5)
    assert found.high == pytest.approx(0.21307, abs=1e-5)
    assert told(ours, theirs).told is Told.NOISE
    assert told(ours, theirs, p=0.01).told is Told.BETTER
    assert least_p(ours, theirs) == 0.25  # three rows, all one way: 2 / 2**3


def test_what_nobody_counted_cannot_be_told() -> None:
    shares = Published(1.0, "share"), Published(0.58, "share")
    assert told(*shares).told is Told.NOTHING and "how many rows" in told(*shares).sentence
    times = Published(12.0, "ms", 30), Published(20.0, "ms", 30)
    assert told(*times).told is Told.NOTHING and least_p(*times) is None
    assert least_p(Published(0.5, "share", 10), Published(0.5, "share", 20)) is None


def test_a_clear_difference_is_told_in_its_direction() -> None:
    more, less = Published(0.86, "share", 50), Published(0.24, "share", 50)
    assert told(more, less).told is Told.BETTER
    assert told(less, more).told is Told.WORSE
    assert told(less, more, direction="lower").told is Told.BETTER
