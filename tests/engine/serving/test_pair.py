"""Which two models a run means, and the sentence where one is not to be had."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.models import describe
from engine.records.base import utc_now
from engine.records.serving import ServerPhase, ServerRecord
from engine.serving.pair import Pair, free_name, pair_of, serves
from engine.serving.store import FoundServer
from engine.workspace import Workspace

RUN = "2026-11-20-drone"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    place = Workspace(tmp_path / "workspace")
    (place.runs_dir / RUN).mkdir(parents=True)
    (place.targets_dir / "drone").mkdir(parents=True)
    (place.targets_dir / "drone" / "forge.yaml").write_text("name: drone\n")
    return place


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "qwen3"}')
    (folder / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    return folder


def adapter(place: Workspace) -> Path:
    path = place.runs_dir / RUN / "adapters"
    path.mkdir()
    for name in ("adapters.safetensors", "adapter_config.json"):
        (path / name).write_text("{}")
    return path


def plan(place: Workspace, model: str) -> None:
    stages = [
        {"name": "data", "kind": "data", "argv": ["x"], "spec": {}},
        {"name": "eval-baseline", "kind": "eval", "argv": ["x"], "spec": {"model": model}},
    ]
    value = {
        "run_id": RUN,
        "target_dir": "targets/drone",
        "created": utc_now().isoformat(),
        "stages": stages,
    }
    (place.runs_dir / RUN / "plan.json").write_text(json.dumps(value))


def config(place: Workspace, base: str) -> None:
    value = {
        "run_id": RUN,
        "target": "drone",
        "owner_goal": "fly",
        "base_model": {"id": base},
        "candidate": {"method": "lora"},
        "eval": {"primary": "gold", "threshold": {"primary_min": 0.9}},
    }
    (place.runs_dir / RUN / "config.json").write_text(json.dumps(value))


def test_a_run_with_a_plan(place: Workspace) -> None:
    base = model(place.bases_dir / "abc")
    plan(place, "{workspace}/.factory/cache/bases/abc")
    path = adapter(place)
    pair = pair_of(place, RUN)
    assert pair.base is not None and pair.base.path == base.resolve()
    assert (pair.adapter, pair.why_no_base, pair.why_no_candidate) == (path, "", "")
    assert pair.target is not None and pair.target.name == "drone"


def test_a_run_of_another_tool_names_its_base_in_its_config(place: Workspace) -> None:
    base = model(place.path / "models" / "tiny")
    config(place, str(base))
    pair = pair_of(place, RUN)
    assert pair.base is not None and pair.base.path == base.resolve()
    assert pair.why_no_candidate == (
        "This run has no adapter here: adapters/adapters.safetensors is missing."
    )


def test_what_is_missing_is_said_with_the_way_to_get_it(place: Workspace) -> None:
    adapter(place)
    plan(place, "{workspace}/.factory/cache/bases/abc")
    config(place, "drone/base")
    assert "made again by the pretrain stage" in pair_of(place, RUN).why_no_base
    plan(place, "mlx-community/some-model")
    config(place, "mlx-community/some-model")
    pair = pair_of(place, RUN)
    assert "hf download mlx-community/some-model" in pair.why_no_base
    assert pair.why_no_candidate == pair.why_no_base, "an adapter alone answers nothing"
    shutil.rmtree(place.targets_dir)
    assert "forge.yaml" in pair_of(place, RUN).why_no_target


def test_broken_records_and_no_records(place: Workspace) -> None:
    nothing = pair_of(place, RUN)
    assert nothing.why_no_base == "Which base model it started from is not recorded."
    assert nothing.why_no_target == "Which target it belongs to is not recorded."
    (place.runs_dir / RUN / "plan.json").write_text("{half")
    (place.runs_dir / RUN / "config.json").write_text("[]")
    assert pair_of(place, RUN) == nothing
    assert "not a run id" in pair_of(place, "../x").why_no_base
    assert isinstance(pair_of(place, "none"), Pair)


def test_a_server_is_known_by_what_it_serves(place: Workspace) -> None:
    base = describe(model(place.path / "models" / "tiny").resolve(), "tiny")
    path = adapter(place)

    def found(name: str, given: Path | None, alive: bool = True) -> FoundServer:
        record = ServerRecord(
            name=name,
            phase=ServerPhase.READY,
            model=str(base.path),
            model_id="tiny",
            adapter=str(given.resolve()) if given else None,
            port=8080,
            started=utc_now(),
        )
        return FoundServer(record, place.path, alive)

    servers = [found("base", None), found("candidate", path), found("base-2", None, alive=False)]
    assert [serves(one, base, None) for one in servers] == [True, False, True]
    assert [serves(one, base, path) for one in servers] == [False, True, False]
    assert free_name("base", servers) == "base-2"
    assert free_name("other", servers) == "other"
