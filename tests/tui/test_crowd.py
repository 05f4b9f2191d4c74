"""Thousands of points in signs: the picture keeps their extremes however many they are."""

from __future__ import annotations

import math

from tui.widgets.braille import Canvas, draw_points
from tui.widgets.curves import Curve
from tui.widgets.scale import Scale


def drawn(values: list[float], width: int = 40, height: int = 10) -> Canvas:
    canvas = Canvas(width, height)
    curve = Curve(list(map(float, range(len(values)))), values, "point", "points", "●")
    draw_points(canvas, curve, Scale(0, max(1, len(values) - 1)), Scale(0, 1))
    return canvas


def test_few_points_have_a_sign_each() -> None:
    assert len(drawn([0.0, 1.0, math.nan, 0.5]).signs) == 3


def test_a_crowd_keeps_its_lowest_and_highest_and_leaves_the_rest_to_the_line() -> None:
    values = [0.5] * 20_000
    values[7_000], values[13_001] = 1.0, 0.0
    signs = drawn(values).signs
    assert signs[0, 14] == signs[9, 25] == ("●", "point")
    assert len(signs) <= 2 * 2 * 40
    assert len({row for row, _ in signs}) == 3


def test_a_crowd_of_gaps_and_of_values_without_a_logarithm_is_left_out() -> None:
    assert drawn([math.nan] * 5_000).signs == {}
    canvas = Canvas(40, 10)
    curve = Curve(list(map(float, range(5_000))), [-1.0] * 5_000, "point", "points", "●")
    draw_points(canvas, curve, Scale(0, 4_999), Scale(0.1, 1, log=True))
    assert canvas.signs == {}
