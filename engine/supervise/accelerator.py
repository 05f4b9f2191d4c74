"""A run's way to the one accelerator: ask, wait in line and say so, clear what a dead one left."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.folder import FolderError, RunFolder
from engine.processes import is_alive, myself
from engine.records.status import RunStatus, StageState
from engine.supervise.journal import Journal
from engine.supervise.orphans import stop_orphans
from engine.supervise.process import Patience
from engine.supervise.queue import POLL_S, Place


class Accelerator:
    """One run's claim. OSError and FolderError are for the caller."""

    def __init__(self, journal: Journal, workspace: Path) -> None:
        self._journal = journal
        self._place = Place(workspace, journal.folder.path, myself())

    def ask(self, *, ready: bool) -> None:
        """Stand in line, behind everyone who asked before; others pass until we are ``ready``."""
        self._place.ask(ready=ready)

    def leave(self) -> None:
        """Give it back, or leave the line."""
        self._place.leave()

    async def get(self, cancel: asyncio.Event, patience: Patience) -> None:
        """Wait for our turn, saying what we wait for; returns without it when ``cancel`` is set."""
        said: tuple[int, str] | None = None
        while not cancel.is_set() and not self._place.try_take():
            words = self._place.wait_words()
            if words != said:
                said = words
                self._say_waiting(*words)
            try:
                await asyncio.wait_for(cancel.wait(), POLL_S)
            except TimeoutError:
                self._journal.tick()
        if cancel.is_set():
            return
        if said is not None:
            self._journal.update(_waits_no_more)
        await self._clear(patience)

    def _say_waiting(self, position: int, words: str) -> None:
        def change(status: RunStatus) -> None:
            status.waiting_for = words

        self._journal.update(change)
        self._journal.say({"kind": "queued", "position": position, "waiting_for": words})

    async def _clear(self, patience: Patience) -> None:
        """Stop what the owner before us left computing, if it died with the lock."""
        previous, self._place.previous = self._place.previous, None
        if previous is None or Path(previous.run_dir) == self._journal.folder.path:
            return  # our own earlier supervisor was looked after when we took over
        folder = RunFolder(Path(previous.run_dir))
        try:
            status = folder.status()
        except FolderError as error:
            text = f"Whether {previous.run_id} left something computing is not known: {error}."
            self._journal.message("orphan", text, level="warning")
            return
        await stop_orphans_of(folder, status, self._journal, patience)


async def stop_orphans_of(
    folder: RunFolder, status: RunStatus | None, journal: Journal, patience: Patience
) -> None:
    """Stop the child that a dead supervisor left in ``folder``, and say so in ``journal``."""
    if status is None or is_alive(status.supervisor):
        return
    running = any(one.state is StageState.RUNNING for one in status.stages.values())
    if status.child is None and not running:
        return  # a stage that runs without a child died between its start and the note of it
    count = await asyncio.to_thread(stop_orphans, folder.path, status.child, patience)
    if count:
        what = "A process" if count == 1 else f"{count} processes"
        number = "" if status.child is None else f" (process {status.child.pid})"
        text = (
            f"{what} that a dead supervisor of {folder.run_id} had left computing{number} had to "
            "be stopped first."
        )
        journal.message("orphan", text, level="warning")


def _waits_no_more(status: RunStatus) -> None:
    status.waiting_for = None
