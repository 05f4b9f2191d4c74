"""The marks of JOURNAL.md: whatever a person wrote is found again, or is said to stand wrongly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.publish.journal.marks import TOP, block, notes_place, read_marks

WRITTEN = "\n".join(
    [
        *block("top", ["# Journal", ""]),
        *notes_place(TOP, "mine"),
        *block("entry:a", ["### a", "", "text"]),
        *notes_place("a", "first\n\nsecond"),
        "",
    ]
)


def test_what_was_written_is_read_again() -> None:
    found = read_marks(WRITTEN)
    assert found.ours and found.edited == []
    assert found.notes == {TOP: "mine", "a": "first\n\nsecond"}


def test_line_ends_a_byte_order_mark_and_blank_lines_are_no_edit() -> None:
    for text in (
        "\ufeff" + WRITTEN.replace("\n", "\r\n"),
        WRITTEN.replace("\n", "\r"),
        WRITTEN.replace("text", "text   \n\n"),
    ):
        found = read_marks(text)
        assert found.edited == [] and found.notes == read_marks(WRITTEN).notes


def test_text_outside_of_notes_is_found_with_its_place() -> None:
    for text, key in (
        (WRITTEN.replace("text", "text, and mine"), "entry:a"),
        (WRITTEN.replace("# Journal", "# Diary"), "top"),
        (WRITTEN + "at the end\n", "entry:a"),
        ("above\n" + WRITTEN, ""),
        (WRITTEN.replace("text\n", ""), "entry:a"),
    ):
        assert [one.key for one in read_marks(text).edited] == [key]
    assert read_marks(WRITTEN + "at the end\n").edited[0].line == 7


def test_a_mark_that_is_broken_loses_nothing() -> None:
    unclosed = WRITTEN.replace("mine\n<!-- /notes -->", "mine")
    assert read_marks(unclosed).notes == read_marks(WRITTEN).notes
    assert read_marks(unclosed).edited == []
    at_the_end = WRITTEN.removesuffix("<!-- /notes -->\n") + "more\n"
    assert read_marks(at_the_end).notes["a"] == "first\n\nsecond\nmore"
    stray = WRITTEN.replace("second", "<!-- /notes -->\nsecond")
    found = read_marks(stray)
    assert found.notes["a"] == "first" and [one.key for one in found.edited] == ["entry:a"]
    twice = WRITTEN + "\n".join(notes_place("a", "third"))
    assert read_marks(twice).notes["a"] == "first\n\nsecond\n\nthird"
    no_opening = WRITTEN.replace("<!-- notes:a -->\n", "")
    assert [one.key for one in read_marks(no_opening).edited] == ["entry:a"]


def test_the_name_of_a_folder_may_be_anything() -> None:
    for key in ("--> <!-- /notes -->", "a b\nc", "loop:x", "\udcff", "%41"):
        text = "\n".join([*block(f"entry:{key}", ["x"]), *notes_place(key, "mine")])
        found = read_marks(text)
        assert found.notes == {key: "mine"}
        assert found.edited == []


LINES = st.lists(
    st.sampled_from(["<!-- /notes -->", "<!-- notes:a -->", "x", "", "  y", "```", "# z"])
    | st.text(max_size=20).filter(lambda one: not set(one) & set("\r\n\v\f\x1c\x1d\x1e\x85"))
)


@given(LINES)
def test_any_notes_come_back(lines: list[str]) -> None:
    text = "\n".join(lines).strip("\n")
    file = "\n".join([*block("entry:a", ["x"]), *notes_place("a", text)])
    found = read_marks(file)
    back = found.notes.get("a", "")
    assert found.edited == []
    assert [one.strip() for one in back.split("\n")] == [
        one.strip() for one in (text if text.strip() else "").split("\n")
    ]
    again = "\n".join([*block("entry:a", ["x"]), *notes_place("a", back)])
    assert read_marks(again).notes == found.notes
