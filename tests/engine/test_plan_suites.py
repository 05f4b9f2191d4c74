"""The suites of a target in its plan: what is refused, and what an eval stage is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.plans.planning import draft
from engine.target import TargetError
from engine.work.specs import EvalSpec
from engine.workspace import Workspace
from tests.engine.targets import FORGE, make_target

BREADTH = "- {name: breadth, file: dataset/breadth.jsonl, scorer: exact}"


def place(
    tmp_path: Path, breadth: str = BREADTH, rows: Sequence[object] | None = None
) -> Workspace:
    target = make_target(tmp_path, FORGE.replace(BREADTH, breadth))
    if rows is not None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (target / "dataset" / "breadth.jsonl").write_text(text)
    return Workspace(tmp_path)


def spec_of(workspace: Workspace, *overrides: str) -> EvalSpec:
    plan = draft(workspace, workspace.target_path("tiny"), overrides).plan
    return EvalSpec.model_validate(plan.stage("eval-candidate").spec)


def test_the_header_of_a_file_names_scorer_and_direction(tmp_path: Path) -> None:
    rows = [
        {"suite": {"scorer": "numeric", "direction": "lower", "options": {"tolerance": 1}}},
        {"question": "How many?", "ideal": 4},
    ]
    workspace = place(tmp_path, "- {name: breadth, file: dataset/breadth.jsonl}", rows)
    breadth = spec_of(workspace).suites[1]
    assert (breadth.scorer, breadth.direction) == ("numeric", "lower")


def test_without_any_scorer_it_is_json_cmd(tmp_path: Path) -> None:
    rows = [{"prompt": "go", "completion": {"cmd": "go"}}]
    workspace = place(tmp_path, "- {name: breadth, file: dataset/breadth.jsonl}", rows)
    assert spec_of(workspace).suites[1].scorer == "json_cmd"


def test_what_a_target_says_of_a_suite_reaches_the_worker(tmp_path: Path) -> None:
    line = BREADTH.replace("scorer: exact", "scorer: exact, exact: true, server: true")
    spec = spec_of(place(tmp_path, line), "factory.eval.latency_rows=7")
    assert [(suite.exact, suite.server) for suite in spec.suites] == [(False, None), (True, True)]
    assert [spec.latency_rows_of(suite) for suite in spec.suites] == [7, 0]


def test_a_target_and_its_file_must_agree(tmp_path: Path) -> None:
    rows = [{"suite": {"scorer": "contains"}}, {"question": "?", "ideal": "x"}]
    workspace = place(tmp_path, rows=rows)
    with pytest.raises(TargetError, match="says the scorer contains, the target says exact"):
        draft(workspace, workspace.target_path("tiny"))


def test_a_scorer_of_the_target_must_be_there(tmp_path: Path) -> None:
    workspace = place(tmp_path, BREADTH.replace("scorer: exact", "scorer: custom"))
    target = workspace.target_path("tiny")
    with pytest.raises(TargetError, match=r"breadth is scored by scorer\.py"):
        draft(workspace, target)
    (target / "scorer.py").write_text("def score(expected, actual):\n    return True\n")
    draft(workspace, target)


def test_a_suite_outside_the_target_is_refused(tmp_path: Path) -> None:
    workspace = place(tmp_path, "- {name: breadth, file: ../../elsewhere.jsonl, scorer: exact}")
    (tmp_path / "elsewhere.jsonl").write_text('{"question": "?", "ideal": "x"}\n')
    with pytest.raises(TargetError, match="is outside the target"):
        draft(workspace, workspace.target_path("tiny"))


def test_every_bad_row_of_every_suite_is_said_at_once(tmp_path: Path) -> None:
    workspace = place(tmp_path, rows=[{"question": "?"}, {"question": "?", "ideal": ""}])
    target = workspace.target_path("tiny")
    (target / "dataset" / "gold.jsonl").write_text("not json\n")
    with pytest.raises(TargetError) as caught:
        draft(workspace, target)
    text = str(caught.value)
    assert "gold.jsonl:1: is not JSON" in text
    assert 'breadth.jsonl:1: has no "ideal"' in text and "breadth.jsonl:2: ideal" in text


def test_passes_need_a_temperature(tmp_path: Path) -> None:
    workspace = place(tmp_path)
    target = workspace.target_path("tiny")
    with pytest.raises(TargetError) as caught:
        draft(workspace, target, ["factory.eval.passes=3"])
    assert "stage eval-baseline (factory.eval): 3 passes at temperature 0 would all give" in str(
        caught.value
    )
    drafted = draft(workspace, target, ["factory.eval.passes=3", "factory.eval.temperature=0.7"])
    assert drafted.config.eval.passes == 3
    assert drafted.plan.stage("eval-baseline").spec["passes"] == 3
    with pytest.raises(TargetError, match="passes: Input should be"):
        draft(workspace, target, ["factory.eval.passes=many"])
