"""JOURNAL.md on disk: made anew from the runs, with what people wrote kept, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.folder import write_bytes_atomic
from engine.plain_file import read_plain
from engine.publish.journal.document import Notes, journal_file
from engine.publish.journal.making import Made
from engine.publish.journal.marks import Edited, Marked, read_marks
from engine.workspace import Workspace

JOURNAL = "JOURNAL.md"
_MAX_BYTES = 64 * 2**20
_NAMED = 3


class HandWritten(Exception):
    """JOURNAL.md holds text that would be lost; the sentence says where and what to do."""


@dataclass(frozen=True, slots=True)
class Written:
    """``kept``: where the file of before is, where it held something that is not in the new one.
    ``changed`` is whether anything was written."""

    path: Path
    changed: bool
    kept: Path | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """JOURNAL.md as it is. ``problem`` is why it may not be written over; "" where it may."""

    data: bytes | None
    marked: Marked
    problem: str = ""

    @property
    def notes(self) -> Notes:
        return self.marked.notes


def journal_path(workspace: Workspace) -> Path:
    return workspace.path / JOURNAL


def find_journal(workspace: Workspace) -> Found:
    """JOURNAL.md, its notes, and whether it was edited where that would be lost. OSError where it
    is there and cannot be read, or is no ordinary file."""
    try:
        data = read_plain(journal_path(workspace), _MAX_BYTES)
    except FileNotFoundError:
        return Found(None, Marked(ours=True))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        marked = read_marks(data.decode("utf-8", "replace"))
        return Found(data, marked, f"{JOURNAL} is not UTF-8 text (byte {error.start}).")
    marked = read_marks(text)
    if journal_path(workspace).is_symlink():
        return Found(data, marked, f"{JOURNAL} is a link to a file elsewhere.")
    if not text.strip():
        return Found(data, marked)
    if not marked.ours:
        return Found(data, marked, f"{JOURNAL} was not made by this command.")
    if marked.edited:
        return Found(data, marked, _where(marked.edited))
    return Found(data, marked)


def write_journal(
    workspace: Workspace,
    made: Sequence[Made],
    *,
    force: bool = False,
    notes: Notes | None = None,
) -> Written:
    """Write JOURNAL.md anew with the notes that it holds; ``made`` are all entries, newest first.

    ``notes`` are those of some entries as they are to be from now on; "" takes them away.

    HandWritten where it holds text outside of notes marks. With ``force`` that file is kept beside
    the new one, as JOURNAL.md.bak. OSError as it comes; the file is then as it was.
    """
    path = journal_path(workspace)
    # Read as late as can be: somebody may have written notes while the entries were made.
    found = find_journal(workspace)
    if found.problem and not force:
        raise HandWritten(
            f"{found.problem} Nothing is written, so that nothing is lost: move the text between "
            "notes marks, or write it anew with --force, which keeps the file as JOURNAL.md.bak."
        )
    text = journal_file(made, {**found.notes, **(notes or {})})
    if found.data is not None and b"\r\n" in found.data:
        text = text.replace("\n", "\r\n")  # as the editor of its owner has it
    data = text.encode("utf-8", "surrogateescape")
    if data == found.data:
        return Written(path, False)
    kept = None
    if found.problem and found.data is not None:
        kept = _free(path)
        write_bytes_atomic(kept, found.data)
    write_bytes_atomic(path, data)
    return Written(path, True, kept)


def _where(edited: Sequence[Edited]) -> str:
    """Which places hold somebody's text: "JOURNAL.md was edited outside of notes marks: in …"."""
    places = [
        f"in {one.key or 'its beginning'} (line {one.line})".replace("entry:", "the entry of ")
        for one in edited[:_NAMED]
    ]
    more = f" and {len(edited) - _NAMED} more places" if len(edited) > _NAMED else ""
    return f"{JOURNAL} was edited outside of notes marks: {', '.join(places)}{more}."


def _free(path: Path) -> Path:
    """JOURNAL.md.bak, or the next such name that nothing has."""
    number, found = 1, path.with_name(f"{path.name}.bak")
    while found.exists() or found.is_symlink():
        number += 1
        found = path.with_name(f"{path.name}.bak-{number}")
    return found
