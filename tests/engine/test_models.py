"""Models on this disk, from the headers of their files."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from engine.models import ModelError, cached_models, describe, model_on_disk, models_here
from engine.weights import HeaderError, count_parameters, model_hash, read_header
from tui.views.draft_view import model_head, model_row, parameters


def put_weights(file: Path, tensors: dict[str, tuple[str, list[int]]], size: int = 64) -> None:
    """A safetensors file whose header says what it is told, and whose data is short."""
    header: dict[str, Any] = {"__metadata__": {"format": "mlx"}}
    for name, (dtype, shape) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [0, 0]}
    raw = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(raw)) + raw + b"\0" * size)


def put_model(folder: Path, config: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True)
    settings = {
        "model_type": "qwen3",
        "num_hidden_layers": 28,
        "max_position_embeddings": 40960,
        "quantization": {"bits": 4, "group_size": 64, "model.embed": {"bits": 8}},
    }
    (folder / "config.json").write_text(json.dumps(config or settings))
    put_weights(
        folder / "model-1.safetensors",
        {
            "model.mlp.weight": ("U32", [1024, 128]),
            "model.mlp.scales": ("BF16", [1024, 16]),
            "model.mlp.biases": ("BF16", [1024, 16]),
            "model.mlp.bias": ("BF16", [1024]),
        },
    )
    put_weights(
        folder / "model-2.safetensors",
        {
            "model.embed.weight": ("U32", [1000, 64]),
            "model.embed.scales": ("BF16", [1000, 4]),
            "model.norm.weight": ("BF16", [1024]),
        },
    )
    return folder


def test_parameters_of_packed_weights_are_unpacked(tmp_path: Path) -> None:
    found = describe(put_model(tmp_path / "m"))
    # 4 bits: 8 to a word; 8 bits: 4 to a word; scales and biases of a quantisation are none.
    assert found.parameters == 1024 * 128 * 8 + 1024 + 1000 * 64 * 4 + 1024
    assert (found.quantisation, found.context, found.layers) == ("4 to 8-bit", 40960, 28)
    assert parameters(found.parameters) == "1.3M"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quantization": {"bits": 4, "mode": "mxfp4"}}, "4-bit mxfp4"),
        ({"quantization_config": {"bits": 8}}, "8-bit"),
        ({"torch_dtype": "bfloat16"}, "bfloat16"),
        ({"quantization": {"bits": "four"}}, None),
        ({"text_config": {"num_hidden_layers": 9, "max_position_embeddings": 77}}, None),
    ],
    ids=str,
)
def test_precision_is_said_as_the_files_say_it(
    tmp_path: Path, settings: dict[str, Any], words: str | None
) -> None:
    found = describe(put_model(tmp_path / "m", settings))
    assert found.quantisation == words
    if "text_config" in settings:
        assert (found.layers, found.context) == (9, 77)


def test_broken_weights_have_no_parameters_and_no_hash(tmp_path: Path) -> None:
    folder = put_model(tmp_path / "m")
    broken = folder / "model-1.safetensors"
    for data in (b"", b"\xff" * 30, struct.pack("<Q", 50) + b"{}", struct.pack("<Q", 2) + b"[]"):
        broken.write_bytes(data)
        with pytest.raises(HeaderError):
            read_header(broken)
        assert count_parameters([broken], {}) is None
        assert describe(folder).parameters is None
        with pytest.raises(HeaderError):
            model_hash(folder)


def test_the_hash_is_of_shapes_and_precision_not_of_values(tmp_path: Path) -> None:
    one, other = put_model(tmp_path / "one"), put_model(tmp_path / "other")
    put_weights(other / "model-2.safetensors", {"model.norm.weight": ("BF16", [1024])})
    assert model_hash(one) != model_hash(other)
    put_model(tmp_path / "same")
    assert model_hash(one) == model_hash(tmp_path / "same")
    (one / "config.json").write_text("{}")
    assert model_hash(one) != model_hash(tmp_path / "same")


def test_models_of_the_workspace_say_where_they_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bases = tmp_path / ".factory" / "cache" / "bases"
    put_model(tmp_path / "models" / "mine")
    put_model(bases / "abc")
    (bases / ".tmp-half").mkdir()
    (bases / "empty").mkdir()
    found = models_here(tmp_path, bases)
    assert [(one.path.name, one.origin) for one in found] == [
        ("mine", "directory"),
        ("abc", "made here"),
    ]
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    put_model(tmp_path / "hub" / "models--a--b" / "snapshots" / "1")
    broken = tmp_path / "hub" / "models--a--broken" / "snapshots" / "1"
    put_model(broken)
    (broken / "config.json").write_text("[")
    assert [(one.id, one.origin) for one in cached_models()] == [("a/b", "hub")]
    for name, origin in (
        ("{workspace}/.factory/cache/bases/abc", "made here"),
        ("a/b", "hub"),
        (str(tmp_path / "models" / "mine"), "directory"),
    ):
        model = model_on_disk(name, tmp_path, tmp_path)
        assert model is not None and model.origin == origin
    assert model_on_disk("nobody/nothing", tmp_path, tmp_path) is None
    with pytest.raises(ModelError):
        describe(tmp_path)


def test_a_model_as_a_row_is_as_wide_as_its_head(tmp_path: Path) -> None:
    model = describe(put_model(tmp_path / ("long-" * 20)))
    row = "".join(cell.text for cell in model_row(model, 30))
    assert len(row) == len("".join(cell.text for cell in model_head(30)))
    assert [parameters(n) for n in (None, 5, 426752, 596049920, 8.2e9, 32768)] == [  # type: ignore[arg-type]
        "·", "5", "427k", "596M", "8.2B", "33k",
    ]  # fmt: skip
