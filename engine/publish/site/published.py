"""The directory that a site was published into: what is there, and whose it is."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.plain_file import open_plain
from engine.publish.site.build import MADE_BY, MANIFEST

_MOST = 256 * 2**20
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Written:
    """A page as the manifest has it."""

    sha256: str
    inputs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Published:
    """``written``: the manifest, by address. ``there``: every file below the directory, those that
    we wrote with their SHA-256; "" for the others and for what cannot be read."""

    base_url: str
    written: dict[str, Written]
    there: dict[str, str]

    @property
    def others(self) -> list[str]:
        """Files that we did not write: a CNAME, a .git folder, notes of a person."""
        return sorted(one for one in self.there if one not in self.written and one != MANIFEST)


def published_at(out: Path) -> Published | None:
    """What was published into ``out``; None where there is no manifest of ours."""
    manifest = _manifest(out)
    if manifest is None:
        return None
    files = manifest.get("files")
    written = {
        str(address): Written(str(one.get("sha256", "")), _inputs(one.get("inputs")))
        for address, one in (files.items() if isinstance(files, dict) else ())
        if isinstance(one, dict)
    }
    base_url = manifest.get("base_url")
    there = {one: _digest(out / one) if one in written else "" for one in _files_below(out)}
    return Published(base_url if isinstance(base_url, str) else "", written, there)


def _files_below(out: Path) -> list[str]:
    """The names of all files below a directory, links too, with ``/``."""
    found = []
    for folder, folders, names in os.walk(out):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        found += [(Path(folder) / name).relative_to(out).as_posix() for name in names + links]
    return sorted(found)


def _manifest(out: Path) -> dict[str, Any] | None:
    try:
        with open_plain(out / MANIFEST) as file:
            value = json.loads(file.read(_MOST))
    except (OSError, ValueError, RecursionError):  # no manifest of ours then
        return None
    return value if isinstance(value, dict) and value.get("made_by") == MADE_BY else None


def _inputs(value: Any) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def _digest(path: Path) -> str:
    try:
        with open_plain(path) as file:
            digest = hashlib.sha256()
            while piece := file.read(_PIECE):
                digest.update(piece)
            return digest.hexdigest()
    except OSError:
        return ""
