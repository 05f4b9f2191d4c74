"""Every key of the table did its work in some test: one that is added needs a test of its own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import pressed
from tests.pressed import Pressed, unpressed
from tui.bindings import KEYS

HERE = Path(__file__)


def test_the_table_is_compared_with_what_was_pressed() -> None:
    known = {(key.screen, key.action) for key in KEYS}
    assert len(known) == len(KEYS), "two keys of one place with one action"
    assert unpressed(known) == [] and len(unpressed(set())) == len(KEYS)


def finished(seen: Pressed, **config: object) -> Any:
    """The end of a session in which everything else went well."""
    session: Any = SimpleNamespace(config=SimpleNamespace(**config), exitstatus=pytest.ExitCode.OK)
    seen.pytest_sessionfinish(session, pytest.ExitCode.OK)
    return session


def collected(seen: Pressed, *paths: Path) -> Pressed:
    items: Any = SimpleNamespace(items=[SimpleNamespace(path=path) for path in paths])
    seen.pytest_collection_finish(items)
    return seen


def test_what_several_processes_pressed_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = sorted({(key.screen, key.action) for key in KEYS})
    outputs: list[dict[str, Any]] = []
    for half in (keys[:9], keys[9:-1]):
        monkeypatch.setattr(pressed, "PRESSED", set(half))
        outputs.append({})
        finished(collected(Pressed({HERE}), HERE), workeroutput=outputs[-1])
    monkeypatch.setattr(pressed, "PRESSED", set())
    first = collected(Pressed({HERE}))
    for output in outputs:
        first.pytest_testnodedown(SimpleNamespace(workeroutput=output), None)
    session = finished(first)
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED and len(first.missing) == 1
    pressed.PRESSED.add(keys[-1])
    assert finished(first).exitstatus == pytest.ExitCode.OK


def test_a_part_of_the_tests_says_nothing_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressed, "PRESSED", set())
    part = collected(Pressed({HERE, HERE.parent / "test_other.py"}), HERE)
    assert finished(part).exitstatus == pytest.ExitCode.OK and part.missing == []
