"""Every key of the table did its work in some test: one that is added needs a test of its own."""

from __future__ import annotations

import pytest

from tests.pressed import LAST, PRESSED
from tui.bindings import KEYS


def unpressed() -> set[str]:
    """The keys whose action no test started from where the key belongs."""
    return {key.id for key in KEYS if (key.screen, key.action) not in PRESSED}


def test_the_table_is_compared_with_what_was_pressed() -> None:
    known = {(key.screen, key.action) for key in KEYS}
    assert len(known) == len(KEYS), "two keys of one place with one action"


def test_every_key_of_the_table_was_pressed(everything_ran: bool) -> None:
    if not everything_ran:
        pytest.skip("only a part of the tests ran")
    assert unpressed() == set(), f"no test presses {sorted(unpressed())}"


def test_the_name_of_the_last_test() -> None:
    assert LAST in globals()
