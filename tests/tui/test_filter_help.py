"""Completion of a filter: names, then values that occur, and what is kept of what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue.run_filter import FilterError, parse
from tui.views.filter_help import MOST, accepted, candidates, remembered, without_word

WORDS = {
    "target": {"sql-router": 1200, "drone router": 7, "echo": 1},
    "model": {"mlx-community/Qwen3-0.6B-4bit": 3},
    "decision": {"ship": 2, "park": 1},
    "phase": {"decided": 3, "failed": 1},
    "tag": {"nightly": 2, "debug": 1},
    "set.": {"iters": 0, "learning_rate": 0, "lora.rank": 0},
}


def offered(text: str, cursor: int | None = None) -> list[str]:
    return [one.text for one in candidates(text, len(text) if cursor is None else cursor, WORDS)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ta", ["target:", "tag:"]),
        ("-ta", ["-target:", "-tag:"]),
        ("sco", ["score"]),
        ("lr", []),
        ("l", ["loss", "lr"]),
        ("learn", ["set.learning_rate"]),
        ("set.", ["set.iters", "set.learning_rate", "set.lora.rank"]),
        ("target:", ["sql-router", '"drone router"', "echo"]),
        ("target:rou", ["sql-router", '"drone router"']),
        ("target:sql-router decision:s", ["ship"]),
        ("decision:ship,p", ["park"]),
        ("model:qwen", ["mlx-community/Qwen3-0.6B-4bit"]),
        ("is:un", ["undecided"]),
        ("tag:", ["nightly", "debug", "none"]),
        ("-tag:de", ["debug"]),
        ("age", ["age<1d", "age<7d"]),
        ("age<", ["<1d", "<7d"]),
        ("score>", [">0.8"]),
        ("gates:", ["pass", "fail", "undecided"]),
        ("nosuch:", []),
        ('"free te', []),
        ("target:echo ", []),
    ],
)
def test_what_is_offered(text: str, first: list[str]) -> None:
    assert offered(text)[: len(first)] == first
    if not first:
        assert offered(text) == []


def test_an_empty_line_shows_the_fields_and_every_candidate_has_its_sentence() -> None:
    found = candidates("", 0, WORDS)
    assert len(found) == MOST and found[0].text == "run:"
    assert all(one.help for text in ("", "target:", "is:", "age<") for one in
               candidates(text, len(text), WORDS))  # fmt: skip


def test_values_say_how_many_runs_have_them() -> None:
    assert [one.help for one in candidates("target:", 7, WORDS)] == [
        "1,200 runs",
        "7 runs",
        "1 run",
    ]


def test_taking_a_candidate_replaces_the_word_at_the_cursor_alone() -> None:
    text = "ta score>0.8"
    (first, *_) = candidates(text, 2, WORDS)
    assert accepted(text, 2, first) == ("target: score>0.8", 7)
    text = "decision:ship,p age<7d"
    (first,) = candidates(text, 15, WORDS)
    assert accepted(text, 15, first) == ("decision:ship,park age<7d", 18)
    text = "-tag:de"
    (first,) = candidates(text, 7, WORDS)
    assert accepted(text, 7, first) == ("-tag:debug", 10)


@given(st.text(alphabet='target:sql><=!-,"set. \u4e2d9', max_size=30), st.integers(0, 30))
def test_whatever_is_typed_a_candidate_leads_to_a_text_that_holds_it(text: str, at: int) -> None:
    at = min(at, len(text))
    for one in candidates(text, at, WORDS):
        after, cursor = accepted(text, at, one)
        assert after[:cursor].endswith(one.text) and after.endswith(text[at:])
    assert text.startswith(without_word(text, at))


def test_values_from_files_are_harmless() -> None:
    hostile = {"target": {"\x1b[31mred\u202e": 1}}
    (one,) = candidates("target:", 7, hostile)
    assert "\x1b" not in one.text and "\u202e" not in one.text


def test_a_whole_example_is_reached_by_taking_candidates() -> None:
    text = ""
    for typed in (
        "targ",
        None,
        "sql",
        None,
        " deci",
        None,
        "sh",
        None,
        " lr>=1e-4 -tag:deb",
    ):
        if typed is not None:
            text += typed
            continue
        text, _ = accepted(text, len(text), candidates(text, len(text), WORDS)[0])
    text, _ = accepted(text, len(text), candidates(text, len(text), WORDS)[0])
    assert text == "target:sql-router decision:ship lr>=1e-4 -tag:debug"
    assert not parse(text).empty


def test_the_last_filters_are_kept_once_each_and_only_whole_ones() -> None:
    kept = remembered(["a", 7, "score>", "b", "a"], " target:x ")
    assert kept == ["target:x", "a", "b"]
    assert len(remembered([f"w{n}" for n in range(99)])) == 20


@pytest.mark.parametrize(
    ("text", "matches"),
    [("lr>=1e-4", True), ("lr<1e-4", False), ("rank:16 iters=300 batch<=16", True),
     ("set.lora.rank>8", True), ("layers:none", True)],
)  # fmt: skip
def test_short_names_of_settings(text: str, matches: bool) -> None:
    from datetime import UTC, datetime
    from pathlib import Path

    from engine.catalogue.run_facts import facts
    from engine.catalogue.summary import RunSummary

    ours = {"learning_rate": 2e-4, "iters": 300, "batch_size": 16, "lora": {"rank": 16}}
    theirs = {"lr": 2e-4, "steps": 300, "batch": 16, "lora_rank": 16}
    for settings in (ours, theirs):
        run = RunSummary("r", Path("/r"), hyperparameters=settings)
        assert parse(text).matches(facts(run, datetime.now(UTC))) is matches


def test_a_misspelt_short_name_is_mended() -> None:
    with pytest.raises(FilterError, match="did you mean “schedule”"):
        parse("shedule:cosine")
