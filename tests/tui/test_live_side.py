"""The words beside the charts of Live: the score so far with its interval."""

from __future__ import annotations

from typing import Any

from engine.live.projected import ExampleView
from engine.live.projection import RunProjection
from tui.views.live_side import MOST, numbers, suites_line
from tui.widgets.examples import ExampleList


def scored(suite: str, *scores: float) -> list[dict[str, Any]]:
    return [
        {
            "kind": "example",
            "stage": "eval",
            "suite": suite,
            "id": str(number),
            "score": score,
            "correct": score >= 0.5,
        }
        for number, score in enumerate(scores)
    ]


def test_the_score_so_far_has_its_interval_as_far_as_there_is_room() -> None:
    run = RunProjection()
    run.apply({"kind": "stage-start", "stage": "eval"})
    run.apply_all(scored("router", *[1.0] * 113, *[0.0] * 7))
    assert suites_line(run, "eval", 80) == "router 0.942 [0.884 to 0.971], 113 of 120"
    assert suites_line(run, "eval", 35) == "router 0.942 [0.88–0.97]"
    assert suites_line(run, "eval", 10) == "router 0.942"
    assert suites_line(run, "other", 80) == ""
    run.apply_all(scored("breadth", 1.0, 1.0))
    assert suites_line(run, "eval", 44) == "router 0.942 [0.88–0.97]  breadth 1.00"
    assert suites_line(run, "eval", 36) == "router 0.942 [0.88–0.97] and 1 more"
    assert suites_line(run, "eval", 30) == "router 0.942 [0.88–0.97]"
    assert suites_line(run, "eval", 22) == "router 0.942  breadth 1.00"


def test_scores_of_the_baseline_are_not_taken_for_those_of_what_is_trained() -> None:
    run = RunProjection()
    run.apply({"kind": "stage-start", "stage": "eval-baseline"})
    run.apply_all([{**one, "stage": "eval-baseline"} for one in scored("router", 1.0, 0.0)])
    assert suites_line(run, "eval-baseline", 80).startswith("router 0.50")
    run.apply({"kind": "stage-end", "stage": "eval-baseline", "outcome": "done"})
    run.apply({"kind": "stage-start", "stage": "train"})
    assert suites_line(run, "eval-baseline", 80).startswith("baseline router 0.50 [")
    assert suites_line(run, "eval-baseline", 34) == "baseline router 0.50 [0.09–0.91]"


def test_a_graded_score_is_a_mean_without_a_share() -> None:
    run = RunProjection()
    run.apply({"kind": "stage-start", "stage": "eval"})
    run.apply_all(scored("quality", 1.0, 0.25, 0.7))
    assert suites_line(run, "eval", 80) == "quality mean 0.65, 3 scored"
    run.apply_all(scored("all", 1.0))
    assert (
        suites_line(run, "eval", 80)
        == "quality mean 0.65, 3 scored  all 1.00 [0.207 to 1.00], 1 of 1"
    )


def test_a_score_of_two_that_is_right_and_one_that_is_not_are_graded() -> None:
    run = RunProjection()
    run.apply({"kind": "stage-start", "stage": "eval"})
    run.apply_all(scored("points", 2.0, 0.0))
    assert suites_line(run, "eval", 80) == "points mean 1.00, 2 scored", "no interval of a share"


def test_the_numbers_of_ones_own_command_stand_beside_the_charts() -> None:
    run = RunProjection()
    run.apply({"kind": "stage-start", "stage": "bake"})
    values = {"pass@1": 0.5, "kl": "nan", "buffer_bytes": 1 << 30, "tokens": 7}
    run.apply({"kind": "metric", "stage": "bake", "step": 1, "values": values})
    told = numbers(run.stages["bake"], None)
    assert told == [("pass@1", "0.5"), ("kl", "NaN"), ("buffer_bytes", "1.0G")]
    many = {f"layer.{number}": number for number in range(30)} | {"loss": 2.0}
    run.apply({"kind": "metric", "stage": "bake", "step": 2, "values": many})
    told = numbers(run.stages["bake"], None)
    assert told[0] == ("loss", "2") and len(told) == MOST


def test_long_answers_are_shown_from_where_they_differ() -> None:
    pane = ExampleList()
    wanted = '{"cmd": "land", "args": {}, "confidence": 1.0}'
    got = '{"cmd": "hover", "args": {}, "confidence": 1.0}'
    example = ExampleView("eval", "router", "1", 0.0, False, "land now", wanted, got, None, 1)
    pane.put([example], "examples")
    row = "".join(text for text, _ in pane.row(0, 58))
    assert '…"hover"' in row and '…"land"' in row and len(row) == 58
    wide = "".join(text for text, _ in pane.row(0, 200))
    assert got in wide and wanted in wide, "what fits is shown whole"
