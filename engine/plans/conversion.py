"""``model.load_in_4bit``: a base that is not quantised yet is converted once, into the workspace's
cache; one that is stays as it is.

Bases that are made here from a recipe are small and in float32, and are never converted.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys

from engine.models import ModelOnDisk
from engine.plans.stages import Base, Conversion
from engine.weights import HeaderError, model_hash
from engine.workspace import Workspace

BITS = 4
GROUP_SIZE = 64
"""mlx-lm's own: so many weights share a scale."""

_BITS = re.compile(r"\d\s?-?bits?\b")
_QUANTISED_NAME = re.compile(r"(?i)(?:^|[-_./])(?:\d-?bit|mxfp\d|nvfp\d|awq|gptq|dwq|q\d(?:_\w+)?)")
"""Models at the hub that are quantised say so in their names, and one that is not on this disk has
nothing but its name."""


def converted(workspace: Workspace, base: Base, model: ModelOnDisk) -> Base:
    """The base in four bits; as it is where it is quantised already."""
    if is_quantised(model):
        return base
    identity = {"model": _identity(model, base), "bits": BITS, "group_size": GROUP_SIZE}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    out = "{workspace}/" + f"{workspace.bases_dir.relative_to(workspace.path)}/{digest}"
    made_from = Conversion(base.model, base.revision, BITS, GROUP_SIZE, base.precision)
    return Base(base.id, out, base.revision, f"{BITS}-bit", conversion=made_from)


def is_quantised(model: ModelOnDisk) -> bool:
    """Whether a model's weights are packed, by its config.json, else by its name."""
    if model.quantisation is not None:
        return _BITS.search(model.quantisation) is not None
    on_disk = (model.path / "config.json").is_file()
    return not on_disk and _QUANTISED_NAME.search(model.id) is not None


def note_of(base: Base) -> str | None:
    """What a person should know before it happens; None where nothing is converted."""
    if base.conversion is None:
        return None
    was = f" ({base.conversion.precision})" if base.conversion.precision else ""
    text = (
        f"model.load_in_4bit: {base.id}{was} is converted to {BITS} bits, once for this workspace, "
        "and all stages use that."
    )
    if sys.platform != "darwin":
        text += (
            " Where MLX has no GPU, quantised weights are trained several times slower: set it to "
            "false there."
        )
    return text


def _identity(model: ModelOnDisk, base: Base) -> list[str]:
    """What tells this model's weights from any others, without reading all of them."""
    if base.revision is not None:
        return [base.id, base.revision]
    try:
        files = sorted(model.path.glob("*.safetensors"))
        looks = [(file.name, file.stat()) for file in files]
        states = [f"{name} {look.st_size} {look.st_mtime_ns}" for name, look in looks]
        return [str(model.path), model_hash(model.path), *states]
    except (OSError, HeaderError):
        return [base.id]
