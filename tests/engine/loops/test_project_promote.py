"""promote: by the loop's own rule, or against it with a reason that stays in the record."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.engine.loops.project_kit import make_project, run
from tests.engine.loops.wheel import make_loop, make_wheel, turn


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target of a loop that kept two iterations, each better than the one before."""
    workspace = make_wheel(tmp_path_factory.mktemp("looped"))
    assert turn(make_loop(workspace, iterations=2)) == 0
    return workspace.path


@pytest.fixture
def target(looped: Path, tmp_path: Path) -> Path:
    """A copy of it, whose output is empty."""
    place = tmp_path / "place"
    shutil.copytree(looped, place)
    shutil.rmtree(place / "targets/counter/output")
    return place / "targets/counter"


def runs(target: Path) -> list[str]:
    """The runs of the loop, oldest first; not the one that opened gold."""
    found = [
        json.loads((path / "config.json").read_text())
        for path in sorted((target.parent.parent / "runs").iterdir())
    ]
    return [one["run_id"] for one in found if not one["eval"].get("opens")]


def best(target: Path) -> Any:
    return json.loads((target / "output/best_score.json").read_text())


def test_the_newest_undecided_run_is_promoted(target: Path) -> None:
    first, second = runs(target)
    done = run("promote", target, "--json")
    assert done.code == 0, done.err
    assert done.json["run"] == second and done.json["judged_on"] == "dev"
    adapter = target / done.json["adapter"]
    assert (adapter / "adapters.safetensors").read_bytes() == b"weights"
    assert json.loads((adapter / "metadata.json").read_text())["run"] == second
    found = best(target)
    assert found["accuracy"] == round(done.json["accuracy"], 4) and found["iteration"] == 2
    assert found["adapter_dir"] == done.json["adapter"] and found["correct"] < found["total"]
    assert run("status", target, "--json").json["best"]["run"] == second
    again = run("promote", target)
    assert again.code == 1 and "is the best already" in again.err
    assert first != second


def test_what_is_worse_needs_a_reason(target: Path) -> None:
    first, second = runs(target)
    assert run("promote", target, second).code == 0
    refused = run("promote", target, first)
    assert refused.code == 1 and f"Held against {second}" in refused.err
    assert "--force" in refused.err and best(target)["run"] == second
    assert run("promote", target, first, "--force", " ").code == 2
    forced = run("promote", target, first, "--force", "smaller answers", "--json")
    assert forced.code == 0 and forced.json["forced"] == "smaller answers"
    assert best(target)["forced"] == "smaller answers" and best(target)["delta"] < 0
    assert "promoted by force: smaller answers" in run("status", target).out
    # From worse to better the rule is for it, and each keeps its own folder.
    back = run("promote", target, second, "--force", "not needed", "--json")
    assert back.code == 0 and back.json["forced"] is None and "forced" not in best(target)


def test_runs_of_others_and_of_nobody(target: Path) -> None:
    other = run("promote", target, "2020-01-01-nope")
    assert other.code == 1 and "No run 2020-01-01-nope" in other.err
    (first, _) = runs(target)
    shutil.rmtree(target.parent.parent / "runs" / first / "adapters")
    assert "has no adapter" in run("promote", target, first).err


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """What another tool trained and evaluated."""
    target = make_project(tmp_path)
    adapter = target / "output/adapter"
    adapter.mkdir(parents=True)
    (adapter / "adapter_model.safetensors").write_bytes(b"w")
    (adapter / "adapter_config.json").write_text("{}")
    return target


def evaluated(target: Path, accuracy: float, age_s: float = -10) -> None:
    file = target / "output/eval_results.json"
    file.write_text(json.dumps({"accuracy": accuracy, "correct": 9, "total": 10}))
    stamp = (target / "output/adapter/adapter_config.json").stat().st_mtime - age_s
    os.utime(file, (stamp, stamp))


def test_an_adapter_of_another_tool(theirs: Path) -> None:
    unknown = run("promote", theirs)
    assert unknown.code == 1 and "was not evaluated since it was trained" in unknown.err
    evaluated(theirs, 0.9, age_s=60)
    assert "was not evaluated since" in run("promote", theirs).err
    evaluated(theirs, 0.9)
    done = run("promote", theirs, "--json")
    assert done.code == 0, done.err
    assert done.json["adapter"] == "output/best_adapter_0_9000" and done.json["accuracy"] == 0.9
    copied = theirs / "output/best_adapter_0_9000"
    assert (copied / "adapter_model.safetensors").read_bytes() == b"w"


def test_two_scores_without_answers_cannot_be_told_apart(theirs: Path) -> None:
    evaluated(theirs, 0.9)
    file = theirs / "output/best_score.json"
    file.write_text(
        '{"accuracy": 0.8, "iteration": 3, "adapter_dir": "output/best_adapter_0_8000"}'
    )
    refused = run("promote", theirs)
    assert refused.code == 1 and "more than noise" in refused.err
    assert json.loads(file.read_text())["accuracy"] == 0.8
    assert run("promote", theirs, "--force", "looked at them").code == 0
    assert json.loads(file.read_text())["delta"] == 0.1


def test_there_is_nothing_to_promote(tmp_path: Path) -> None:
    done = run("promote", make_project(tmp_path))
    assert done.code == 1 and "no adapter in output/adapter" in done.err
