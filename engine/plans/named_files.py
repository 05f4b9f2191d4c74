"""The files of a target that the words of a command name: what they hold is part of the command.

A word names a file where it is one, or where a piece of it is: ``--script={target}/go.sh`` and
``sh -c "cd x && sh go.sh"`` name go.sh. A folder stands for all that is in it. The target's own
folder stands for the programs that lie in it directly, since its data changes with every run.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.folder import sha256_file

MAX_FILES = 5_000
MAX_BYTES = 2**30
"""What is hashed of one command; more is refused, and never left out."""

_PLACES = re.compile(r"\{(?:target|workspace|run)\}")
_SIGNS = re.compile(r"""[\s'"`;|&()<>,:=*?\[\]$#!@%\\]+""")
_QUOTES = re.compile(r"""['"`]+""")
_MODULE = re.compile(r"\w+(?:\.\w+)*")
_DOCUMENTS = frozenset((".md", ".json", ".jsonl", ".yaml", ".yml", ".txt", ".csv", ".tsv", ".log"))


class CannotAgree(Exception):
    """What nobody could agree to as it is, so it is not run; the text is a sentence."""


@dataclass(slots=True)
class _Found:
    """Path, as it is written into the hash, to the hash of what is there."""

    hashes: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    seen: set[str] = field(default_factory=set)
    """Folders that were gone through, by where they really are."""

    def add(self, name: str, path: Path) -> None:
        if name in self.hashes:
            return
        self.bytes += path.stat().st_size
        if len(self.hashes) >= MAX_FILES or self.bytes > MAX_BYTES:
            raise CannotAgree(
                f"A command names more of the target than {MAX_FILES:,} files or "
                f"{MAX_BYTES // 2**30} GiB: nobody could agree to it as it is. Name the program "
                "itself, or a smaller folder."
            )
        self.hashes[name] = sha256_file(path)


def named_files(
    target: Path, places: Mapping[str, str], cwd: str, texts: Iterable[str]
) -> dict[str, str]:
    """Name to SHA-256 of each file of ``target`` (resolved) that one of the texts names.

    ``places`` is what the placeholders stand for; ``cwd`` has them still. CannotAgree above the
    bounds, OSError for a file that cannot be read.
    """
    found = _Found()
    here = Path(os.path.normpath(_filled(cwd, places)))
    # The folder that a command works in is named by a piece of it; the target itself by no word.
    if here != target:
        _take(found, target, here)
    for text in texts:
        for piece in set(_pieces(text)):
            for path in _paths(piece, places, here, target):
                _take(found, target, path)
    return found.hashes


def _filled(text: str, places: Mapping[str, str]) -> str:
    return _PLACES.sub(lambda match: places[match[0]], text)


def _pieces(text: str) -> Iterator[str]:
    """The whole text, and what stands in it between signs."""
    yield text
    for signs in (_QUOTES, _SIGNS):
        for piece in signs.split(text):
            yield piece
            if placed := _PLACES.search(piece):
                yield piece[placed.start() :]
            elif piece.startswith("-"):
                yield piece.lstrip("-")
                yield piece[2:]


def _paths(piece: str, places: Mapping[str, str], here: Path, target: Path) -> Iterator[Path]:
    """Where a piece of a word may lie: as a path, and as a Python module."""
    if not piece or "\0" in piece or len(piece) > 4096:
        return
    filled = _filled(piece, places)
    for home in dict.fromkeys((here, target)):
        yield Path(os.path.normpath(home / filled))
        if ".." in filled:
            yield _really(home / filled)  # which is elsewhere behind a link
        if _MODULE.fullmatch(piece):
            module = home / piece.replace(".", "/")
            yield module
            yield module.with_name(f"{module.name}.py")


def _really(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return path


def _take(found: _Found, target: Path, path: Path) -> None:
    """Hash what lies there, where it is the target's."""
    try:
        real = path.resolve()
        mode = real.stat().st_mode
    except (OSError, RuntimeError, ValueError):
        return  # no file: a word like another
    inside = path.is_relative_to(target)
    if not inside and not real.is_relative_to(target):
        return
    name = (path if inside else real).relative_to(target).as_posix()
    if stat.S_ISREG(mode):
        found.add(name, real)
    elif stat.S_ISDIR(mode):
        _take_folder(found, target, name, real)


def _take_folder(found: _Found, target: Path, name: str, real: Path) -> None:
    if str(real) in found.seen:
        return
    found.seen.add(str(real))
    root = real == target
    with os.scandir(real) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name in ("__pycache__", ".git"):
                continue
            inner = Path(entry.path)
            below = entry.name if root else f"{name}/{entry.name}"
            if entry.is_file():
                if not (root and inner.suffix.lower() in _DOCUMENTS):
                    found.add(below, inner.resolve())
            elif not root and entry.is_dir():
                _take_folder(found, target, below, inner.resolve())
