"""Reads the journal for its screen, in threads: entries at once, their texts when they are wanted.

What was read stays until its run changes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from engine.catalogue.run_reader import RunReader
from engine.catalogue.summary import RunSummary
from engine.loops.mark import LoopMark, mark_of
from engine.publish.journal.document import Notes, entry_lines
from engine.publish.journal.listing import Listed, listed
from engine.publish.journal.making import Made, make, step_of
from engine.publish.journal.step import Step
from engine.publish.journal.trend import MARKS, Trend, trend_of
from engine.publish.journal.writing import Written, find_journal, write_journal
from engine.workspace import Workspace

_FROM_A_RUN = (("](runs/", "](../../runs/"), ("](loops/", "](../../loops/"))
"""A link of the journal leads from the workspace; the screen follows links from a run's folder, as
those of its report."""

TELL_EVERY_S = 0.3
"""How often a search says what it found so far."""


@dataclass(frozen=True, slots=True)
class Journal:
    """``problem``: why JOURNAL.md may not be written over, or cannot be read; "" where it may.
    ``whole`` is whether every run was looked at."""

    entries: tuple[Listed, ...] = ()
    notes: Notes = field(default_factory=dict)
    problem: str = ""
    whole: bool = False


class JournalReader:
    """The entries of a workspace, kept from one look to the next."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._runs = RunReader(workspace)
        self._marks: dict[str, tuple[RunSummary, LoopMark | None]] = {}
        self._made: dict[str, tuple[Listed, Made]] = {}
        self._steps: dict[str, tuple[Listed, Step]] = {}
        self._one_reads = Lock()

    def read(self, *, anew: bool = False) -> Iterator[Journal]:
        """The entries, newest first; of many runs also what is there so far. OSError where the
        workspace cannot be read."""
        with self._one_reads:
            if anew:
                self._made, self._steps, self._marks = {}, {}, {}
            notes, problem = self._notes()
            last: tuple[Listed, ...] = ()
            for runs in self._runs.read(anew=anew):
                last = tuple(self._listed(runs))
                yield Journal(last, notes, problem)
            yield Journal(last, notes, problem, whole=True)

    def made(self, entry: Listed) -> Made:
        """An entry with its text."""
        known = self._made.get(entry.key)
        if known is None or known[0] != entry:
            known = (entry, make(entry))
            self._made[entry.key] = known
            self._steps[entry.key] = (entry, known[1].step)
        return known[1]

    def text(self, entry: Listed, notes: Notes) -> str:
        """An entry as it is shown, with its notes."""
        text = "\n".join(entry_lines(self.made(entry), notes))
        for old, new in _FROM_A_RUN:
            text = text.replace(old, new)
        return text

    def trend(self, entries: Sequence[Listed], target: str) -> Trend:
        """The course of a target over its newest entries."""
        mine = [one for one in entries if one.target == target][:MARKS]
        return trend_of([self._step(one) for one in reversed(mine)])

    def search(self, journal: Journal, needle: str) -> Iterator[tuple[int, list[str]]]:
        """How many entries were looked at so far, and the keys of those whose text has ``needle``,
        whatever its case."""
        wanted, found = needle.casefold(), []
        told = time.monotonic()
        for number, entry in enumerate(journal.entries, start=1):
            if wanted in self.text(entry, journal.notes).casefold():
                found.append(entry.key)
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                yield number, list(found)
        yield len(journal.entries), found

    def write(
        self, entries: Sequence[Listed], *, force: bool = False, notes: Notes | None = None
    ) -> Written:
        """Write JOURNAL.md; errors as in `write_journal`."""
        made = [self.made(one) for one in entries]
        return write_journal(self._workspace, made, force=force, notes=notes)

    # --- what is kept -------------------------------------------------------------------

    def _step(self, entry: Listed) -> Step:
        known = self._steps.get(entry.key)
        if known is None or known[0] != entry:
            known = (entry, step_of(entry))
            self._steps[entry.key] = known
        return known[1]

    def _notes(self) -> tuple[Notes, str]:
        try:
            found = find_journal(self._workspace)
        except OSError as error:
            return {}, f"JOURNAL.md cannot be read: {error.strerror or error}."
        return found.notes, found.problem

    def _listed(self, runs: Sequence[RunSummary]) -> list[Listed]:
        by_path = {run.path: run for run in runs}

        def mark(path: Path) -> LoopMark | None:
            run = by_path[path]
            known = self._marks.get(run.run_id)
            if known is None or known[0] is not run:
                known = self._marks[run.run_id] = (run, mark_of(path))
            return known[1]

        return listed(self._workspace, runs, mark)
