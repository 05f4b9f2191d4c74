"""Every shape of answer is scored, with a reason where it is wrong."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge import patterns, scorers
from engine.judge.scorers import Score, ScorerError, has_option, score
from engine.judge.sql_database import from_script

HOVER = '{"cmd": "hover", "args": {"alt": 1}, "confidence": 0.9}'


@pytest.mark.parametrize(
    ("name", "expected", "got"),
    [
        ("exact", "Paris", "  Paris\n"),
        ("exact", '{"a": 42, "b": null}', '{"a": "42", "extra": 1}'),
        ("exact", '{"a": "hover "}', '{"a": "hover"}'),
        ("exact", "42", "42"),
        ("json_cmd", HOVER, '{"args": {"alt": 1.0}, "cmd": "hover"}'),
        ("json_cmd", HOVER, '{"cmd": "hover", "args": {"alt": 1}, "confidence": 0.1, "x": []}'),
        ("json_exact", "[1, 2.0, null]", " [1.0,2,null] "),
        ("json_exact", '{"a": {"b": 1}}', '{"a":{"b":1}}'),
        ("contains", " pi ", "a slice of pi e"),
        ("regex", r"^\d{3}-\d+$", "123-4567"),
    ],
)
def test_right_answers(name: str, expected: str, got: str) -> None:
    assert score(name, expected, got) == Score(1.0, True, None, True, False)


@pytest.mark.parametrize(
    ("name", "expected", "got", "reason", "parsed", "prose"),
    [
        ("exact", "Paris", "paris", 'expected "Paris", got "paris"', True, False),
        ("exact", "Paris", " \n", "the answer is empty", False, False),
        ("exact", '{"a": 42}', '{"a": "42.0"}', 'a: expected 42, got "42.0"', True, False),
        ("exact", '{"a": true}', '{"a": 1}', "a: expected true, got 1", True, False),
        ("json_cmd", HOVER, "", "the answer is empty", False, False),
        ("json_cmd", HOVER, "```json\n{}\n```", "fenced", False, False),
        ("json_cmd", HOVER, 'Sure! {"cmd": "hover"}', "text around the JSON", False, True),
        ("json_cmd", HOVER, '{"cmd": "hover"} Done.', "text after the JSON", False, True),
        ("json_cmd", HOVER, "Hovering now.", "prose, not JSON", False, True),
        ("json_cmd", HOVER, '{"cmd": "hov', "cut off", False, False),
        ("json_cmd", HOVER, '{"cmd": "hover", "args"', "cut off", False, False),
        ("json_cmd", HOVER, "[1]", "no object but [1]", False, False),
        ("json_cmd", HOVER, "null", "no object but null", False, False),
        ("json_cmd", HOVER, "42", "no object but 42", False, False),
        ("json_cmd", HOVER, '"hover"', 'no object but "hover"', False, False),
        ("json_cmd", HOVER, '{"cmd": "land"}', 'cmd: expected "hover", got "land"', True, False),
        ("json_cmd", HOVER, "{}", 'cmd: expected "hover", got null', True, False),
        ("json_cmd", HOVER, '{"cmd": "hover"}', "args: expected", True, False),
        ("json_cmd", HOVER, '{"cmd": "hover", "args": {"alt": "1"}}', "args: exp", True, False),
        ("json_cmd", HOVER, '{"cmd": NaN}', "NaN is not a JSON number", False, False),
        (
            "json_cmd",
            HOVER,
            '{"cmd": "a", "cmd": "hover"}',
            '"cmd" stands there twice',
            False,
            False,
        ),
        ("json_cmd", HOVER, "[" * 200_000, "nested too deeply", False, False),
        ("json_cmd", HOVER, '{"a":' * 200_000, "nested too deeply", False, False),
        ("json_cmd", HOVER, "9" * 10_000, "too many digits", False, False),
        ("json_cmd", HOVER, "x" * 2**20, "prose", False, True),
        ("json_exact", "[1]", "[true]", "expected [1], got [true]", True, False),
        ("json_exact", '{"a": 1}', '{"a": 1, "b": 2}', "expected", True, False),
        ("contains", "Pi", "pi", '"Pi" is not in the answer', True, False),
        ("contains", "pi", "", "the answer is empty", False, False),
        ("regex", r"^\d+$", "none", "is not found", True, False),
        ("regex", r"(", "x", "not a regular expression", True, False),
    ],
)
def test_wrong_answers_say_why(
    name: str, expected: str, got: str, reason: str, parsed: bool, prose: bool
) -> None:
    result = score(name, expected, got)
    assert (result.score, result.correct) == (0.0, False)
    assert result.error is not None and reason in result.error
    assert (result.parsed, result.prose) == (parsed, prose)
    assert len(result.error) < 300


def test_json_cmd_compares_all_fields_but_the_ignored() -> None:
    got = '{"cmd": "hover", "args": {"alt": 1}, "confidence": 0.1}'
    assert score("json_cmd", HOVER, got).correct
    strict = score("json_cmd", HOVER, got, ignore=())
    assert strict.error == "confidence: expected 0.9, got 0.1"
    assert score("json_cmd", HOVER, '{"cmd": "hover"}', ignore=("args", "confidence")).correct


def test_a_forbidden_command_is_wrong_even_where_it_was_expected() -> None:
    result = score("json_cmd", HOVER, HOVER, forbidden=["hover"])
    assert result.error == 'the command "hover" is forbidden'
    assert score("json_cmd", HOVER, HOVER, forbidden=["land"]).correct


def test_contains_can_ignore_case() -> None:
    assert score("contains", "Straße", "die STRASSE", ignore_case=True).correct


def test_unknown_scorers_and_options_are_named() -> None:
    with pytest.raises(ScorerError, match="no scorer 'fuzzy'; there are exact, json_cmd"):
        score("fuzzy", "a", "a")
    with pytest.raises(ScorerError, match="exact has no option 'ignore'; it has none"):
        score("exact", "a", "a", ignore=())


@pytest.mark.parametrize(
    ("name", "expected", "problem"),
    [
        ("exact", "  ", "empty"),
        ("contains", "", "empty"),
        ("regex", "(a", "not a regular expression"),
        ("regex", "a" * 3000, "longer than"),
        ("json_exact", "{", "must be JSON"),
        ("json_cmd", "[]", '"cmd"'),
        ("json_cmd", '{"args": {}}', '"cmd"'),
        ("json_cmd", "hover", "must be JSON"),
    ],
)
def test_expected_texts_that_cannot_be_scored(name: str, expected: str, problem: str) -> None:
    found = scorers.check_expected(name, expected)
    assert found is not None and problem in found


def test_expected_texts_that_can() -> None:
    for name, expected in (("exact", "x"), ("json_cmd", HOVER), ("json_exact", "1")):
        assert scorers.check_expected(name, expected) is None


# --- patterns that never end --------------------------------------------------------------


def test_a_pattern_that_never_ends_is_stopped_by_the_clock() -> None:
    begin = time.monotonic()
    with pytest.raises(patterns.PatternError, match=r"longer than 0\.1 s"):
        patterns.search("^(a|aa)+$", "a" * 60 + "b", seconds=0.1)
    assert time.monotonic() - begin < 20


def test_the_clock_works_outside_the_main_thread_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns.search, "__defaults__", (0.1,))
    results: list[Score] = []
    thread = threading.Thread(
        target=lambda: results.extend(
            score("regex", pattern, "a" * 60 + "b") for pattern in ("^(a|aa)+$", "a+b")
        )
    )
    thread.start()
    thread.join(10)
    assert [result.correct for result in results] == [False, True]
    assert "took longer than 0.1 s" in (results[0].error or "")


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "((a*)b)*", "(?:x{2,})*", r"(\d+,)+", "(a|aa)+", "(aa?)+"]
)
def test_repeats_of_repeats_are_seen(pattern: str) -> None:
    assert patterns.repeats_a_repeat(pattern)


@pytest.mark.parametrize(
    "pattern", ["a+b+", r"\(a+\)+", "[(+)]+", "(abc)+", "(?:abc)+", "(a|b)", "(a+)b", r"[]*]+(x)"]
)
def test_plain_patterns_are_not(pattern: str) -> None:
    assert not patterns.repeats_a_repeat(pattern)


def test_only_the_beginning_of_a_long_answer_is_searched() -> None:
    assert not score("regex", "needle", "x" * patterns.MAX_TEXT + "needle").correct
    assert score("regex", "needle", "needle" + "x" * 2**20).correct


# --- whatever a model says ------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_ANSWERS = (
    st.text()
    | _JSON.map(json.dumps)
    | _JSON.map(lambda value: f"```json\n{json.dumps(value)}\n```")
    | st.tuples(_JSON.map(json.dumps), st.integers(0, 40)).map(lambda pair: pair[0][: pair[1]])
    | st.sampled_from(["[" * 5000, '{"cmd":' * 5000, "\ud800", "1e999", "-", '"\\ud800"', "\x00"])
)
_EXPECTED = {
    "exact": [HOVER, "plain", "[1]", "{"],
    "json_cmd": [HOVER, '{"cmd": null}', "not json"],
    "json_exact": [HOVER, "null", "[]", "{"],
    "contains": ["a", " ", HOVER],
    "regex": ["a|b", "(", r"\w+"],
    "numeric": ["42", "-1e3", '{"value": 1, "tolerance": 0.5}', "no number"],
    "keywords": ['["a", "b c"]', "a", "{"],
    "tool_calls": ['["read"]', "[]", '{"tool_calls": [], "keywords": ["a"]}', HOVER, "{"],
    "sql_exact": ["SELECT 1", "no query"],
    "sql_exec": ["SELECT a FROM t", "SELECT a FROM t ORDER BY a"],
    "clean_output": [HOVER, "SELECT 1", "plain"],
    "forbidden": ['["arm"]', "", "arm"],
    "custom": ["a"],
    "judge": ["a"],
}
_TABLE = from_script("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2);")
_OPTIONS: dict[str, dict[str, Any]] = {
    "sql_exec": {"database": _TABLE},
    "custom": {"scorer_file": lambda expected, got: score("exact", expected, got)},
    "judge": {"teacher": lambda expected, got: score("contains", expected, got)},
}


@pytest.mark.parametrize("name", scorers.names())
@settings(max_examples=150, deadline=None)
@given(got=_ANSWERS)
def test_any_answer_is_scored_never_an_exception(name: str, got: str) -> None:
    for expected in _EXPECTED[name]:
        result = score(name, expected, got, **_OPTIONS.get(name, {}))
        assert 0.0 <= result.score <= 1.0
        assert result.correct is (result.score == 1.0)
        assert result.correct is (result.error is None)
        assert result.parsed or not result.correct
        # An error goes into records and events: it must be encodable.
        error = result.error or ""
        assert error.encode("utf-8").decode("utf-8") == error


@settings(max_examples=100, deadline=None)
@given(value=_JSON)
def test_a_value_equals_itself(value: object) -> None:
    text = json.dumps(value)
    # NaN and infinity are Python's, not JSON's: they cannot be expected.
    if scorers.check_expected("json_exact", text) is None:
        assert score("json_exact", text, json.dumps(value, indent=3)).correct


def test_a_forbidden_command_is_wrong_and_said_to_be_one() -> None:
    expected = '{"cmd": "arm"}'
    found = score("json_cmd", expected, expected, forbidden={"arm"})
    assert (found.correct, found.forbidden) == (False, True)
    other = score("json_cmd", expected, '{"cmd": "land"}', forbidden={"arm"})
    assert (other.correct, other.forbidden) == (False, False)
    assert has_option("json_cmd", "forbidden") and not has_option("exact", "forbidden")
