"""Models on this disk: local directories, bases made here and the hub's cache. Loads nothing."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.weights import count_parameters

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


class ModelError(Exception):
    """A model that is not there or is no model; the text says what to do."""


Origin = Literal["hub", "directory", "made here"]
"""Where a model came from: the hub's cache, a directory that was named, or a pretrain stage."""

MODELS_DIR = "models"
"""Models that belong to a workspace, a directory each."""


@dataclass(frozen=True)
class ModelOnDisk:
    """A model directory: ``config.json`` and weights. ``size`` in bytes, ``context`` in tokens.

    ``id`` is what ``model.base`` takes. None is "its files do not say".
    """

    id: str
    path: Path
    size: int
    architecture: str | None = None
    quantisation: str | None = None
    parameters: int | None = None
    context: int | None = None
    layers: int | None = None
    origin: Origin = "directory"
    has_tokenizer: bool = False


def hub_cache() -> Path:
    """Where the hub's client keeps what it downloaded (HF_HUB_CACHE, HF_HOME, or its default)."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache)
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return Path(home).expanduser() / "hub"


def cached_models() -> list[ModelOnDisk]:
    """The whole models in the hub's cache, by id; those whose files are broken are left out."""
    cache = hub_cache()
    if not cache.is_dir():
        return []
    found = []
    for folder in sorted(cache.glob("models--*--*")):
        model_id = folder.name.removeprefix("models--").replace("--", "/", 1)
        if (path := _newest_snapshot(folder)) is not None:
            found += _described(path, model_id, "hub")
    return found


def models_here(workspace: Path, bases_dir: Path) -> list[ModelOnDisk]:
    """The models of a workspace: directories below ``models/``, then bases that were made here.

    Each has the path as its id that ``model.base`` would take.
    """
    found: list[ModelOnDisk] = []
    for folder, origin in ((workspace / MODELS_DIR, "directory"), (bases_dir, "made here")):
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if not path.name.startswith("."):
                    found += _described(path, str(path), origin)  # type: ignore[arg-type]
    return found


def _described(path: Path, model_id: str, origin: Origin) -> list[ModelOnDisk]:
    try:
        return [describe(path, model_id, origin)]
    except (ModelError, OSError):
        return []


def describe(path: Path, model_id: str | None = None, origin: Origin = "directory") -> ModelOnDisk:
    """What config.json and the weight files of a model directory say; ModelError for no model."""
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is no model directory: it has no config.json.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path / 'config.json'} cannot be read ({error}).") from error
    weights = sorted(path.glob("*.safetensors"))
    if not weights or not isinstance(config, dict):
        raise ModelError(f"{path} holds no weights (*.safetensors).")
    architecture = config.get("model_type")
    return ModelOnDisk(
        id=model_id or path.name,
        path=path,
        size=sum(file.stat().st_size for file in weights),
        architecture=architecture if isinstance(architecture, str) else None,
        quantisation=_quantisation(config),
        parameters=count_parameters(weights, config),
        context=_whole(config, "max_position_embeddings"),
        layers=_whole(config, "num_hidden_layers"),
        origin=origin,
        has_tokenizer=any((path / name).is_file() for name in _TOKENIZERS),
    )


_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")


def _whole(config: dict[str, Any], key: str) -> int | None:
    """A number of config.json, also of the text part of a model that sees."""
    inner = config.get("text_config")
    for place in (config, inner if isinstance(inner, dict) else {}):
        value = place.get(key)
        if isinstance(value, int) and value > 0:
            return value
    return None


def _quantisation(config: dict[str, Any]) -> str | None:
    """ "4-bit", "4-bit mxfp4", "3 to 6-bit" where layers differ; else the type of the weights."""
    settings = config.get("quantization") or config.get("quantization_config")
    if isinstance(settings, dict) and isinstance(settings.get("bits"), int):
        own = [one.get("bits") for one in settings.values() if isinstance(one, dict)]
        bits = {settings["bits"], *(one for one in own if isinstance(one, int))}
        text = f"{min(bits)} to {max(bits)}-bit" if len(bits) > 1 else f"{bits.pop()}-bit"
        mode = settings.get("mode")
        return f"{text} {mode}" if isinstance(mode, str) and mode != "affine" else text
    dtype = config.get("torch_dtype") or config.get("dtype")
    return dtype if isinstance(dtype, str) else None


def _newest_snapshot(folder: Path) -> Path | None:
    """The newest downloaded revision of a hub model that has both config and weights."""
    snapshots = [
        path
        for path in (folder / "snapshots").glob("*")
        if (path / "config.json").exists() and any(path.glob("*.safetensors"))
    ]
    return max(snapshots, key=lambda path: path.stat().st_mtime, default=None)


def find_model(base: str, beside: Path) -> ModelOnDisk:
    """The model that ``model.base`` means: a directory (also relative to ``beside``) or a hub id.

    A hub id that is not on disk is looked up at the hub; ModelError when it cannot be fetched.
    """
    for path in (Path(base).expanduser(), beside / base):
        if path.is_dir():
            return describe(path.resolve(), base)
    if not _HUB_ID.fullmatch(base):
        raise ModelError(
            f"model.base: {base} is neither a directory (looked in {beside}) nor a hub id "
            "such as mlx-community/Qwen3-0.6B-4bit."
        )
    folder = hub_cache() / f"models--{base.replace('/', '--')}"
    if (snapshot := _newest_snapshot(folder)) is not None:
        return describe(snapshot, base, "hub")
    return ModelOnDisk(id=base, path=folder, size=_size_at_hub(base))


def model_on_disk(base: str, workspace: Path, beside: Path) -> ModelOnDisk | None:
    """The model that a stage's spec names, where it is whole on this disk; asks no hub.

    ``{workspace}`` is filled in; a relative path may be relative to ``beside``, the target.
    """
    name = base.replace("{workspace}", str(workspace))
    try:
        for path in (Path(name).expanduser(), beside / name):
            if path.is_dir():
                here = path.parent.name == "bases" and path.is_relative_to(workspace / ".factory")
                return describe(path.resolve(), base, "made here" if here else "directory")
        if _HUB_ID.fullmatch(base):
            folder = hub_cache() / f"models--{base.replace('/', '--')}"
            if (snapshot := _newest_snapshot(folder)) is not None:
                return describe(snapshot, base, "hub")
    except (ModelError, OSError):
        return None
    return None


def _size_at_hub(base: str) -> int:
    """Bytes of a model at the hub; ModelError says why it cannot be fetched."""
    advice = (
        f"model.base: {base} is not on this disk and cannot be fetched ({{}}). Check the name and "
        f"the connection, download it where there is one (hf download {base}), or name a directory."
    )
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise ModelError(advice.format("HF_HUB_OFFLINE is set"))
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        info = HfApi().model_info(base, files_metadata=True, timeout=10)
    except HfHubHTTPError as error:
        raise ModelError(advice.format(f"the hub says: {error.response.status_code}")) from error
    except Exception as error:  # the client's transport raises a family of its own
        raise ModelError(advice.format(type(error).__name__)) from error
    return sum(sibling.size or 0 for sibling in info.siblings or [])
