"""Numbers are found in answers, and compared as decimals within a tolerance."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge.numeric import numbers_in
from engine.judge.scorers import ScorerError, check_expected, score


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("42", ["42"]),
        ("-3.50 and +2", ["-3.50", "2"]),
        ("\N{MINUS SIGN}7", ["-7"]),
        ("1,234,567.8 km", ["1234567.8"]),
        ("1e-3, 2E5", ["0.001", "200000"]),
        (".5 or 5.", ["0.5", "5"]),
        ("It is 42.", ["42"]),
        ("3-4", ["3", "4"]),
        ("1, 2 and 3", ["1", "2", "3"]),
        ("12,34", ["12", "34"]),
        ("gpt4, v1.2.3, x_9", []),
        ("9" * 100, []),
        ("e5 + - . ,", []),
        ("", []),
    ],
)
def test_numbers_in_a_text(text: str, numbers: list[str]) -> None:
    assert numbers_in(text) == [Decimal(one) for one in numbers]


@pytest.mark.parametrize(
    ("expected", "got", "options", "right", "prose"),
    [
        ("42", " 42\n", {}, True, False),
        ("42", "42.0", {}, True, False),
        ("0.3", "0.30", {}, True, False),
        ("0.3", "0.30000000000000004", {}, False, False),
        ("42", "The answer is 42 km.", {}, True, True),
        ("42", "42 %", {}, True, False),
        ("1,000", "1000", {}, True, False),
        ("1e3", "1000", {}, True, False),
        ("42", "43", {"tolerance": 1}, True, False),
        ("42", "43.1", {"tolerance": 1}, False, False),
        ("1", "1.1", {"tolerance": 0.1}, True, False),
        ("200", "198", {"relative": 0.01}, True, False),
        ("200", "197.9", {"relative": 0.01}, False, False),
        ("-200", "-202", {"relative": 0.01}, True, False),
        ("0", "0.001", {"relative": 0.5}, False, False),
        ('{"value": 3.14, "tolerance": 0.01}', "3.15", {}, True, False),
        ('{"value": 3.14, "tolerance": 0}', "3.15", {"tolerance": 1}, False, False),
        ("5", "2 + 3 = 5", {}, False, False),
        ("5", "2 + 3 = 5", {"which": "last"}, True, False),
        ("2", "2 + 3 = 5", {"which": "first"}, True, False),
        ("5", "x" * 20_000 + " 5", {"which": "last"}, True, True),
    ],
)
def test_within_a_tolerance(
    expected: str, got: str, options: dict[str, Any], right: bool, prose: bool
) -> None:
    result = score("numeric", expected, got, **options)
    assert (result.correct, result.prose) == (right, prose), result


@pytest.mark.parametrize(
    ("expected", "got", "reason", "parsed"),
    [
        ("42", "forty-two", "no number", False),
        ("42", "41 or 42", "2 numbers", False),
        ("42", "", "empty", False),
        ("42", "41", "expected 42, got 41", True),
        ('{"value": 42, "tolerance": 0.5}', "41", "expected 42 within 0.5, got 41", True),
        ("42", "nan", "no number", False),
    ],
)
def test_wrong_numbers_say_why(expected: str, got: str, reason: str, parsed: bool) -> None:
    result = score("numeric", expected, got)
    assert not result.correct and reason in (result.error or "") and result.parsed is parsed


@pytest.mark.parametrize(
    "expected",
    ["", "x", "42 km", "1 2", "true", "NaN", "[1]", '{"value": "x"}', '{"value": 1, "tol": 2}',
     '{"value": 1, "tolerance": -1}', '{"value": 1, "relative": "x"}', '{"tolerance": 1}'],
)  # fmt: skip
def test_expected_texts_that_are_no_number(expected: str) -> None:
    assert check_expected("numeric", expected) is not None
    assert not score("numeric", expected, "1").correct


def test_an_unknown_way_to_choose_is_named() -> None:
    with pytest.raises(ScorerError, match="which is one of only, first, last, not 'best'"):
        score("numeric", "1", "1", which="best")


_NUMBERS = st.decimals(-(10**9), 10**9, allow_nan=False, places=3)


@settings(max_examples=200, deadline=None)
@given(value=_NUMBERS, other=_NUMBERS, tolerance=st.floats(0, 100))
def test_closeness_is_reflexive_and_grows_with_the_tolerance(
    value: Decimal, other: Decimal, tolerance: float
) -> None:
    assert score("numeric", str(value), str(value)).correct
    assert score("numeric", f"{value:f}", f"{value:,}").correct
    near = score("numeric", str(value), str(other), tolerance=tolerance).correct
    assert near is score("numeric", str(other), str(value), tolerance=tolerance).correct
    assert near is (abs(value - other) <= Decimal(repr(tolerance)))
