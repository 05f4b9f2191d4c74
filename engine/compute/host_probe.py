"""What a machine says of itself to one that wants to train with it: ``python -m`` this, over ssh.

Prints one line of JSON. Its versions have to be those of the machine that asks, since ranks speak
to each other in this program's own way and compute with the same MLX.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("factory-tui", "mlx", "mlx-lm")
_PIECE = 1 << 20


def describe(model: str | None, revision: str | None = None) -> dict[str, Any]:
    """Versions of Python and of what a training computes with, and the hash of a model there.

    ``model`` is a directory or a hub id, of which ``revision`` is looked at, without one the newest
    that is on disk. ``model_sha256`` None: it is not there.
    """
    found: dict[str, Any] = {"python": platform.python_version()}
    found |= {name: _version(name) for name in PACKAGES}
    if model is not None:
        path = _model_path(model, revision)
        found["model_sha256"] = None if path is None else model_digest(path)
    return found


def model_digest(path: Path) -> str:
    """SHA-256 over names and bytes of a model's config and weights, in the order of names.
    OSError as it comes."""
    digest = hashlib.sha256()
    for file in sorted([path / "config.json", *path.glob("*.safetensors")]):
        digest.update(f"{file.name} {file.stat().st_size}\n".encode())
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    return digest.hexdigest()


def _model_path(model: str, revision: str | None) -> Path | None:
    from engine.models import model_on_disk

    path = Path(model).expanduser()
    if path.is_absolute():
        return path if (path / "config.json").is_file() else None
    found = model_on_disk(model, Path.cwd(), Path.cwd())
    if found is None or revision is None:
        return None if found is None else found.path
    wanted = found.path.parent / Path(revision).name
    return wanted if (wanted / "config.json").is_file() else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    arguments: list[str | None] = [*sys.argv[1:3], None, None]
    print(json.dumps(describe(arguments[0], arguments[1])))
