"""Reads files of a workspace for a page or a check, and notes which ones and what they held."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from engine.folder import MAX_RECORD_BYTES
from engine.plain_file import open_plain

MISSING = "missing"

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
"""An index of a list as RFC 6901 has it; no list of a record is longer."""

Known = dict[str, tuple[bytes | None, str]]
"""What was read before, for other pages of the same site: name → bytes and hash."""


class Inputs:
    """The files that one page is made from. Names are relative to the workspace, with ``/``.

    ``seen`` holds the SHA-256 of each, or MISSING for one that is not there, cannot be read, is
    larger than a record may be or would lie outside of the workspace.
    """

    def __init__(self, workspace: Path, known: Known | None = None) -> None:
        self._root = workspace.resolve()
        self._known = {} if known is None else known
        self.seen: dict[str, str] = {}

    def read(self, name: str) -> bytes | None:
        """The bytes, or None where the hash is MISSING."""
        if name not in self._known:
            data = self._bytes(name)
            digest = MISSING if data is None else hashlib.sha256(data).hexdigest()
            self._known[name] = data, digest
        data, self.seen[name] = self._known[name]
        return data

    def json(self, name: str) -> Any:
        """The JSON value, or None where there is no file that holds one."""
        data = self.read(name)
        try:
            return None if data is None else json.loads(data)
        except (ValueError, RecursionError):  # the checks of the run say what is wrong with it
            return None

    def record(self, name: str) -> dict[str, Any]:
        """The JSON object, empty where there is none."""
        value = self.json(name)
        return value if isinstance(value, dict) else {}

    def _bytes(self, name: str) -> bytes | None:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\0" in name:
            return None
        path = self._root / name
        try:
            if not path.resolve().is_relative_to(self._root):
                return None
            with open_plain(path) as file:
                data = file.read(MAX_RECORD_BYTES + 1)
        except (
            OSError,
            RuntimeError,
            ValueError,
        ):  # not there, a circle of links, no name of a file
            return None
        return data if len(data) <= MAX_RECORD_BYTES else None


def at_pointer(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901), None where nothing is there."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
