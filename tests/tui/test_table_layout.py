"""Tables of a report at any width: no word is lost, no line is too long."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.views.table_layout import GAP, Table, laid_out, widths, wrapped

RECORDS = Table(
    ("Record", "State", "Suite", "Examples"),
    (
        ("eval-baseline.json", "measured, with rows", "router-gold, sha256 30772d74a3a0", "180"),
        ("eval-regression-candidate.json", "measured, with rows", "breadth", "180"),
    ),
    ("left", "left", "left", "right"),
)


def text_of(table: Table, width: int) -> list[str]:
    return ["".join(cell.text for cell in line) for line in laid_out(table, width)]


def test_a_table_with_room_has_a_line_a_row() -> None:
    shown = text_of(RECORDS, 120)
    assert len(shown) == 4
    assert shown[0].startswith("Record") and shown[0].endswith("Examples")
    assert shown[2].endswith("180") and "router-gold, sha256 30772d74a3a0" in shown[2]


def test_a_narrow_table_keeps_its_words_whole() -> None:
    columns = widths(RECORDS, 66)
    assert columns is not None and sum(columns) + 3 * GAP <= 66
    shown = text_of(RECORDS, 66)
    assert max(map(cell_len, shown)) <= 66
    together = " ".join(shown)
    for word in ("measured,", "30772d74a3a0", "Examples", "candidate.json"):
        assert word in together


def test_a_table_without_room_becomes_one_block_a_row() -> None:
    assert widths(RECORDS, 30) is None
    shown = text_of(RECORDS, 30)
    assert shown[0] == "eval-baseline.json"
    assert shown[1] == "  State     measured, with"
    assert max(map(cell_len, shown)) <= 30


def test_a_row_that_is_named_by_a_number_says_what_of() -> None:
    table = Table(("Example", "Got"), (("3", "x" * 90),), ("left", "left"))
    assert widths(table, 20) is None
    assert text_of(table, 20)[0] == "Example 3"


def test_no_titles_is_no_table() -> None:
    assert laid_out(Table((), (), ()), 40) == []


@given(st.text(max_size=80), st.integers(2, 30))
@settings(deadline=None)
def test_wrapping_loses_no_sign_and_keeps_the_width(text: str, width: int) -> None:
    found = wrapped(text, width)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(cell_len(line) <= width for line in found)


@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60)), min_size=1, max_size=5),
    st.integers(24, 90),
)
@settings(deadline=None, max_examples=60)
def test_no_line_is_longer_than_the_width(rows: list[tuple[str, str]], width: int) -> None:
    table = Table(("First", "Second"), tuple(rows), ("left", "right"))
    assert all(cell_len(line) <= width for line in text_of(table, width))
