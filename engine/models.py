"""Models on this disk: local directories and the hub's cache. Imports no MLX; loads nothing."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


class ModelError(Exception):
    """A model that is not there or is no model; the text says what to do."""


@dataclass(frozen=True)
class ModelOnDisk:
    """A model directory: ``config.json`` and weights. Sizes in bytes."""

    id: str
    path: Path
    size: int
    architecture: str | None = None
    quantisation: str | None = None


def hub_cache() -> Path:
    """Where the hub's client keeps what it downloaded (HF_HUB_CACHE, HF_HOME, or its default)."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache)
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return Path(home).expanduser() / "hub"


def cached_models() -> list[ModelOnDisk]:
    """The whole models in the hub's cache, by id."""
    cache = hub_cache()
    if not cache.is_dir():
        return []
    found = []
    for folder in sorted(cache.glob("models--*--*")):
        model_id = folder.name.removeprefix("models--").replace("--", "/", 1)
        if (path := _newest_snapshot(folder)) is not None:
            found.append(describe(path, model_id))
    return found


def describe(path: Path, model_id: str | None = None) -> ModelOnDisk:
    """What config.json and the weight files of a model directory say; ModelError for no model."""
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is no model directory: it has no config.json.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path / 'config.json'} cannot be read ({error}).") from error
    weights = list(path.glob("*.safetensors"))
    if not weights or not isinstance(config, dict):
        raise ModelError(f"{path} holds no weights (*.safetensors).")
    return ModelOnDisk(
        id=model_id or path.name,
        path=path,
        size=sum(file.stat().st_size for file in weights),
        architecture=config.get("model_type"),
        quantisation=_quantisation(config),
    )


def _quantisation(config: dict[str, Any]) -> str | None:
    quantisation = config.get("quantization") or config.get("quantization_config")
    if isinstance(quantisation, dict) and "bits" in quantisation:
        return f"{quantisation['bits']}-bit"
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
        return describe(snapshot, base)
    return ModelOnDisk(id=base, path=folder, size=_size_at_hub(base))


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
