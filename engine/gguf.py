"""What the head of a GGUF file says: its tensors, and whether all of them are there. Loads none.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little-endian).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.plain_file import open_plain

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST = 2**24
"""No file has more tensors, keys or members of a list: what claims more is broken."""
MAX_TEXT = 2**24

_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value of each type that has a fixed size."""
_TEXT, _LIST, _UINT32 = 8, 9, 4
_SIZES = {0: 4, 1: 2, 28: 8, 30: 2}
"""Bytes of an element: F32, F16, F64, BF16. Packed types are not looked into."""
_ALIGNMENT = "general.alignment"


class GgufError(ValueError):
    """The file is no whole GGUF file; the text says why."""


@dataclass(frozen=True, slots=True)
class Gguf:
    """``keys`` are the names of the metadata, ``tensors`` name → shape; ``architecture`` as the
    metadata names it, None where it does not."""

    version: int
    architecture: str | None
    keys: tuple[str, ...]
    tensors: dict[str, tuple[int, ...]]


def read_gguf(path: Path) -> Gguf:
    """The head of the file, with every tensor held to lie inside it. GgufError; OSError."""
    with open_plain(path) as file:
        if file.read(4) != MAGIC:
            raise GgufError(f"{path.name} does not begin with {MAGIC.decode()}")
        version = _number(file, "<I")
        if version not in VERSIONS:
            raise GgufError(f"{path.name} has version {version}, which is not known here")
        tensor_count, key_count = _count(file), _count(file)
        texts: dict[str, str] = {}
        keys, alignment = [], 32
        for _ in range(key_count):
            key = _text(file)
            keys.append(key)
            kind = _number(file, "<I")
            if kind == _TEXT:
                texts[key] = _text(file)
            elif key == _ALIGNMENT and kind == _UINT32:
                alignment = _number(file, "<I")
            else:
                _skip(file, kind)
        tensors, ends = _tensors(file, tensor_count)
        start = math.ceil(file.tell() / max(1, alignment)) * max(1, alignment)
        size = file.seek(0, 2)
    if len(tensors) != tensor_count:
        raise GgufError(f"{path.name} has two tensors of one name")
    if late := [name for name, end in ends.items() if start + end > size]:
        raise GgufError(f"{path.name} is cut off: {late[0]} does not lie in it")
    return Gguf(version, texts.get("general.architecture"), tuple(keys), tensors)


def _tensors(file: BinaryIO, count: int) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Shapes by name, and where each tensor's data ends, from the start of all data."""
    shapes: dict[str, tuple[int, ...]] = {}
    ends: dict[str, int] = {}
    for _ in range(count):
        name = _text(file)
        axes = _number(file, "<I")
        if axes > 8:
            raise GgufError(f"the tensor {name[:80]} has {axes} axes")
        shapes[name] = tuple(_number(file, "<Q") for _ in range(axes))
        kind, offset = _number(file, "<I"), _number(file, "<Q")
        ends[name] = offset + math.prod(shapes[name]) * _SIZES.get(kind, 0)
    return shapes, ends


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _TEXT:
        _text(file)
    elif kind == _LIST:
        inner, count = _number(file, "<I"), _count(file)
        if inner in _WIDTHS:
            file.seek(count * _WIDTHS[inner], 1)
        else:
            for _ in range(count):
                _skip(file, inner)
    elif kind in _WIDTHS:
        file.seek(_WIDTHS[kind], 1)
    else:
        raise GgufError(f"a value of type {kind}, which there is not")


def _count(file: BinaryIO) -> int:
    count = _number(file, "<Q")
    if count > MOST:
        raise GgufError(f"it claims {count:,} entries")
    return count


def _text(file: BinaryIO) -> str:
    length = _number(file, "<Q")
    if length > MAX_TEXT:
        raise GgufError(f"it claims a text of {length:,} bytes")
    data = file.read(length)
    if len(data) < length:
        raise GgufError("it is cut off")
    return data.decode("utf-8", "replace")


def _number(file: BinaryIO, form: str) -> int:
    data = file.read(struct.calcsize(form))
    try:
        return int(struct.unpack(form, data)[0])
    except struct.error as error:
        raise GgufError("it is cut off") from error
