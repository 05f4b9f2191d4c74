"""The tries of a campaign, drawn from their records without a screen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.records.research import TryProposal, TryVerdict, Violation
from tui.views.research_table import try_entries
from tui.views.research_tries import Tried, best_chart

UGLY = "\x1b[31m[bold]" + "wide 漢字 " * 40


def tried(number: int, status: str = "discard", score: float | None = 2.0, **more: object) -> Tried:
    plan = TryProposal(
        iteration=number + 1,
        by="settings",
        hypothesis=UGLY,
        made=datetime(2026, 1, 1, tzinfo=UTC),
        mutable_sha256="0" * 64,
        lines=1,
        lines_before=1,
    )
    outcome = {"keep": "kept", "discard": "dropped", "crash": "crashed"}[status]
    values = {"outcome": outcome, "reason": "so", "status": status, "score": score, **more}
    return Tried(number, plan, TryVerdict.model_validate(values))


def test_the_best_falls_where_less_is_better_and_a_discard_does_not_move_it() -> None:
    tries = [tried(0, "keep", 3.0, noise=0.1), tried(1), tried(2, "keep", 2.5)]
    curves = best_chart(tries, 2)[1]
    step = next(one for one in curves if one.role == "smooth")
    assert list(step.y) == [3.0, 3.0, 2.5, 2.5]
    assert [list(one.y) for one in curves if len(set(one.y)) == 1 and len(one.y) == 2] == [
        pytest.approx([2.9, 2.9]),
        pytest.approx([3.1, 3.1]),
    ]


def test_a_crash_without_a_number_stands_at_the_lowest_one() -> None:
    curves = best_chart([tried(0, "keep", 3.0, noise=0.0), tried(1, "crash", None)], None)[1]
    assert [list(one.y) for one in curves if one.sign == "✘"] == [[3.0]]
    assert best_chart([tried(0, "crash", None)], None)[2].empty == "no try has a number yet"
    assert best_chart([], None)[2].empty == "the baseline comes first"


def test_a_crash_does_not_stand_among_the_best_where_less_is_better() -> None:
    tries = [tried(0, "keep", 3.0), tried(1, "crash", None), tried(2, "keep", 2.5)]
    curves = best_chart(tries, None)[1]
    assert [list(one.y) for one in curves if one.sign == "✘"] == [[3.0]]


def test_a_refused_try_and_a_broken_record_have_signs_of_their_own() -> None:
    one = tried(1)
    assert one.plan is not None
    broke = Violation(rule="harness", path="prepare.py", text="It changed the harness.")
    plan = one.plan.model_copy(update={"violations": [broke]})
    assert Tried(1, plan).what == "refused"
    assert Tried(2, problem="verdict.json cannot be read").what == "unreadable"


@pytest.mark.parametrize("width", [80, 120, 200])
def test_ugly_descriptions_stay_in_their_line(width: int) -> None:
    rows = try_entries([tried(1), tried(0, "keep")], width)
    assert [one.key for one in rows] == [None, "2", "1"]
    assert not any("\x1b" in text for one in rows for text, _ in one.row)
