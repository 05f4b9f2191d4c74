"""The mutable surface of a recipe: its files, their hash, and how long they are. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import PurePosixPath

from engine.globs import matches
from engine.loops.research.snapshot import Entry
from engine.records.protocol import MutableSurface, Protocol

_HASH_COMMENTS = frozenset(
    (".py", ".pyi", ".yaml", ".yml", ".sh", ".bash", ".zsh", ".toml", ".cfg", ".ini", ".mk")
)


def is_mutable(path: str, surface: MutableSurface) -> bool:
    """A try may change the file: allowed by a glob, and by none forbidden."""
    return matches(path, surface.allowed_globs) and not matches(path, surface.forbidden_globs)


def is_harness(path: str, protocol: Protocol) -> bool:
    """The file decides what a number means: no try may touch it."""
    return matches(path, protocol.immutable_harness.paths)


def mutable_files(files: Mapping[str, Entry], protocol: Protocol) -> dict[str, Entry]:
    """The mutable files of a tree; what is of the harness is not mutable whatever a glob says."""
    surface = protocol.mutable_surface
    return {
        name: one
        for name, one in sorted(files.items())
        if is_mutable(name, surface) and not is_harness(name, protocol)
    }


def surface_hash(files: Mapping[str, Entry], protocol: Protocol) -> str:
    """SHA-256 over names, bytes and the executable bit of the mutable files, in no order of theirs.

    Bytes count by the hash that git has of them, so nothing is read.
    """
    digest = hashlib.sha256()
    for name, one in mutable_files(files, protocol).items():
        digest.update(b"\0".join((os.fsencode(name), one.mode.encode(), one.blob.encode(), b"")))
    return digest.hexdigest()


def code_lines(path: str, data: bytes) -> int:
    """Lines that are neither blank nor, where ``#`` begins one, a comment."""
    comments = PurePosixPath(path).suffix.lower() in _HASH_COMMENTS
    lines = (line.strip() for line in data.splitlines())
    return sum(bool(line) and not (comments and line.startswith(b"#")) for line in lines)
