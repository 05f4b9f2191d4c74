"""What the supervisor writes about a run: ``events.jsonl`` and ``run-status.json``.

Events are collected while a batch is read and written with one system call (``flush``), so that
20,000 events a second cost no 20,000 writes; nothing is held back longer than one batch. They
are forced to the disk at marks (``sync``) and at least once a second (``tick``).
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any, cast

from engine.folder import EventLog, FolderError, RunFolder
from engine.records.status import Phase, RunStatus

SYNC_S = 1.0
_BUFFER_BYTES = 4 * 2**20


class BatchedEventLog(EventLog):
    """An event log that writes when it is told to. A short write is completed, or an OSError."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(folder.file("events.jsonl"))
        self._file = cast(Any, io.BufferedWriter(self._file, buffer_size=_BUFFER_BYTES))

    def flush(self) -> None:
        self._file.flush()

    def sync(self) -> None:
        self.flush()
        super().sync()


class Journal:
    """Writes events and status. OSError and FolderError are for the caller."""

    def __init__(self, folder: RunFolder) -> None:
        status = folder.status()
        if status is None:
            raise FolderError(folder.file("run-status.json"), "is missing")
        self.folder = folder
        self.status: RunStatus = status
        self._log = BatchedEventLog(folder)
        self._dirty = False
        self._synced = time.monotonic()

    def append(self, event: dict[str, Any], *, stage: str | None = None) -> None:
        """Add an event to the batch."""
        self._log.append(event, stage=stage)
        self._dirty = True

    def flush(self) -> None:
        """Write the batch: readers see it from here on, and it survives our death."""
        self._log.flush()

    def sync(self) -> None:
        """Force everything to the disk: it survives the machine's death."""
        self._log.sync()
        self._dirty, self._synced = False, time.monotonic()

    def tick(self) -> None:
        """Sync when something was written and the last sync is a second ago; cheap otherwise."""
        if self._dirty and time.monotonic() - self._synced >= SYNC_S:
            self.sync()

    def say(self, event: dict[str, Any], *, stage: str | None = None) -> None:
        """Add one event and write it now."""
        self.append(event, stage=stage)
        self.flush()

    def message(
        self, code: str, text: str, *, level: str = "info", stage: str | None = None
    ) -> None:
        """Say something that a person should read."""
        event = {"kind": "message", "level": level, "code": code, "text": text}
        self.say(event, stage=stage)

    def update(self, change: Callable[[RunStatus], None]) -> None:
        """Change the status at the revision that we know; StaleRevision when another wrote it."""
        self.status = self.folder.move(self.status.revision, change)

    def move_to(self, phase: Phase, change: Callable[[RunStatus], None] | None = None) -> None:
        """Move the run to a phase where it may go there (forward), and say so in an event."""
        before = self.status.phase
        moves = before is not phase and before.may_become(phase)

        def both(status: RunStatus) -> None:
            if moves:
                status.phase = phase
            if change is not None:
                change(status)

        if moves or change is not None:
            self.update(both)
        if moves:
            self.say({"kind": "phase", "from_phase": str(before), "to_phase": str(phase)})

    def close(self) -> None:
        self._log.close()
