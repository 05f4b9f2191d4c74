"""The filter language: what it lists, and how it says that it did not understand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue.run_filter import FIELDS, Facts, FilterError, parse

DAY = 86400.0

SHIPPED: Facts = {
    "run": "2026-11-20-sql-router-2",
    "target": "sql-router",
    "model": "mlx-community/Qwen3-0.6B-4bit",
    "phase": "decided",
    "decision": "ship",
    "is": ["decided"],
    "tag": ["nightly", "small"],
    "gates": "pass",
    "score": 0.94,
    "baseline": 0.31,
    "delta": 63.0,
    "breadth": -1.2,
    "tok_s": 2102.0,
    "peak": 1.9 * 2**30,
    "loss": 0.41,
    "age": 2 * DAY,
    "set.learning_rate": 2e-3,
    "set.schedule": "cosine",
}
BARE: Facts = {"run": "2026-01-01-echo", "target": "echo", "phase": "created", "decision": None}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "target:sql decision:ship score>0.8 age<7d -tag:x",
        "ROUTER",
        "target=sql-router",
        "-target=sql",
        "target!=sql",
        "decision:park,ship",
        "model:qwen3 qwen",
        "tag:nightly tag:small",
        "score>=0.94 score<=0.94 score:0.94 score=94%",
        "delta>60pp breadth>-2 breadth<−1",
        "tok_s>2k tok/s<3k",
        "peak>1.8G peak<2gib peak>900M",
        "age>47h age<2.5d age<=2d",
        "score:0.5,0.94 score!=0.5,0.6",
        "-score:none is:decided -is:live",
        "id:2026-11 name:router-2",
        "loss>4e-1",
        "set.learning_rate>=1e-3 set.schedule:cos -set.schedule=linear -set.rank>1",
    ],
)
def test_lists_the_shipped_run(text: str) -> None:
    assert parse(text).matches(SHIPPED)


@pytest.mark.parametrize(
    "text",
    [
        "target:sqlite",
        "-sql",
        "decision:reject",
        "score>0.94",
        "age>7d",
        "tag:night",
        "is:live",
        "score:none",
        "breadth>0",
        "target:sql decision:park",
        "score!=0.94,0.5",
    ],
)
def test_leaves_the_shipped_run_out(text: str) -> None:
    assert not parse(text).matches(SHIPPED)


@pytest.mark.parametrize("text", ["score<0.5", "score>=0", "score!=1", "age<7d", "peak<1T"])
def test_what_was_not_recorded_fulfils_no_comparison(text: str) -> None:
    assert not parse(text).matches(BARE)


@pytest.mark.parametrize("text", ["decision:none", "score:none", "echo", "-score>0", "tag:none"])
def test_what_was_not_recorded_can_be_asked_for(text: str) -> None:
    assert parse(text).matches(BARE)


def test_nan_is_not_a_score() -> None:
    assert not parse("score<1").matches({"score": float("nan")})
    assert parse("score:none").matches({"score": float("nan")})


@pytest.mark.parametrize(
    ("text", "start", "end", "says"),
    [
        ("tagret:sql", 0, 6, "did you mean “target”?"),
        ("a zzz:1", 2, 5, "the fields are run, target"),
        ("score>", 0, 6, "needs a value"),
        ("score>high", 6, 10, "score>0.8"),
        ("x age<7", 6, 7, "s, m, h, d, w"),
        ("age<7y", 4, 6, "unit"),
        ("target>a", 6, 7, "target:a"),
        ('say "hello', 9, 10, "not closed"),
        ("sql -", 4, 5, "needs a word"),
        ("score>1,2", 6, 9, "one value"),
        ("score>none", 6, 10, "none"),
        ("-peak<1q", 6, 8, "unit"),
        ("set.schedule>linear", 13, 19, "set.schedule>0.8"),
    ],
)
def test_says_what_is_wrong_and_where(text: str, start: int, end: int, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert (caught.value.start, caught.value.end) == (start, end)
    assert says in caught.value.message
    assert f"character {start + 1}" in str(caught.value)
    assert caught.value.marked() == " " * start + "^" * (end - start)


def test_quotation_marks_take_the_meaning_from_a_colon() -> None:
    assert parse('"http://x"').matches({"run": "see http://x here"})
    assert parse('target:"two words"').matches({"target": "has two words in it"})


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_sentence(text: str) -> None:
    try:
        parsed = parse(text)
    except FilterError as error:
        assert 0 <= error.start < error.end
        assert error.message
    else:
        assert parsed.matches(SHIPPED) in (True, False)


def test_every_field_explains_itself() -> None:
    assert all(field.help for field in FIELDS.values())
