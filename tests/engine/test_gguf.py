from __future__ import annotations

import struct
from pathlib import Path

import pytest

from engine.gguf import GgufError, read_gguf


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def head(tensors: int = 1, keys: int = 3, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


KEYS = (
    text("general.architecture") + struct.pack("<I", 8) + text("llama"),
    text("tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"),
    text("scores") + struct.pack("<IIQff", 9, 6, 2, 0.5, 1.5),
)


def tensor(name: str = "w", shape: tuple[int, ...] = (4, 2), offset: int = 0) -> bytes:
    axes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + axes + struct.pack("<IQ", 1, offset)


def whole() -> bytes:
    start = head() + b"".join(KEYS) + tensor()
    return start + bytes(-len(start) % 32) + bytes(16)


def read(tmp_path: Path, data: bytes) -> object:
    file = tmp_path / "model.gguf"
    file.write_bytes(data)
    return read_gguf(file)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(whole())
    found = read_gguf(file)
    assert found.architecture == "llama"
    assert found.keys == ("general.architecture", "tokens", "scores")
    assert found.tensors == {"w": (4, 2)}


@pytest.mark.parametrize("left", [0, 3, 8, 20, 60, 100, len(whole()) - 1])
def test_a_cut_off_file_is_told(tmp_path: Path, left: int) -> None:
    with pytest.raises(GgufError):
        read(tmp_path, whole()[:left])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GGML" + whole()[4:], "does not begin with GGUF"),
        (head(version=9), "version 9"),
        (head(tensors=2**60), "claims"),
        (head() + struct.pack("<Q", 2**62), "a text of"),
        (head(tensors=0, keys=1) + text("k") + struct.pack("<I", 77), "type 77"),
        (head(tensors=2, keys=0) + tensor() + tensor() + bytes(99), "two tensors of one name"),
        (head(keys=0) + tensor(shape=(1,) * 9), "9 axes"),
    ],
    ids=["magic", "version", "tensors", "text", "type", "twice", "axes"],
)
def test_what_is_no_gguf_is_a_sentence(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(GgufError, match=said):
        read(tmp_path, data)
