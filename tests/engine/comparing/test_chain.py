"""The tries at a target in a row: kept, dropped or crashed, by a rule that noise cannot pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.comparing.chain import Chain, chain
from engine.comparing.evidence import RunEvidence, read_evidence
from engine.comparing.scored import SuiteScore
from tests.engine.comparing.kit import rows, run, scored
from tests.tui.make_tries import STORY, make_tries


def told(*runs: RunEvidence) -> Chain:
    return chain("router", runs, lambda _run, score: score)


def outcomes(found: Chain) -> list[str]:
    return [one.outcome for one in found.tries]


def test_a_try_is_kept_when_it_is_better_than_the_best_by_more_than_noise() -> None:
    found = told(
        run("1", scored(rows(20)), base=scored(rows(5))),
        run("2", scored(rows(22))),
        run("3", scored(rows(35))),
        run("4", scored(rows(30))),
    )
    assert outcomes(found) == ["kept", "dropped", "kept", "dropped"]
    assert [one.best for one in found.tries] == [0.5, 0.5, 35 / 40, 35 / 40]
    assert found.start == 5 / 40
    assert "Within the noise of the best before: 2 fixed, 0 broken" in found.tries[1].reason
    assert found.best is found.tries[2]


def test_the_first_try_is_held_against_the_model_before_training() -> None:
    found = told(run("1", scored(rows(6)), base=scored(rows(5))), run("2", scored(rows(30))))
    assert outcomes(found) == ["dropped", "kept"]
    assert "the model before training" in found.tries[0].reason
    assert found.tries[0].best == 5 / 40
    assert outcomes(told(run("1", scored(rows(6))))) == ["kept"]


def test_a_better_try_that_forgot_the_rest_is_dropped() -> None:
    def skill(right: int) -> SuiteScore:
        return scored(rows(right), suite="skill", role="regression")

    found = told(
        run(
            "1",
            scored(rows(30)),
            base=scored(rows(5)),
            others=[skill(20)],
            base_others=[skill(38)],
            breadth_drop_max_pp=8.0,
        ),
        run("2", scored(rows(30)), base=scored(rows(5)), breadth_drop_max_pp=8.0),
    )
    assert outcomes(found) == ["dropped", "kept"]
    assert "breadth fell by 45.0 pp, over its bound of 8 pp" in found.tries[0].reason
    assert "Breadth was not measured" in found.tries[1].reason


def test_other_examples_start_the_best_again() -> None:
    found = told(
        run("1", scored(rows(38)), base=scored(rows(5))),
        run("2", scored(rows(20), sha256="b"), base=scored(rows(5), sha256="b")),
    )
    assert outcomes(found) == ["kept", "kept"]
    assert [one.fresh for one in found.tries] == [False, True]
    assert "changed between the two" in found.tries[1].reason
    assert found.tries[1].best == 0.5


def test_runs_that_did_not_get_to_a_score() -> None:
    found = told(
        run("1", phase="failed", last_error="Out of memory."),
        run("2", liveness="dead", phase="training"),
        run("3", phase="cancelled"),
        run("4", liveness="running", phase="training", stage="train"),
        run("5", liveness="waiting", waiting_for="the accelerator"),
        run("6", phase="evaluated"),
    )
    assert outcomes(found) == [
        "crashed",
        "crashed",
        "cancelled",
        "running",
        "waiting",
        "unscored",
    ]
    assert found.tries[0].reason == "Failed: Out of memory."
    assert found.best is None and found.start is None


def test_without_rows_the_interval_decides_and_without_both_the_score_and_it_is_said() -> None:
    bare: dict[str, Any] = {"answers": None}
    found = told(
        run("1", scored(None, score=0.5, n=100, **bare)),
        run("2", scored(None, score=0.55, n=100, **bare)),
        run("3", scored(None, score=0.9, n=100, **bare)),
        run("4", scored(None, score=0.91, metric="f1", **bare)),
    )
    assert outcomes(found) == ["kept", "dropped", "kept", "kept"]
    assert "its 95 % interval holds 0" in found.tries[1].reason
    assert "leaves 0 out" in found.tries[2].reason
    assert "noise was not tested" in found.tries[3].reason


def test_where_lower_is_better() -> None:
    low: dict[str, Any] = {"direction": "lower"}
    found = told(
        run("1", scored(rows(30), **low), base=scored(rows(38), **low)),
        run("2", scored(rows(10), **low)),
        run("3", scored(rows(25), **low)),
    )
    assert outcomes(found) == ["kept", "kept", "dropped"]


def test_what_was_varied_is_told_against_the_parent_or_else_the_try_before() -> None:
    found = told(
        run("1", settings={"rank": 8}),
        run("2", settings={"rank": 16}),
        run("3", settings={"rank": 32}, parent="1"),
        run("4", settings={"rank": 32}, parent="gone"),
        run("5", settings={"rank": 32}, parent="5"),
    )
    assert [(one.before, one.guessed) for one in found.tries] == [
        (None, False),
        ("1", True),
        ("1", False),
        ("3", True),
        (None, False),
    ]
    assert [change.before for change in found.tries[2].varied] == [8]


def test_the_story_from_folders(tmp_path: Path) -> None:
    make_tries(tmp_path, STORY)
    runs = [read_evidence(tmp_path / "runs" / one.name) for one in STORY]
    found = chain("drone-router", runs, lambda run, score: score.read_rows(run.path))
    assert outcomes(found) == [
        *("kept", "dropped", "kept", "crashed", "kept"),
        *("dropped", "dropped", "kept", "dropped", "cancelled"),
    ]
    assert found.start == pytest.approx(0.2)


def test_a_chain_of_many_reads_rows_only_where_they_decide() -> None:
    asked: list[str] = []

    def read(run: RunEvidence, score: SuiteScore) -> SuiteScore:
        asked.append(run.run_id)
        return score

    runs = [run(f"{n}", scored(rows(20))) for n in range(500)]
    found = chain("router", runs, read)
    assert found.count("dropped") == 499
    assert asked == []
