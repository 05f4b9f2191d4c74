"""From what a spec calls a model to a directory on disk, and to a loaded model."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from engine.private import rights_of_the_user
from engine.work.own_code import TOKENIZER, refuse_own_code
from engine.work.runtime import Refusal, Stopped, WorkerContext

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
NEEDED = ("*.json", "*.safetensors", "*.model", "*.tiktoken", "*.txt", "*.jsonl", "*.jinja")
"""The files of a hub model that are fetched: what mlx-lm loads, and no program."""

NOT_LOADED = (ValueError, KeyError, FileNotFoundError, TypeError, AttributeError)
"""What mlx-lm raises for a model that it cannot load."""


def resolve(ctx: WorkerContext, model: str, revision: str | None = None) -> Path:
    """The directory of ``model``: a path, or a hub id that is cached here or can be fetched.

    Refusal says which model, why not, and what to do.
    """
    expanded = ctx.expand(model)
    for path in (Path(expanded).expanduser(), ctx.path(expanded), ctx.target_path(expanded)):
        if path.is_dir():
            return _whole(path, model)
    if not HUB_ID.fullmatch(model):
        raise Refusal(
            f"There is no model directory {model}. Name a directory that holds config.json and "
            "*.safetensors, or a hub id such as mlx-community/Qwen3-0.6B-4bit."
        )
    return _cached(model, revision) or _fetch(ctx, model, revision)


def _whole(path: Path, model: str) -> Path:
    if not (path / "config.json").is_file():
        raise Refusal(f"{model} is no model directory: it has no config.json.")
    if not any(path.glob("*.safetensors")):
        raise Refusal(f"{model} holds no weights (*.safetensors).")
    return path


def _cached(model: str, revision: str | None) -> Path | None:
    """The snapshot in the local hub cache, when it has both config and weights."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(model, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError):
        return None
    whole = (path / "config.json").is_file() and any(path.glob("*.safetensors"))
    return path if whole else None


def _fetch(ctx: WorkerContext, model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    ctx.message("fetch", f"Fetching {model} from the hub.")
    try:
        # The hub's cache is shared by more programs, and on some machines by more people.
        with ctx.interruptible(), rights_of_the_user():
            path = snapshot_download(model, revision=revision, allow_patterns=list(NEEDED))
    except Stopped:
        raise
    except Exception as error:  # the client's transport raises a family of its own
        offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
        why = "HF_HUB_OFFLINE is set" if offline else _reason(error)
        raise Refusal(
            f"{model} is not on this disk and cannot be fetched ({why}). Check the name and the "
            f"connection, download it where there is one (hf download {model}), or name a "
            "directory."
        ) from error
    return _whole(Path(path), model)


def _reason(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def load(
    ctx: WorkerContext, path: Path, name: str, adapter: Path | None = None
) -> tuple[Any, Any, dict[str, Any]]:
    """Model, tokenizer and config from a directory, with an adapter where one is given.

    Refusal when mlx-lm cannot load it. ``engine.work.blas.prepare`` must have run before.
    """
    with ctx.interruptible():
        return load_whole(path, name, adapter)


def load_alone(ctx: WorkerContext, path: Path, name: str) -> Any:
    """A model without its tokenizer, as ``load`` would load it."""
    import mlx_lm.utils

    refuse_own_code(path, name)
    with ctx.interruptible():
        try:
            model, _ = mlx_lm.utils.load_model(path)
        except NOT_LOADED as error:
            raise Refusal(f"mlx-lm cannot load {name} ({_reason(error)}).") from error
    return model


def load_whole(
    path: Path, name: str, adapter: Path | None = None
) -> tuple[Any, Any, dict[str, Any]]:
    """As ``load``, for a program that is no stage."""
    import mlx_lm.utils

    if adapter is not None:
        for file in ("adapter_config.json", "adapters.safetensors"):
            if not (adapter / file).is_file():
                raise Refusal(
                    f"The adapter has no {file}: a train stage writes {adapter.name}/ in the run "
                    "folder. A command of your own does with --adapter-path {run}/adapters."
                )
    refuse_own_code(path, name)
    try:
        model, tokenizer, config = mlx_lm.utils.load(
            str(path),
            tokenizer_config=TOKENIZER,
            adapter_path=str(adapter) if adapter else None,
            return_config=True,
        )
    except NOT_LOADED as error:
        what = f"{name} with adapter {adapter.name}" if adapter else name
        raise Refusal(f"mlx-lm cannot load {what} ({_reason(error)}).") from error
    return model, tokenizer, config
