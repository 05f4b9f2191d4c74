"""What the page of an example says: differences with signs, fields, lines of a width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.live.projected import ExampleView
from tui.views.alike import alike
from tui.views.examples_diff import MAX_FIELDS, Marked, fields, marked
from tui.views.examples_page import page_lines, page_of
from tui.views.wrapping import wrap


def text(marks: Marked) -> tuple[str, str]:
    return "".join(t for t, _ in marks.expected), "".join(t for t, _ in marks.got)


@pytest.mark.parametrize(
    ("expected", "got", "first", "second"),
    [
        ("fly to 5 now", "fly to 7 now", "fly to [-5-] now", "fly to {+7+} now"),
        ("a b", "a  b", "a b", "a {+␣+}b"),
        ("a b", "a\tb", "a[-␣-]b", "a{+→+}b"),
        ("one\ntwo", "one\r\ntwo", "one\ntwo", "one{+␍+}\ntwo"),
        ("one", "one\n", "one", "one{+⏎\n+}"),
        ("go north", "go", "go[-␣north-]", "go"),
        ("飛行して降りる", "飛行して上がる", "飛行して[-降り-]る", "飛行して{+上が+}る"),
        ("same", "same", "same", "same"),
        ('x {"a":1} y', 'x 5"6 y', 'x [-{"a":1}-] y', 'x {+5"6+} y'),
        ("one", "two", "one", "two"),  # nothing in common: no marks, the page says so
    ],
)
def test_what_differs_is_marked_with_signs(
    expected: str, got: str, first: str, second: str
) -> None:
    assert text(marked(expected, got)) == (first, second)


def test_white_space_alone_and_nothing_in_common_are_known() -> None:
    assert marked("a b", "a  b").spaces_only and not marked("a b", "a c").spaces_only
    assert marked("one", "two").apart and not marked("one two", "one").apart
    assert marked("x", "").apart and marked("x", "x").same


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_the_comparison_or_reaches_the_terminal(one: str, two: str) -> None:
    made = marked(one, two)
    assert made.same == (one == two)
    for part in text(made):
        assert all(char == "\n" or char.isprintable() or not ord(char) < 32 for char in part)
        assert "\x1b" not in part and "\u202e" not in part


def test_texts_too_long_to_compare_word_by_word_are_marked_as_a_whole() -> None:
    one = " ".join(f"a{n}" for n in range(3000))
    two = " ".join(f"b{n}" for n in range(3000))
    first, second = text(marked(f"start {one} end", f"start {two} end"))
    assert first.startswith("start [-a0") and first.endswith("-] end")
    assert second.startswith("start {+b0")


def test_fields_are_compared_as_the_scorer_does() -> None:
    found = fields(
        '{"cmd": "goto", "args": {"lat": 1, "lon": [2]}, "n": "4", "x": null, "confidence": 0.9}',
        '{"cmd": "goto", "args": {"lat": 2}, "n": 4, "more": {}, "confidence": 0.2}',
        "json_cmd",
    )
    assert found is not None
    assert [(one.path, one.sign, one.scored) for one in found] == [
        ("cmd", "=", True),
        ("args.lat", "≠", True),
        ("args.lon[0]", "−", True),
        ("n", "≈", True),
        ("x", "≈", True),
        ("confidence", "≠", False),
        ("more", "+", True),
    ]


def test_what_is_no_json_or_too_much_of_it_is_compared_as_text() -> None:
    assert fields("{}", "prose", None) is None
    assert fields("12", "13", None) is None
    many = "[" + ",".join("1" for _ in range(MAX_FIELDS + 1)) + "]"
    assert fields(many, many, None) is None
    deep = "[" * 50 + "]" * 50
    assert fields(deep, deep, None) is None


def test_a_field_of_a_long_text_marks_the_part_that_differs() -> None:
    long = "a very long query " * 8
    texts = [f'{{"q": "{long}"}}', f'{{"q": "{long}!", "more": [1]}}']
    view = ExampleView("eval-candidate", "gold", "1", 0, False, "p", texts[0], texts[1], None, 1)
    drawn = ["".join(text for text, _ in line) for line in page_lines(page_of(view), 40)]
    assert all(len(line) <= 40 for line in drawn)
    said = " ".join(" ".join(drawn).split())
    assert "candidate ≠ " in said and 'query {+!+}"' in said
    assert "more[0] expected · candidate + 1" in said and "+ not asked for" in said


@given(
    st.lists(st.tuples(st.text("ab 日é\n", max_size=30), st.sampled_from("xy")), max_size=5),
    st.integers(2, 20),
)
def test_lines_fit_and_lose_nothing(spans: list[tuple[str, str]], width: int) -> None:
    lines = list(wrap(spans, width))
    drawn = ["".join(text for text, _ in line) for line in lines]
    # A space at the end of a line may stand beyond its edge, where nobody misses it.
    assert all(cell_len(line.rstrip(" ")) <= width for line in drawn)
    assert "".join(drawn) == "".join(text for text, _ in spans).replace("\n", "")


def test_a_list_shows_answers_from_where_they_differ() -> None:
    expected = '{"cmd":"goto","args":{"lat":24}}'
    got = '{"cmd":"goto","args":{"lat":29}}'
    assert expected[alike(expected, got) :] == '"lat":24}}'
    assert alike("7", "8") == 0 and alike("same", "same") == 0
