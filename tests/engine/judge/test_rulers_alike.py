"""Two evaluations are compared only where one ruler measured both."""

from __future__ import annotations

from typing import Any

import pytest

from engine.judge.comparison import Comparison
from engine.judge.one_ruler import ruler_difference
from engine.judge.rescoring import score_again
from engine.records.evaluation import EvalResult, RowResult

JUDGE = {
    "model": "m",
    "address": "http://127.0.0.1",
    "prompt": "p",
    "prompt_sha256": "a" * 64,
}


def record(**more: Any) -> EvalResult:
    known = {
        "model_id": "m",
        "command": "c",
        "suite": "s",
        "score": 0.5,
        "date": "2026-11-20T09:00:00Z",
        "scorer": "exact",
    }
    return EvalResult.model_validate(known | more)


@pytest.mark.parametrize(
    ("one", "other", "field"),
    [
        ({}, {}, None),
        ({}, {"scorer": "contains"}, "scorer"),
        ({"scorer": None}, {"scorer": "contains"}, None),
        ({}, {"scorer_options": {"ignore_case": True}}, "scorer_options"),
        ({"scorer": None}, {"scorer_options": {"ignore_case": True}}, None),
        ({"scorer_sha256": "a" * 64}, {"scorer_sha256": "b" * 64}, "scorer_sha256"),
        ({}, {"scorer_sha256": "b" * 64}, None),
        ({"databases": {"x": "a" * 64}}, {"databases": {"x": "b" * 64}}, "databases"),
        ({"databases": {"x": "a" * 64}}, {"databases": {"y": "b" * 64}}, None),
        ({"judge": JUDGE}, {"judge": JUDGE | {"model": "n"}}, "judge"),
        ({"judge": JUDGE}, {"judge": JUDGE | {"prompt_sha256": "b" * 64}}, "judge"),
        ({"judge": JUDGE}, {"judge": JUDGE | {"address": "http://127.0.0.1:1"}}, None),
    ],
)
def test_the_ruler(one: dict[str, Any], other: dict[str, Any], field: str | None) -> None:
    before, after = record(**one), record(**other)
    for pair in ((before, after), (after, before)):
        found = ruler_difference(*pair)
        assert (found and found.field) == field
        mismatch = Comparison(*pair, None, None, direction="higher").mismatch
        assert mismatch == (found.sentence if found else None)


def row(got: str, score: float, **more: Any) -> RowResult:
    known = {"id": "1", "prompt": "p", "expected": "yes", "got": got, "score": score}
    return RowResult.model_validate(known | {"correct": score == 1} | more)


def test_right_scores_come_again_and_wrong_ones_are_named() -> None:
    rows = [row("yes", 1.0), row("no", 0.0), row("no", 1.0), row("yes", 0.0)]
    again = score_again(record(), rows)
    assert [(one.got, score) for one, score in again.wrong] == [("no", 0.0), ("yes", 1.0)]
    assert score_again(record(), rows[:2]).wrong == ()
    assert score_again(record(), [row("yes", 1.0, correct=False)]).wrong


def test_of_several_passes_the_first_is_scored_again() -> None:
    assert score_again(record(), [row("yes", 0.5, passes=[1.0, 0.0])]).wrong == ()
    assert score_again(record(), [row("yes", 0.5, passes=[0.0, 1.0])]).wrong


def test_options_are_those_of_the_record() -> None:
    known = {"scorer": "contains", "scorer_options": {"ignore_case": True}}
    assert score_again(record(**known), [row("it is YES", 1.0)]).wrong == ()
    assert score_again(record(scorer="contains"), [row("it is YES", 1.0)]).wrong


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"scorer": None}, "no scorer is recorded"),
        ({"scorer": "theirs"}, "theirs is no scorer of this program"),
        ({"scorer": "custom"}, "the scorer custom needs a scorer file"),
        ({"scorer": "sql_exec"}, "the scorer sql_exec needs a database"),
        ({"scorer": "regex"}, "the scorer regex has a time limit of its own"),
        ({"judge": JUDGE}, "the scorer exact needs a judge"),
        ({"scorer_options": {"x": 1}}, "the scorer exact cannot be asked again"),
    ],
)
def test_why_answers_are_not_scored_again(more: dict[str, Any], why: str) -> None:
    again = score_again(record(**more), [row("no", 1.0)])
    assert again.wrong == () and again.why_not is not None and again.why_not.startswith(why)
