"""Numbers as people read them; absent is not zero."""

from __future__ import annotations

import math

import pytest

from engine import numbers


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (numbers.score, 0.94, "0.94"),
        (numbers.score, 0.484, "0.484"),
        (numbers.score, 1.0, "1.00"),
        (numbers.score, 0.0, "0.00"),
        (numbers.points, 0.63, "+63pp"),
        (numbers.points, -0.012, "−1.2pp"),
        (numbers.points, 0.0, "+0.0pp"),
        (numbers.count, 2140.4, "2,140"),
        (numbers.size, 0, "0"),
        (numbers.size, 999, "999"),
        (numbers.size, 469 * 2**20, "469M"),
        (numbers.size, 1.9 * 2**30, "1.9G"),
        (numbers.size, 5e15, "4547T"),
        (numbers.duration, 41, "0:41"),
        (numbers.duration, 725, "12:05"),
        (numbers.duration, 3753, "1:02:33"),
        (numbers.duration, -5, "0:00"),
    ],
)
def test_forms(form: object, value: float, text: str) -> None:
    assert form(value) == text  # type: ignore[operator]


@pytest.mark.parametrize(
    "form", [numbers.score, numbers.points, numbers.count, numbers.size, numbers.duration]
)
@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_absent_and_not_finite_are_not_zero(form: object, value: float | None) -> None:
    assert form(value) == "·"  # type: ignore[operator]
    assert form(value, "not recorded") == "not recorded"  # type: ignore[operator]
