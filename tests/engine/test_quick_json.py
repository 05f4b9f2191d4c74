"""The quick way to read JSON and the usual one say the same of everything."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.quick_json import loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def outcome(read: Callable[[bytes], object], data: bytes) -> str:
    """What came of reading, as text: NaN is not the same as itself."""
    try:
        return repr(read(data))
    except (ValueError, RecursionError) as error:
        return type(error).__name__


@given(VALUES)
def test_what_json_writes_is_read_alike(value: object) -> None:
    for ascii_only in (True, False):
        data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        assert outcome(loads, data) == outcome(json.loads, data)


@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]",:0123456789.-eE\\u NaItrufls').map(str.encode)
)
def test_what_is_no_json_is_refused_alike(data: bytes) -> None:
    assert outcome(loads, data) == outcome(json.loads, data)


@pytest.mark.parametrize(
    "data",
    [b'{"a": NaN, "b": -Infinity}', b"1e400", b"9" * 400, b"9" * 5000, b'{"a": 1, "a": 2}',
     b'"\\ud800"', b'"\xed\xa0\x80"', b"\xef\xbb\xbf{}", b'"\x01"', b"01", b"[" * 100_000, b"",
     '{"ä": 1}'.encode("utf-16")],
)  # fmt: skip
def test_the_edges_are_the_same(data: bytes) -> None:
    assert outcome(loads, data) == outcome(json.loads, data)
