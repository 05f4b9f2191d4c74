"""A suite on which a stronger model does badly is broken, not hard."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from engine.judge.ruler import Ruler, judge_ruler
from engine.records.ceiling import Ceiling

SHA = "a" * 64


def ceiling(score: float, n: int = 100, **more: object) -> Ceiling:
    values = {
        "suite": "gold", "suite_sha256": SHA, "model": "large-32b", "command": "factory-tui eval",
        "date": "2026-11-21T12:00:00Z", "score": score, "n": n,
    }  # fmt: skip
    return Ceiling.model_validate(values | more)


def test_a_low_ceiling_is_a_broken_suite() -> None:
    seen = judge_ruler(ceiling(0.4), SHA)
    assert seen.ruler is Ruler.BROKEN
    assert seen.sentence == (
        "The suite is broken, not hard: large-32b scores 0.400 on it (95 % interval 0.309 to "
        "0.498, n = 100), below 0.7: look at the gold answers and the scorer first."
    )


def test_a_few_rows_leave_it_doubtful() -> None:
    assert judge_ruler(ceiling(0.6, 10), SHA).ruler is Ruler.DOUBTFUL
    assert judge_ruler(ceiling(0.6, 10), SHA, floor=0.5).ruler is Ruler.GOOD
    asked = judge_ruler(ceiling(0.85), SHA, bound=0.9)
    assert asked.ruler is Ruler.DOUBTFUL and "the bound of 0.900" in asked.sentence
    assert judge_ruler(ceiling(0.95), SHA, bound=0.9).ruler is Ruler.GOOD


@pytest.mark.parametrize(
    "seen",
    [
        judge_ruler(None, SHA),
        judge_ruler(ceiling(0.9), "b" * 64),
        judge_ruler(ceiling(0.9), None),
        judge_ruler(ceiling(0.9, 0), SHA),
        judge_ruler(ceiling(0.1, direction="lower"), SHA),
        judge_ruler(ceiling(12.0), SHA),
    ],
)
def test_what_cannot_be_judged_is_not_recorded(seen: object) -> None:
    assert seen.ruler is Ruler.UNKNOWN and seen.interval is None  # type: ignore[attr-defined]


def test_the_record_keeps_what_it_does_not_know_and_refuses_nonsense() -> None:
    again = Ceiling.model_validate_json(ceiling(0.9, note="x").model_dump_json())
    assert again.model_dump()["note"] == "x"
    for wrong in ({"score": float("nan")}, {"n": -1}, {"model": " "}, {"suite_sha256": "x"}):
        with pytest.raises(ValidationError):
            ceiling(**({"score": 0.5} | wrong))  # type: ignore[arg-type]
