"""Rows as tokens, kept for the next run on the same data: ``.factory/cache/tokens`` of a workspace.

A file's name is the hash of all that its tokens follow from: the data file, the files of the
model's tokenizer and template, the settings that cut a row, and the versions of the libraries. It
is a cache and never the truth: a file that is missing, damaged or cannot be written costs the time
to tokenise, and nothing else. Files that were not asked for the longest go first.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from engine.folder import sha256_file, write_bytes_atomic

if TYPE_CHECKING:
    from engine.work.rows import TokenRows

FORMAT = 1
"""Another number for another form of the files, or another way from a row to its tokens."""

MAX_BYTES = 512 * 2**20
"""What the cache holds at most, in bytes; a file larger than that is not kept."""

LIBRARIES = ("mlx-lm", "transformers", "tokenizers", "jinja2")
_MAX_FILE = 128 * 2**20
"""No tokenizer is larger; of a larger file its size and time stand for its content."""
_WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf", ".npz", ".onnx"})


class Damaged(Exception):
    """A file of the cache is not what was written."""


class TokenCache:
    """The tokens of data files under one model's tokenizer and one way to cut rows."""

    def __init__(self, folder: Path, model: Path, *, mask_prompt: bool, max_seq_len: int) -> None:
        self._folder = folder
        self._settings = {
            "format": FORMAT,
            "tokenizer": _tokenizer_files(model),
            "mask_prompt": mask_prompt,
            "max_seq_len": max_seq_len,
            "libraries": {name: version(name) for name in LIBRARIES},
        }

    def find(self, data: Path, name: str) -> TokenRows | None:
        """The rows of a data file, which Refusals and notes call ``name``; None when not kept."""
        try:
            path = self._path(data)
            rows = _unpack(path.read_bytes(), name)
        except (OSError, Damaged):
            return None  # not there, or damaged: both are made again
        with contextlib.suppress(OSError):
            os.utime(path)
        return rows

    def keep(self, data: Path, rows: TokenRows) -> None:
        """Keep the rows of a data file. A disk that does not take them is nobody's trouble here."""
        with contextlib.suppress(OSError):
            path = self._path(data)
            packed = _pack(rows)
            if len(packed) > MAX_BYTES:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes_atomic(path, packed)
            _make_room(self._folder.glob("*.tokens"))

    def _path(self, data: Path) -> Path:
        what = json.dumps({**self._settings, "data": sha256_file(data)}, sort_keys=True)
        return self._folder / f"{hashlib.sha256(what.encode()).hexdigest()}.tokens"


def _tokenizer_files(model: Path) -> dict[str, str]:
    """Name to hash of all files of a model but its weights; they decide on the tokens.

    A template that writes the date of the day gives other tokens tomorrow.
    """
    files = [
        path
        for pattern in ("*", "*/*.jinja")
        for path in model.glob(pattern)
        if path.suffix not in _WEIGHTS and path.is_file()
    ]
    found = {}
    for path in sorted(files):
        name, look = path.relative_to(model).as_posix(), path.stat()
        if look.st_size > _MAX_FILE:
            found[name] = f"{look.st_size} bytes of {look.st_mtime_ns}"
            continue
        data = path.read_bytes()
        found[name] = hashlib.sha256(data).hexdigest()
        if b"strftime_now" in data:
            found["today"] = date.today().isoformat()
    return found


def _pack(rows: TokenRows) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.savez(
        out,
        tokens=np.concatenate(rows.tokens),
        lengths=rows.lengths,
        starts=np.array(rows.starts, dtype=np.int64),
        counts=np.array([rows.truncated, rows.dropped, rows.longest], dtype=np.int64),
    )
    data = out.getvalue()
    return hashlib.sha256(data).digest() + data


def _unpack(data: bytes, name: str) -> TokenRows:
    """The rows of a file; Damaged when it is not byte for byte what was written."""
    import numpy as np

    from engine.work.rows import TokenRows

    size = hashlib.sha256().digest_size
    digest, arrays = data[:size], data[size:]
    if hashlib.sha256(arrays).digest() != digest:
        raise Damaged
    with np.load(io.BytesIO(arrays), allow_pickle=False) as kept:
        tokens, lengths = kept["tokens"], kept["lengths"]
        starts, counts = kept["starts"].tolist(), kept["counts"].tolist()
    return TokenRows(name, np.split(tokens, np.cumsum(lengths)[:-1]), starts, *counts)


def _make_room(files: Iterable[Path]) -> None:
    """Delete what was not asked for the longest until the rest is within MAX_BYTES."""
    found = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in files)
    over = sum(size for _, size, _ in found) - MAX_BYTES
    for _, size, path in found:
        if over <= 0:
            return
        path.unlink(missing_ok=True)
        over -= size
