"""Asking from code that waits, and that may be told to stop meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from engine.teaching.blocking import with_teacher
from engine.teaching.budget import Budget, Caps
from engine.teaching.errors import TeachingError
from engine.teaching.ledger import calls_in, spent_in
from engine.teaching.rows import generate_rows
from engine.teaching.tasks import Brief
from tests.engine.teaching.double import Refuse, Say, Silence

ROWS = Say('[{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}]')
BRIEF = Brief(scorer="exact")


class Stop(Exception):
    """Somebody pressed a key."""


def rows(n: int) -> Any:
    return lambda teacher: generate_rows(teacher, BRIEF, n)


def test_what_a_teacher_says(double: Any, tmp_path: Path) -> None:
    server = double(ROWS, key=None)
    ledger = tmp_path / "l.jsonl"
    for sitting in (1, 2):
        budget = Budget(Caps(calls=2), spent_in(ledger))
        written = with_teacher(f"{server.root}/v1", ledger, rows(2), budget=budget)
        assert len(written.rows) == 2
        assert spent_in(ledger).calls == sitting
    with pytest.raises(TeachingError, match="2 calls are spent"):
        with_teacher(
            f"{server.root}/v1", ledger, rows(2), budget=Budget(Caps(calls=2), spent_in(ledger))
        )


def test_it_stops_when_it_is_told_to(double: Any, tmp_path: Path) -> None:
    server = double(Silence(), key=None)
    ledger = tmp_path / "l.jsonl"
    began = time.monotonic()

    def check() -> None:
        if server.asked:
            raise Stop

    with pytest.raises(Stop):
        with_teacher(f"{server.root}/v1", ledger, rows(60), check=check)
    assert time.monotonic() - began < 20
    ends = [ended for _, ended in calls_in(ledger)]
    assert [ended and ended.code for ended in ends] == ["cancelled"]


def test_an_error_passes_through(double: Any, tmp_path: Path) -> None:
    server = double(Refuse(400, "no such thing"), key=None)
    with pytest.raises(TeachingError, match="no such thing"):
        with_teacher(f"{server.root}/v1", tmp_path / "l.jsonl", rows(2))
