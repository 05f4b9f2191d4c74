"""The marks in JOURNAL.md: what the runs said, block by block, and what a person wrote. Pure.

A block begins with ``<!-- block:KEY HASH -->``; the hash is over what was generated into it. Notes
stand between ``<!-- notes:KEY -->`` and ``<!-- /notes -->`` and belong to the person. So three
things can be told apart: what was generated, what is somebody's own, and what somebody wrote where
it would be lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

TOP = "journal"
"""The key of the notes at the top of the file, which are about no entry."""

_BLOCK = re.compile(r"<!-- block:(\S+) ([0-9a-f]{16}) -->\s*")
_NOTES = re.compile(r"<!-- notes:(\S+) -->\s*")
_END = re.compile(r"<!-- /notes -->\s*")


@dataclass(frozen=True, slots=True)
class Edited:
    """A block that holds something else than what was generated into it. ``line`` counts from 1."""

    key: str
    line: int


@dataclass(slots=True)
class Marked:
    """What a JOURNAL.md holds. ``notes``: key → text, only where there is some. ``edited``: blocks
    with text of somebody's outside of notes. ``ours`` is whether there is any block at all."""

    notes: dict[str, str] = field(default_factory=dict)
    edited: list[Edited] = field(default_factory=list)
    ours: bool = False


def block(key: str, lines: Iterable[str]) -> list[str]:
    """Generated lines as a block of the file."""
    body = list(lines)
    return [f"<!-- block:{_word(key)} {_hash(body)} -->", *body]


def notes_place(key: str, text: str) -> list[str]:
    """The marked place for somebody's notes with what they wrote there. A mark among it is moved by
    a blank, so that it ends nothing."""
    written = [f" {line}" if is_mark(line) else line for line in text.split("\n")]
    return [f"<!-- notes:{_word(key)} -->", *written, "<!-- /notes -->"]


def is_mark(line: str) -> bool:
    """Whether a line is one of the marks: what is shown to people is without them."""
    return any(one.fullmatch(line) for one in (_BLOCK, _NOTES, _END))


def read_marks(text: str) -> Marked:
    """The notes of a file and where it was edited outside of them. Never raises.

    Notes whose end is missing end where the next mark begins, or the file; notes that stand twice
    are put together. Line ends of any kind are the same.
    """
    found = Marked()
    parts: list[_Part] = [_Part("", "", 1)]
    notes: list[str] | None = None
    pieces: list[tuple[str, list[str]]] = []
    for number, line in enumerate(_lines(text), start=1):
        if opened := _BLOCK.fullmatch(line):
            notes = None
            parts.append(_Part(_key(opened[1]), opened[2], number))
        elif opened := _NOTES.fullmatch(line):
            notes = []
            pieces.append((_key(opened[1]), notes))
        elif notes is not None and _END.fullmatch(line):
            notes = None
        elif notes is not None:
            notes.append(line)
        else:
            parts[-1].lines.append((number, line))
    for key, lines in pieces:
        written = "\n".join(lines).strip("\n")
        if written.strip():
            before = found.notes.get(key)
            found.notes[key] = f"{before}\n\n{written}" if before else written
    found.ours = len(parts) > 1
    found.edited = [one for part in parts if (one := part.edited) is not None]
    return found


@dataclass(slots=True)
class _Part:
    key: str
    hash: str
    line: int
    lines: list[tuple[int, str]] = field(default_factory=list)

    @property
    def edited(self) -> Edited | None:
        said = [line for _, line in self.lines]
        if not self.hash:  # above the first block nothing is generated
            first = next((number for number, line in self.lines if line.strip()), None)
            return None if first is None else Edited(self.key, first)
        return None if _hash(said) == self.hash else Edited(self.key, self.line)


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _hash(lines: Iterable[str]) -> str:
    """Over the lines that say something, without the white space at their ends: editors change
    that by themselves."""
    kept = "\n".join(one for line in lines if (one := line.rstrip()))
    return hashlib.sha256(kept.encode("utf-8", "replace")).hexdigest()[:16]


def _word(key: str) -> str:
    """A key without anything that could end its mark: the name of a folder may be any text."""
    return quote(key, safe=":", errors="surrogateescape")


def _key(word: str) -> str:
    return unquote(word, errors="surrogateescape")
