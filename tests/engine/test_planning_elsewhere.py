"""What a plan says of suites that others answer or judge: a harness, a server, a teacher."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.evaluating import harness
from engine.plans.planning import create, draft
from engine.records.ceiling import Ceilings
from engine.records.run import RunConfig
from engine.target import TargetError
from engine.workspace import Workspace
from tests.engine.targets import FORGE, make_target

LM_EVAL = "    lm_eval:\n      - {name: common, tasks: [arc_easy, hellaswag], limit: 50}\n  gates"
JUDGE = {"model": "big", "url": "https://teacher.example/v1", "key_variable": "A_TEACHER_KEY"}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    make_target(tmp_path)
    return Workspace(tmp_path)


def target(place: Workspace) -> Path:
    return place.target_path("tiny")


def with_forge(place: Workspace, old: str, new: str) -> None:
    assert old in FORGE
    (target(place) / "forge.yaml").write_text(FORGE.replace(old, new))


def eval_spec(place: Workspace, which: str = "baseline", **options: Any) -> dict[str, Any]:
    return draft(place, target(place), **options).plan.stage(f"eval-{which}").spec


# --- the harness ------------------------------------------------------------------------


def test_without_the_harness_the_plan_is_refused(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "find_spec", lambda name: None)
    draft(place, target(place))
    with_forge(place, "  gates", LM_EVAL)
    with pytest.raises(TargetError) as caught:
        draft(place, target(place))
    assert "factory.suites.lm_eval: lm-eval is not installed" in str(caught.value)
    assert "pip install 'factory-tui[lm-eval]'" in str(caught.value)


def test_with_it_both_sides_measure_its_tasks(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.plans.plan_check.harness_version", lambda: "0.4.13")
    with_forge(place, "  gates", LM_EVAL)
    drafted = draft(place, target(place))
    for which in ("baseline", "candidate"):
        stage = drafted.plan.stage(f"eval-{which}")
        assert stage.spec["harness"] == [
            {
                "name": "common",
                "tasks": ["arc_easy", "hellaswag"],
                "metric": "acc,none",
                "direction": "higher",
                "limit": 50,
                "record": f"eval-regression-{which}-2.json",
            }
        ]
        assert f"eval-regression-{which}-2.json" in stage.outputs
    assert drafted.config.eval.regression == "breadth, common"


def test_further_seeds_do_not_ask_the_harness_again(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.plans.plan_check.harness_version", lambda: "0.4.13")
    with_forge(place, "  gates", LM_EVAL)
    seeds = [
        stage
        for stage in draft(place, target(place), ["factory.seeds=2"]).plan.stages
        if stage.name.startswith("eval-seed")
    ]
    assert len(seeds) == 1
    assert "harness" not in seeds[0].spec


def test_a_name_that_two_suites_have_is_named(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.plans.plan_check.harness_version", lambda: "0.4.13")
    with_forge(place, "  gates", LM_EVAL.replace("common", "breadth"))
    with pytest.raises(TargetError, match="2 suites are called breadth"):
        draft(place, target(place))


# --- a teacher ----------------------------------------------------------------------------


def judged(place: Workspace, **judge: Any) -> None:
    with_forge(place, "file: dataset/breadth.jsonl, scorer: exact", "file: dataset/probes.jsonl")
    header = {"suite": {"scorer": "judge", "judge": JUDGE | judge}}
    rows = [header, {"question": "Why?", "ideal": "Because."}]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (target(place) / "dataset" / "probes.jsonl").write_text(text)


def test_where_a_judge_is_asked_is_said_before_the_run(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TEACHER_KEY", "sk-very-secret")
    judged(place)
    drafted = draft(place, target(place))
    (said,) = drafted.sends
    assert said.startswith("breadth: Each question, its ideal answer and the model's answer are")
    assert "https://teacher.example/v1" in said
    folder = create(place, drafted)
    written = [path for path in folder.path.rglob("*") if path.is_file()]
    assert [path for path in written if b"sk-very-secret" in path.read_bytes()] == []


def test_a_judge_that_cannot_be_asked_is_refused(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("A_TEACHER_KEY", raising=False)
    judged(place)
    with pytest.raises(TargetError, match=r"breadth cannot be judged.*A_TEACHER_KEY is not set"):
        draft(place, target(place))
    monkeypatch.setenv("A_TEACHER_KEY", "k")
    judged(place, url="http://teacher.example/v1")
    with pytest.raises(TargetError, match="not sent over plain http"):
        draft(place, target(place))


# --- ceilings -----------------------------------------------------------------------------


def test_a_run_keeps_the_ceilings_that_there_are(place: Workspace) -> None:
    without = create(place, draft(place, target(place)))
    assert not without.file("ceilings.json").exists()
    ceiling = {
        "suite": "tiny-gold",
        "suite_sha256": without.read("config.json", RunConfig).eval.suites["tiny-gold"],
        "model": "big",
        "command": "factory-tui ceiling tiny --url https://big.example/v1 --model big",
        "date": "2026-11-20T00:00:00Z",
        "score": 0.98,
        "n": 5,
    }
    file = target(place) / "ceilings.json"
    file.write_text(json.dumps({"ceilings": [ceiling]}))
    folder = create(place, draft(place, target(place)))
    assert [one.score for one in folder.read("ceilings.json", Ceilings).ceilings] == [0.98]
    file.write_text('{"ceilings": [{}')
    with pytest.raises(TargetError, match=r"tiny/ceilings.json: is cut off .* Correct it"):
        draft(place, target(place))


# --- tools --------------------------------------------------------------------------------


def test_whether_a_server_answers_is_the_targets_to_say(place: Workspace) -> None:
    assert all("server" not in one for one in eval_spec(place)["suites"])
    with_forge(place, "scorer: exact}", "scorer: exact, server: true}")
    assert [one.get("server") for one in eval_spec(place)["suites"]] == [None, True]
