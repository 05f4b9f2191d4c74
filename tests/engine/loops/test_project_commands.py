"""init and status: a target is made, and says where it stands; also one of another tool's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.loops.project_kit import chat, make_project, run, write
from tests.engine.loops.wheel import make_loop, make_wheel


def test_init_makes_a_target_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    done = run("init", "router", "--json")
    assert done.code == 0
    assert done.json["path"] == str(tmp_path / "targets/router")
    assert "forge.yaml" in done.json["made"]
    again = run("init", "router", "--json").json
    assert again["made"] == [] and "forge.yaml" in again["kept"]
    assert run("status", "router").code == 0


def test_init_without_a_workspace_and_from_an_older_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    old = tmp_path / "old"
    write(old / "dataset/gold.jsonl", [chat("a"), chat("b")])
    (old / ".env").write_text("HF_TOKEN=x")
    done = run("init", "router", "--from", "old", "--json").json
    assert done["path"] == str(tmp_path / "router") and done["copied"] == ["dataset/gold.jsonl"]
    assert not (tmp_path / "router/.env").exists()
    refused = run("init", "../evil")
    assert refused.code == 3 and "is no name for a target" in refused.err


def test_status_without_a_target_looks_upward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make_project(tmp_path)
    monkeypatch.chdir(target / "dataset")
    found = run("status", "--json").json
    assert found["path"] == str(target)
    assert found["rows"] == {"gold": 1, "dev": None, "seed": 1, "canonical": 2}
    assert found["origins"] == {"by hand": 2}
    assert found["best"] is None and found["gold_score"] is None
    monkeypatch.chdir(tmp_path)
    lost = run("status")
    assert lost.code == 3 and "No forge.yaml" in lost.err
    twice = run("status", "router", "-p", str(target))
    assert twice.code == 2


BEST_BY_LOOP = {
    "accuracy": 0.873,
    "iteration": 4,
    "timestamp": "2025-01-15T14:23:01Z",
    "adapter_dir": "output/best_adapter_0_8730",
}
BEST_BY_PROMOTE = {
    "iteration": 4,
    "accuracy": 0.873,
    "correct": 131,
    "total": 150,
    "safety_violations": 1,
    "snapshot": "best_adapter_iter4_20250115",
    "timestamp": "2025-01-15T14:23:01.123456",
    "eval_timestamp": "2025-01-15T14:00:00",
    "delta": 0.02,
}


@pytest.mark.parametrize("best", [BEST_BY_LOOP, BEST_BY_PROMOTE])
def test_status_of_a_folder_that_another_tool_filled(tmp_path: Path, best: dict[str, str]) -> None:
    output = tmp_path / "theirs/output"
    folder = "best_adapter_0_8730" if best is BEST_BY_LOOP else "best_adapter_iter4_20250115"
    (output / folder).mkdir(parents=True)
    (output / "best_score.json").write_text(json.dumps(best))
    (output / "failures_20250115_142301.json").write_text('{"failures": [{"category": "nav"}]}')
    experiment = {"iteration": 4, "accuracy": 0.873, "outcome": "improvement", "hypothesis": "h"}
    (output / "experiments.jsonl").write_text(json.dumps(experiment) + '\n{"iterat')
    (output / "flywheel_heartbeat.json").write_text(
        '{"iteration": 5, "status": "running", "timestamp": "2025-01-15T14:23:01Z"}'
    )
    found = run("status", output.parent, "--json").json
    assert found["best"]["accuracy"] == 0.873
    assert found["best"]["adapter"] == f"output/{folder}"
    assert found["best"]["when"].startswith("2025-01-15")
    assert found["tries"] == 1 and found["last"]["hypothesis"] == "h"
    assert "most likely dead" in found["beat_stale"]
    shown = run("status", output.parent)
    assert shown.code == 0 and "0.873" in shown.out and "There is no forge.yaml" in shown.err


def test_status_of_files_that_are_nonsense(tmp_path: Path) -> None:
    target = make_project(tmp_path)
    output = target / "output"
    output.mkdir()
    (output / "best_score.json").write_text(
        '{"accuracy": "high", "iteration": -1, "adapter_dir": 3}'
    )
    (output / "flywheel_heartbeat.json").write_text("[")
    (output / "experiments.jsonl").write_bytes(b"\xff\x00\n7\n")
    (target / "forge.yaml").write_text("training: {batch_size: -1}\n")
    done = run("status", target)
    assert done.code == 0 and "best       not recorded" in done.out
    assert "training.batch_size" in done.err


def test_the_heartbeat_of_a_loop_whose_runner_is_gone(tmp_path: Path) -> None:
    workspace = make_wheel(tmp_path)
    folder = make_loop(workspace)

    status = json.loads((folder.path / "loop-status.json").read_text())
    status |= {"phase": "running", "iteration": 2, "step": "train", "best_score": 0.5}
    status["runner"] = {"pid": 2**22 - 3, "started": 1.0}
    (folder.path / "loop-status.json").write_text(json.dumps(status))
    output = workspace.target_path("counter") / "output"
    output.mkdir()
    (output / "flywheel_heartbeat.json").write_text('{"iteration": 2, "status": "running"}')
    found = run("status", "counter", "-w", tmp_path, "--json").json
    assert found["loops"][0]["state"] == "dead" and found["loops"][0]["best"] == 0.5
    assert f"the runner of {folder.loop_id} is gone" in found["beat_stale"]
