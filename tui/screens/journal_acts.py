"""What Journal writes: JOURNAL.md, and the notes that a person gives an entry in their editor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from textual import work
from textual.screen import Screen

from engine.folder import write_bytes_atomic
from engine.plain_file import read_plain
from engine.publish.journal.writing import HandWritten, Written
from engine.workspace import Workspace
from tui.acting import ask, attempt, say, sentence_of
from tui.editing import edit
from tui.views.journal_reader import Journal, JournalReader
from tui.widgets.confirm import Confirm

if TYPE_CHECKING:
    from tui.screens.journal import JournalScreen

_MAX_NOTES = 4 * 2**20


class JournalActs(Screen[None]):
    """The part of the journal's screen that writes."""

    journal: Journal
    reader: JournalReader
    writing: bool

    @property
    def _screen(self) -> JournalScreen:
        return cast("JournalScreen", self)

    # --- JOURNAL.md -----------------------------------------------------------------

    def action_write(self) -> None:
        """Write JOURNAL.md anew; asks where something of somebody's stands outside of notes."""
        if not self.journal.whole or self.writing:
            say(self, "The runs are being read; JOURNAL.md can be written after that.")
        else:
            self._write()

    def _write(
        self, force: bool = False, notes: dict[str, str] | None = None, draft: Path | None = None
    ) -> None:
        """``draft`` holds the notes until they stand in JOURNAL.md."""
        self._busy(True)  # here and not in the thread: a second press may come before that begins
        self._write_it(force, notes, draft)

    @work(thread=True, group="write")
    def _write_it(self, force: bool, notes: dict[str, str] | None, draft: Path | None) -> None:
        done: list[Written] = []
        refused: list[str] = []

        def write() -> None:
            try:
                entries = self.journal.entries
                done.append(self.reader.write(entries, force=force, notes=notes))
            except HandWritten as error:
                refused.append(str(error))

        attempt(self, write, "")
        self.app.call_from_thread(self._busy, False)
        if refused:
            self.app.call_from_thread(self._ask, refused[0], notes, draft)
        elif done:
            if draft is not None:
                draft.unlink(missing_ok=True)
            self.app.call_from_thread(self._told, done[0])

    def _busy(self, busy: bool) -> None:
        self.writing = busy
        if self.is_running:
            self._screen.tell_state()

    def _told(self, written: Written) -> None:
        if not written.changed:
            say(self, "JOURNAL.md says what the runs say already.")
        elif written.kept is not None:
            say(self, f"JOURNAL.md is written; what it was is kept as {written.kept.name}.")
        else:
            say(self, "JOURNAL.md is written.")
        if self.is_running:
            self._screen.read()

    def _ask(self, problem: str, notes: dict[str, str] | None, draft: Path | None) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._write(force=True, notes=notes, draft=draft)

        question = "Write JOURNAL.md anew all the same?"
        detail = f"{problem} The file of before is kept beside it."
        if not ask(self, Confirm(question, detail, "Write it"), answered):
            say(self, f"JOURNAL.md was not written: {problem}", "error")

    # --- notes ----------------------------------------------------------------------

    def action_notes(self) -> None:
        """Edit the notes of the entry in the user's own editor; then JOURNAL.md is made anew."""
        entry = self._screen.current
        if entry is None:
            say(self, "There is no entry to write notes to.")
            return
        if self.journal.problem:
            say(self, f"{self.journal.problem} Press w first: it asks, and keeps that file.")
            return
        if not self.journal.whole or self.writing:
            say(self, "The runs are being read; notes can be written after that.")
            return
        before = self.journal.notes.get(entry.key, "")
        draft = self._draft(entry.key)
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            if not draft.exists():  # else it is there from a time that ended badly
                text = f"{before}\n" if before else ""
                write_bytes_atomic(draft, text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            say(self, sentence_of(error), "error")
            return
        if problem := edit(self._screen.factory, draft, None):
            say(self, problem, "warning")
            return
        try:
            after = read_plain(draft, _MAX_NOTES).decode("utf-8", "replace")
        except OSError as error:
            say(self, f"The notes cannot be read: {sentence_of(error)}", "error")
            return
        after = after.replace("\r\n", "\n").strip("\n")
        if after.strip() == before.strip():
            draft.unlink(missing_ok=True)
            say(self, "The notes are as they were.")
        else:
            self._write(notes={entry.key: after}, draft=draft)

    def _draft(self, key: str) -> Path:
        """Where notes lie while they are edited: what is there survives a crash."""
        local = Workspace(self._screen.factory.workspace).local_dir
        return local / "drafts" / f"notes-{quote(key, safe='')[:150]}.md"
