"""What the files of a model or an adapter are, by their hashes. Loads none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from engine.folder import sha256_file
from engine.models import ModelError, ModelOnDisk, describe, hub_cache
from engine.plain_file import read_plain
from engine.weights import HeaderError, model_hash

MAX_TEMPLATE = 2**22
TOKENIZERS = ("tokenizer.json", "tokenizer.model")
WEIGHT_FILES = {
    "adapter": ("adapters.safetensors", "adapter_config.json"),
    "model": ("*.safetensors", "config.json"),
}
"""What is hashed of an adapter, and of a whole model."""


def revision_of(base: ModelOnDisk, revision: str) -> ModelOnDisk | None:
    """The hub model at the very revision, None where that is not whole on this disk.

    A revision that is no commit (``main``) names what is there.
    """
    if base.path.name == revision or not _is_commit(revision):
        return base
    folder = hub_cache() / f"models--{base.id.replace('/', '--')}" / "snapshots" / revision
    try:
        return describe(folder, base.id, "hub")
    except (ModelError, OSError):
        return None


def _is_commit(text: str) -> bool:
    return len(text) == 40 and all(one in "0123456789abcdef" for one in text)


def headers_of(model: Path) -> str | None:
    """See ``LockedBase.headers_sha256``; None where the weights have no headers."""
    try:
        return model_hash(model)
    except HeaderError:
        return None


def tokenizer_of(model: Path) -> str | None:
    """SHA-256 of a model's tokenizer, None where it has none."""
    files = (model / name for name in TOKENIZERS)
    return next((sha256_file(file) for file in files if file.is_file()), None)


def template_of(model: Path) -> str | None:
    """SHA-256 of a model's chat template, None where it has none or none that can be read."""
    try:
        text = read_plain(model / "chat_template.jinja", MAX_TEMPLATE)
    except OSError:
        try:
            settings = json.loads(read_plain(model / "tokenizer_config.json", MAX_TEMPLATE))
        except (OSError, ValueError, RecursionError):
            return None
        found = settings.get("chat_template") if isinstance(settings, dict) else None
        if found is None:
            return None
        # Several named templates are a list.
        text = (found if isinstance(found, str) else json.dumps(found, sort_keys=True)).encode()
    return hashlib.sha256(text).hexdigest()


def weight_files(folder: Path, kind: str) -> Mapping[str, Path]:
    """The files that make an adapter or a model, by their names, those that are there."""
    patterns = WEIGHT_FILES.get(kind, WEIGHT_FILES["adapter"])
    found = [file for one in patterns for file in folder.glob(one) if file.is_file()]
    return {file.name: file for file in sorted(found)}
