from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import pytest

from engine.folder import FolderError
from engine.work.checkpoints import (
    ACCUMULATED_FILE,
    Checkpoints,
    TrainState,
    load_arrays,
    read_state,
    write_adapter,
)

WEIGHTS = {"layers.0.lora_a": mx.ones((2, 3))}
OPTIMIZER = {"step": mx.array(4, dtype=mx.uint64), "m": mx.zeros((2, 3))}


def state(step: int) -> TrainState:
    return TrainState(step=step, random_state=[1, 2], settings_sha256="a")


def save(checkpoints: Checkpoints, *steps: int) -> None:
    for step in steps:
        checkpoints.save(state(step), WEIGHTS, OPTIMIZER, None)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(state(12), WEIGHTS, OPTIMIZER, {"g": mx.ones((1,))})
    assert path.name == "0000012"
    found = checkpoints.newest_whole(pytest.fail)
    assert found is not None
    assert found[0] == path
    assert found[1].step == 12
    assert set(found[1].files) == {
        "adapters.safetensors",
        "optimizer.safetensors",
        ACCUMULATED_FILE,
    }
    optimizer = load_arrays(path / "optimizer.safetensors")
    assert optimizer["step"].dtype == mx.uint64
    assert mx.array_equal(
        load_arrays(path / "adapters.safetensors")["layers.0.lora_a"], mx.ones((2, 3))
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "optimizer.safetensors").write_bytes(b"x"),
        lambda path: (path / "adapters.safetensors").unlink(),
        lambda path: (path / "state.json").write_text("{"),
        lambda path: (path / "state.json").write_text('{"step": 2}'),
        lambda path: (path / "state.json").unlink(),
    ],
)
def test_a_broken_one_is_skipped_with_a_sentence(tmp_path: Path, damage: object) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, 2)
    assert callable(damage)
    damage(checkpoints.path(2))
    said: list[str] = []
    found = checkpoints.newest_whole(said.append)
    assert found is not None
    assert found[1].step == 1
    assert len(said) == 1
    assert said[0].startswith("The checkpoint of step 2 is broken (")


def test_nothing_whole_is_none(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest_whole(pytest.fail) is None
    save(checkpoints, 3)
    (checkpoints.path(3) / "state.json").unlink()
    said: list[str] = []
    assert checkpoints.newest_whole(said.append) is None
    assert len(said) == 1


def test_pruning_keeps_the_newest_and_removes_what_a_crash_left(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 5, 100, 20)
    (checkpoints.directory / ".tmp-0000200-1").mkdir()
    checkpoints.prune(2)
    assert checkpoints.steps() == [20, 100]
    assert sorted(path.name for path in checkpoints.directory.iterdir()) == ["0000020", "0000100"]


def test_the_same_step_again_replaces_it(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 7, 7)
    assert checkpoints.steps() == [7]
    assert len(list(checkpoints.directory.iterdir())) == 1


def test_checkpoints_of_an_earlier_start_are_set_aside(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.set_aside() is None
    for number in (1, 2):
        save(checkpoints, 7)
        aside = checkpoints.set_aside()
        assert aside is not None
        assert aside.name == f"checkpoints-old-{number}"
        assert checkpoints.steps() == []


def test_an_adapter_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "adapters" / "adapters.safetensors"
    write_adapter(path, WEIGHTS)
    write_adapter(path, {"w": mx.zeros((1,))})
    assert list(load_arrays(path)) == ["w"]
    assert [item.name for item in path.parent.iterdir()] == ["adapters.safetensors"]


def test_no_safetensors_is_a_folder_error(tmp_path: Path) -> None:
    path = tmp_path / "adapters.safetensors"
    path.write_bytes(b"not that")
    with pytest.raises(FolderError, match="cannot be read"):
        load_arrays(path)
    with pytest.raises(FolderError, match="is missing"):
        read_state(tmp_path)
