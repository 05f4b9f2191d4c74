"""Rates are of what is known; nothing known is no rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.judge import format_health
from engine.judge.format_health import Manners, Rate, health, manners

OBJECT = '{"cmd": "hover"}'


@pytest.mark.parametrize(
    ("scorer", "expected", "got", "form"),
    [
        ("json_cmd", OBJECT, OBJECT, (True, False, False)),
        ("json_cmd", OBJECT, '{"cmd": "land"}', (True, False, False)),
        ("json_cmd", OBJECT, f"Sure: {OBJECT}", (False, True, False)),
        ("json_cmd", OBJECT, " ", (False, False, True)),
        ("exact", "Paris", "", (False, False, True)),
        ("sql_exact", "SELECT 1", "```\nSELECT 1\n```", (True, True, False)),
        # Without its database it cannot be run; how it is written can be seen.
        ("sql_exec", "SELECT 1", "Sure: SELECT 1", (None, True, False)),
        ("sql_exec", "SELECT 1", "SELECT 1", (None, False, False)),
        ("sql_exec", "SELECT 1", "", (False, False, True)),
    ],
)
def test_the_form_of_an_answer(
    scorer: str, expected: str, got: str, form: tuple[bool | None, ...]
) -> None:
    found = manners(scorer, expected, got)
    assert (found.parsed, found.prose, found.empty) == form
    assert found.cut_off is None


@pytest.mark.parametrize(
    ("tokens", "limit", "told", "cut"),
    [(48, 48, None, True), (47, 48, None, False), (None, 48, None, None), (48, None, None, None),
     (48, 48, False, False)],
)  # fmt: skip
def test_when_an_answer_was_cut_off(
    tokens: int | None, limit: int | None, told: bool | None, cut: bool | None
) -> None:
    found = manners("exact", "a", "a", tokens=tokens, max_new_tokens=limit, cut_off=told)
    assert found.cut_off is cut


def test_nothing_is_known_of_an_answer_that_is_not_there() -> None:
    assert manners("exact", "a", None) == Manners(None, None, None, None)


def test_rates() -> None:
    rows = [
        Manners(True, False, None, False),
        Manners(False, True, None, False),
        Manners(None, None, None, True),
    ]
    found = health(rows)
    assert (found.parsed, found.prose) == (Rate(1, 2), Rate(1, 2))
    assert (found.cut_off, found.empty) == (None, Rate(1, 3))
    assert found.shares() == {"parsed": 0.5, "prose": 0.5, "empty": 1 / 3}
    assert health([]).shares() == {}


_KNOWN = st.none() | st.booleans()


@given(st.lists(st.builds(Manners, _KNOWN, _KNOWN, _KNOWN, _KNOWN), max_size=6))
def test_a_rate_lies_between_0_and_1_and_is_of_known_answers(rows: list[Manners]) -> None:
    for name in ("parsed", "prose", "cut_off", "empty"):
        rate = getattr(health(rows), name)
        known = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        assert (rate is None) is (not known)
        if rate is not None:
            assert 0.0 <= rate.share <= 1.0 and rate == Rate(sum(known), len(known))
    assert format_health.parse_rate(rows) == health(rows).parsed
    assert format_health.prose_rate(rows) == health(rows).prose
    assert format_health.cut_off_rate(rows) == health(rows).cut_off
    assert format_health.empty_rate(rows) == health(rows).empty
