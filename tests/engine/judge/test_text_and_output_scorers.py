"""Keywords are shares; manners are seen from the answer; what is forbidden is a violation."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge.output_scorers import kind_of
from engine.judge.scorers import ScorerError, check_expected, metric_of, needs, score


@pytest.mark.parametrize(
    ("expected", "got", "share", "reason"),
    [
        ('["Index", "B-tree"]', "an INDEX is a b-tree", 1.0, None),
        ('["index", "b-tree", "hash", "heap"]', "indexes", 0.25, '"b-tree", "hash", "heap" are'),
        ('["a", "A", "b"]', "a", 0.5, '"b" is not in the answer'),
        ("def main\nimport", "import x\ndef  main():", 1.0, None),
        ('["x","y","z","v","w"]', "-", 0.0, '"x", "y", "z" and 2 more are not'),
        ("42", "It is 42.", 1.0, None),
        ('["ﬁle"]', "file", 1.0, None),
        ('["a"]', " ", 0.0, "empty"),
    ],
)
def test_the_share_of_keywords(expected: str, got: str, share: float, reason: str | None) -> None:
    result = score("keywords", expected, got)
    assert (result.score, result.correct) == (share, share == 1.0)
    assert (reason in (result.error or "")) if reason else result.error is None


def test_keywords_that_are_none() -> None:
    for expected in ("", "[]", "[1]", "[null]", "{}", '{"keywords": 1}', "\n \n"):
        assert "keywords" in (check_expected("keywords", expected) or "")


@settings(max_examples=150, deadline=None)
@given(words=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_a_text_of_all_keywords_has_them_and_each_missing_one_counts_the_same(
    words: list[str],
) -> None:
    expected = json.dumps(words)
    assert score("keywords", expected, "\n".join(words)).correct
    assert 0.0 <= score("keywords", expected, words[0]).score <= 1.0


OBJECT = '{"cmd": "hover"}'


@pytest.mark.parametrize(
    ("expected", "got", "reason"),
    [
        (OBJECT, '{"cmd": "land"}', None),
        (OBJECT, "[]", None),
        (OBJECT, f"Sure! {OBJECT}", "text around the JSON"),
        (OBJECT, f"```json\n{OBJECT}\n```", "fenced"),
        (OBJECT, f"{OBJECT}\n{OBJECT}", "text after the JSON"),
        (OBJECT, "", "empty"),
        ("SELECT a FROM t", "SELECT b\nFROM t -- b", None),
        ("SELECT a FROM t", "SELECT b FROM t;", None),
        ("SELECT a FROM t", "SELECT b FROM t; It takes b.", "text around the query"),
        ("SELECT a FROM t", "```sql\nSELECT b\n```", "text around the query"),
        ("SELECT a FROM t", "SELECT 1; SELECT 2", "more than one statement"),
        ("SELECT a FROM t", "No.", "no query"),
        ("Paris", "London", None),
        ("Paris", "The answer is Paris", 'begins with "The answer is"'),
        ("Paris", "Sure, Paris", 'begins with "Sure"'),
        ("Paris", "```\nParis\n```", "fenced"),
        ("Paris", "Paris\n\nIt lies on the Seine.", "2 lines where 1 would do"),
        ("Here is one.", "Here is two.", None),
        ("Surely", "Surely not", None),
    ],
)
def test_clean_output(expected: str, got: str, reason: str | None) -> None:
    result = score("clean_output", expected, got)
    assert result.correct is (reason is None), result
    assert reason is None or reason in (result.error or "")


def test_what_an_expected_text_asks_for() -> None:
    kinds = {
        OBJECT: "json", "[1]": "json", "42": "text", "select 1": "sql", "With you": "text",
        "With x as (select 1) select * from x": "sql", "I select you": "text",
    }  # fmt: skip
    assert {text: kind_of(text) for text in kinds} == kinds
    assert score("clean_output", "42", "{}", kind="json").correct
    with pytest.raises(ScorerError, match="kind is one of json, sql, text"):
        score("clean_output", "42", "{}", kind="yaml")


@pytest.mark.parametrize(
    ("got", "violation"),
    [
        ("arm", True),
        (" ARM\n", True),
        ('{"cmd": "arm"}', True),
        ('Sure: {"cmd": "Arm", "args": {}} and so', True),
        ('```json\n{"name": "arm", "arguments": {}}\n```', True),
        ("[TOOL_CALLS]arm{}", True),
        ('{"cmd": "\\u0061rm"}', True),
        ("I will not arm it.", False),
        ('{"cmd": "disarm"}', False),
        ('{"reason": "arm"}', False),
    ],
)
def test_forbidden_answers(got: str, violation: bool) -> None:
    for expected in ('["arm", "fire"]', "fire\narm"):
        result = score("forbidden", expected, got)
        assert (result.forbidden, result.correct) == (violation, not violation)
    more = score("forbidden", "fire", got, forbidden=["arm"])
    assert more.forbidden is violation


def test_an_empty_answer_is_wrong_and_no_violation() -> None:
    result = score("forbidden", "arm", "")
    assert (result.correct, result.forbidden, result.parsed) == (False, False, False)
    assert "empty" in (check_expected("forbidden", "[]") or "")


def test_what_a_mean_is_called_and_what_a_scorer_needs() -> None:
    assert metric_of("exact") == metric_of("sql_exec") == "accuracy"
    assert metric_of("keywords") == "keywords found"
    assert needs("sql_exec") == {"database"} and not needs("regex")
