"""What the headers of safetensors files say: how many parameters, in what precision. Loads none."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.plain_file import open_plain

MAX_HEADER_BYTES = 64 * 2**20
"""Headers of the largest models are a few MB; a file that claims more is not read."""

MAX_CONFIG_BYTES = 16 * 2**20

_PACKED_TYPE = "U32"
"""MLX packs quantised weights into these; their scales stand beside them."""


class HeaderError(ValueError):
    """A file whose header is not that of safetensors; the text says why."""


def read_header(file: Path) -> dict[str, Any]:
    """The header of a safetensors file: tensor name to dtype, shape and place.

    HeaderError when it has none; OSError when it cannot be opened.
    """
    with open_plain(file) as data:
        start = data.read(8)
        if len(start) < 8:
            raise HeaderError(f"{file.name} is cut off")
        (length,) = struct.unpack("<Q", start)
        if length > MAX_HEADER_BYTES:
            raise HeaderError(f"{file.name} is no safetensors file")
        raw = data.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise HeaderError(f"{file.name} is no safetensors file") from error
    if len(raw) < length or not isinstance(header, dict):
        raise HeaderError(f"{file.name} is cut off or no safetensors file")
    return header


def count_parameters(files: Iterable[Path], config: Mapping[str, Any]) -> int | None:
    """How many parameters the weights hold, unpacked; None where a header cannot be read.

    A packed weight counts with the bits that config.json gives for it or for all; scales and
    biases of a quantisation are no parameters.
    """
    tensors: dict[str, tuple[str, int]] = {}
    for file in files:
        try:
            header = read_header(file)
        except (HeaderError, OSError):
            return None
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            size = _elements(entry)
            if size is None:
                return None
            tensors[name] = (str(entry.get("dtype")), size)
    quantised = {name.removesuffix(".scales") for name in tensors if name.endswith(".scales")} & {
        name.removesuffix(".weight") for name in tensors if name.endswith(".weight")
    }
    total = 0
    for name, (dtype, size) in tensors.items():
        stem, _, last = name.rpartition(".")
        if stem in quantised and last in ("scales", "biases"):
            continue
        if stem in quantised and dtype == _PACKED_TYPE:
            size = size * 32 // _bits(config, stem)
        total += size
    return total


def _elements(entry: object) -> int | None:
    shape = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or not all(isinstance(one, int) and one >= 0 for one in shape):
        return None
    size = 1
    for one in shape:
        size *= one
    return size


def _bits(config: Mapping[str, Any], layer: str) -> int:
    """The bits of a layer's packed weights: its own where config.json has them, else the model's.

    A layer without any counts as 4 bits, MLX's default.
    """
    settings = config.get("quantization") or config.get("quantization_config")
    if not isinstance(settings, dict):
        return 4
    own = settings.get(layer)
    for place in (own, settings):
        bits = place.get("bits") if isinstance(place, dict) else None
        if isinstance(bits, int) and 1 <= bits <= 32:
            return bits
    return 4


def model_hash(path: Path) -> str:
    """SHA-256 over config.json and the weights' headers: equal for models that cost the same.

    OSError when a file cannot be read, HeaderError when a weight file has no header.
    """
    digest = hashlib.sha256()
    with open_plain(path / "config.json") as config:
        digest.update(config.read(MAX_CONFIG_BYTES))
    for file in sorted(path.glob("*.safetensors")):
        header = {name: one for name, one in read_header(file).items() if name != "__metadata__"}
        digest.update(file.name.encode())
        digest.update(json.dumps(header, sort_keys=True).encode())
    return digest.hexdigest()
