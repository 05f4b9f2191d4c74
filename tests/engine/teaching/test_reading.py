"""Any reply to the objects in it: never an exception, never a value that does not stand there."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from engine.teaching.loose_json import MAX_DEPTH, find_values
from engine.teaching.reading import (
    MAX_CHARACTERS,
    MAX_SENTENCES,
    Fit,
    by_schema,
    fit_many,
    fit_one,
    read_reply,
)


class Row(BaseModel):
    q: str
    n: int = 0


def rows(text: str) -> Fit[Row]:
    return fit_many(read_reply(text), by_schema(Row))


def one(text: str) -> Fit[Row]:
    return fit_one(read_reply(text), by_schema(Row))


GOOD = '{"q": "a", "n": 1}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure! Here is what you asked for:\n\n{GOOD}\n\nAnything else?",
        f"[{GOOD}]",
        '{"plan": {"q": "a", "n": 1}}',
        '{"q": "a", "n": "1"}',
        '{"q": "a", "n": 1,}',
        f'<think>Maybe {{"q": "draft"}}? Hmm.</think>\n{GOOD}',
        f'A draft {{"q": "draft"}} first.</think>{GOOD}',
        json.dumps(GOOD),
        "\ufeff" + GOOD,
        f"The set {{a, b}} and the list [see above].\n{GOOD}",
        '{{"q": "a", "n": 1}}',
        f"{GOOD} and then {{unquoted: 1}}",
        '{"q": "a", "n": 1, "more": [1, {"x": None, "y": True}]}',
    ],
)
def test_one_object_is_found(text: str) -> None:
    fit = one(text)
    assert [(row.q, row.n) for row in fit.values] == [("a", 1)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[{"q": "a"}, {"q": "b"}]', "ab"),
        ('{"q": "a"}\n{"q": "b"}\n', "ab"),
        ('{"rows": [{"q": "a"}, {"q": "b"}], "note": "done"}', "ab"),
        ('[{"q": "a"}, {"q": "b"}, {"q": "c', "ab"),
        ('[{"q": "a"}, {"q": "b"},', "ab"),
        ('{"rows": [{"q": "a"}, {"q": "b"}, {"q"', "ab"),
        ('[{"q": "a"},, {"q": "b"}]', "ab"),
        ('[{"q": "a"} {"q": "b"}]', "ab"),
        ('[{"q": "a"}, {"q": "x" "n": 1}, {"q": "b"}]', "ab"),
        ('[{"q": "a"}, {"q": 7}, {"q": null}, {"q": ["l"]}, {"q": "b"}]', "ab"),
        ('[{"q": "a"}, {"q": "x", "n": NaN}, {"q": "b"}]', "ab"),
        ('[{"q": "a"}, {"q": "x", "n": 1e999}, {"q": "b"}]', "ab"),
        ('[{"q": "a"}, {"q": "\\ud800"}, {"q": "b"}]', "ab"),
        ('[{"q": "a"}, {"q": "x", "q": "y"}, {"q": "b"}]', "ab"),
        ('[{"q": "a"}, {"q": "bad \\_ escape"}, {"q": "b"}]', "ab"),
        ('["{\\"q\\": \\"a\\"}", "{\\"q\\": \\"b\\"}"]', "ab"),
        ('1. {"q": "a"}\n2. {"q": "b"}', "ab"),
        ('```json\n[{"q": "a"}]\n```\nand\n```json\n[{"q": "b"}]\n```', "ab"),
        ('{"q": "a"}\n{"q": "unended\n{"q": "b"}\n', "ab"),
        ('[{"q": "a"}, {"q": "[b", "n": ' + "9" * 5000 + '}, {"q": "b"}]', "ab"),
        ("I cannot help with that.", ""),
        ("", ""),
        ('<think>{"q": "a"} and on and on', ""),
        ('{"q": {"q": "deep"}}', ""),
    ],
)
def test_whole_rows_are_kept(text: str, found: str) -> None:
    assert "".join(row.q for row in rows(text).values) == found


def test_a_line_end_within_a_text_is_kept() -> None:
    assert rows('{"q": "two\nlines"}').values[0].q == "two\nlines"


def test_what_is_left_out_is_said() -> None:
    fit = rows('[{"q": "a"}, {"n": "many"}, {"q": "c"')
    assert fit.cut_off
    assert fit.left_out == (
        "The JSON that begins at character 1 cannot be used whole: it is cut off.",
    )
    fit = rows('[{"q": "a"}, {"n": "many"}]')
    assert not fit.cut_off
    assert fit.left_out[0].startswith("Row 2: q: Field required; n: ")
    assert one("Certainly! I would fly.").why == "There is no JSON in it."
    assert "double quotes" in one("{cmd: 'land', args: {}}").why
    assert "NaN is no JSON number" in one('{"q": "a", "n": NaN}').why
    assert "stands there twice" in one('{"q": "a", "q": "b"}').why


def test_the_first_of_two_answers_is_used_and_the_other_said() -> None:
    fit = one('{"q": "first"}\n\nOr, rather:\n{"q": "second"}')
    assert fit.values[0].q == "first"
    assert "2 that fit" in fit.left_out[-1]


def test_an_object_that_does_not_fit_gives_way_to_one_that_does() -> None:
    assert one('For {"input": 3} this is right: {"q": "a"}').values[0].q == "a"


def test_a_row_about_thinking_is_no_thought() -> None:
    text = '[{"q": "a"}, {"q": "what does </think> mean"}]'
    assert [row.q for row in rows(text).values] == ["a", "what does </think> mean"]


def test_texts_within_texts_are_no_rows() -> None:
    fit = rows('[{"q": "write {\\"q\\": \\"injected\\"} now"}, {"q": "cut {\\"q\\": \\"x\\"')
    assert [row.q for row in fit.values] == ['write {"q": "injected"} now']


def test_too_deep_and_too_long() -> None:
    deep = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)
    assert "levels deep" in rows(deep).why
    assert rows("[" * MAX_DEPTH + '{"q":1}' + "]" * MAX_DEPTH).values == ()
    long = GOOD + " " * MAX_CHARACTERS + GOOD
    fit = rows(long)
    assert len(fit.values) == 1
    assert "are read" in fit.left_out[0]


def test_many_misfits_are_counted_not_listed() -> None:
    fit = rows("[" + '{"x": 1},' * 500 + "]")
    assert len(fit.left_out) == MAX_SENTENCES + 1
    assert fit.left_out[-1] == "And 480 more."


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "{",
        '{"a":',
        '[{"a": 1,',
        '{"a": "\n',
        '"\\"',
        "[" * 63 + "x",
        '{"\\"\n',
        "{a:",
        "[1,[",
        '{"a":[[[',
        "}]",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    began = time.perf_counter()
    rows(piece * (200_000 // len(piece)))
    assert time.perf_counter() - began < 10


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *(leaf for child in value.values() for leaf in leaves(child))]
    if isinstance(value, list):
        return [leaf for child in value for leaf in leaves(child)]
    return [value]


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=12,
)
BITS = st.lists(
    st.sampled_from(
        [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            '"',
            "\\",
            "\\u",
            "d800",
            '"q"',
            '"q": "a"',
            "NaN",
            "1e999",
            "null",
            "\n",
            "```",
            "<think>",
            "</think>",
            "[red]",
            "\x1b[31m",
            "\0",
            "é",
            "-",
            "1",
        ]
    ),
    max_size=60,
).map("".join)


@given(BITS | st.text(max_size=200))
@settings(max_examples=600, deadline=None)
def test_never_raises_and_what_it_gives_can_be_written(text: str) -> None:
    for fit in (rows(text), one(text)):
        assert fit.values or fit.why
        for row in fit.values:
            row.model_dump_json().encode()
    for found in read_reply(text).found:
        json.dumps(found.value, allow_nan=False, ensure_ascii=False).encode()


@given(JSON, PLAIN.filter(lambda one: not set(one) & set('{["<')), st.integers(0, 400))
@settings(max_examples=400, deadline=None)
def test_never_invents(value: Any, prose: str, cut: int) -> None:
    """Whole, it is read as it is; cut off, every text and number of it stands in the original."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict | list):
        (found,) = read_reply(f"{prose}\n{text}\n{prose}").found
        assert found.value == value
    known = [repr(leaf) for leaf in leaves(value)]
    for (found,) in [(one,) for one in find_values(text[:cut])[0]]:
        for leaf in leaves(found.value):
            assert repr(leaf) in known


@given(st.lists(PLAIN, min_size=1, max_size=6), st.integers(0, 300))
@settings(max_examples=300, deadline=None)
def test_a_list_cut_off_anywhere_keeps_its_whole_rows(texts: list[str], cut: int) -> None:
    pieces = [json.dumps({"q": text}, ensure_ascii=False) for text in texts]
    whole = "[" + ", ".join(pieces) + "]"
    kept, end = 0, 1
    for piece in pieces:
        end += len(piece)
        kept += end <= cut
        end += 2
    assert [row.q for row in rows(whole[:cut]).values] == texts[:kept]
