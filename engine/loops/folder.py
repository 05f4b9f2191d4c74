"""One loop folder: its records, its revisioned status, its iterations and what people ask of it.

One runner writes; screens and command lines read, and ask by putting a file into ``requests/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from engine.building import new_folder
from engine.folder import (
    EventLog,
    StaleRevision,
    alone,
    read_record,
    write_bytes_atomic,
    write_json_atomic,
)
from engine.records.base import utc_now
from engine.records.loop import (
    IterationCommit,
    IterationData,
    IterationPlan,
    IterationRun,
    IterationVerdict,
    Loop,
    LoopStatus,
)
from engine.records.research import TryCommit, TryProposal, TryRuns, TryVerdict
from engine.workspace import Workspace, slugify

RecordT = TypeVar("RecordT", bound=BaseModel)

LOOP, STATUS, EVENTS = "loop.json", "loop-status.json", "events.jsonl"

STEP_FILES: dict[type[BaseModel], str] = {
    IterationPlan: "plan.json",
    IterationRun: "run.json",
    IterationVerdict: "verdict.json",
    IterationData: "data.json",
    IterationCommit: "commit.json",
    TryProposal: "plan.json",
    TryRuns: "run.json",
    TryVerdict: "verdict.json",
    TryCommit: "commit.json",
}
"""The file of each step of an iteration; a campaign's records extend those of every loop."""


class Request(StrEnum):
    """What a person may ask of a running loop."""

    PAUSE = "pause"
    """After the step at hand."""
    STOP = "stop"
    """After the iteration at hand; cancelling stops at once."""
    SKIP_TRAINING = "skip-training"
    """In the next iteration: judge the best adapter again, with the data as it is."""


class LoopFolder:
    """A loop's directory and the operations on it. Holds no state but the path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def loop_id(self) -> str:
        return self.path.name

    @property
    def workspace(self) -> Workspace:
        """The workspace that it lies in (``<workspace>/loops/<loop>``)."""
        return Workspace(self.path.resolve().parent.parent)

    def loop(self) -> Loop:
        """What the loop is; FolderError where it cannot be read."""
        return read_record(self.path / LOOP, Loop)

    def status(self) -> LoopStatus:
        """Where the loop is; FolderError where it cannot be read."""
        return read_record(self.path / STATUS, LoopStatus)

    def move(self, revision: int, change: Callable[[LoopStatus], None]) -> LoopStatus:
        """Change the status that was read at ``revision``; StaleRevision when it moved since."""
        with alone(self.path):
            current = self.status()
            if current.revision != revision:
                raise StaleRevision(
                    self.path / STATUS,
                    f"is at revision {current.revision}, not {revision}: read it again",
                )
            changed = current.model_copy(deep=True)
            change(changed)
            changed.revision = revision + 1
            changed.updated = utc_now()
            write_json_atomic(self.path / STATUS, changed)
            return changed

    def events(self) -> EventLog:
        """The one writer of the loop's events: for the runner, which holds the lock."""
        return EventLog(self.path / EVENTS)

    # --- iterations ---------------------------------------------------------------

    def iteration(self, number: int) -> Path:
        """The folder of an iteration, from 1; it may not be there yet."""
        return self.path / "iterations" / f"{number:03d}"

    def iterations(self) -> list[int]:
        """The numbers of the iterations that were begun, in order."""
        try:
            names = [entry.name for entry in (self.path / "iterations").iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(int(name) for name in names if name.isdecimal())

    def done(self, number: int, kind: type[RecordT]) -> RecordT | None:
        """What a step of an iteration concluded; None where it is not done.

        FolderError where its file is there and cannot be read.
        """
        path = self.iteration(number) / STEP_FILES[kind]
        return read_record(path, kind) if path.exists() else None

    def conclude(self, number: int, record: BaseModel) -> None:
        """Write what a step concluded: from here on the step is done."""
        folder = self.iteration(number)
        folder.mkdir(parents=True, exist_ok=True)
        write_json_atomic(folder / STEP_FILES[type(record)], record)

    # --- what people ask ------------------------------------------------------------

    def ask(self, request: Request) -> None:
        """Leave a request for the runner. OSError as it comes."""
        (self.path / "requests").mkdir(exist_ok=True)
        write_bytes_atomic(self.path / "requests" / request.value, b"")

    def asked(self, request: Request) -> bool:
        return (self.path / "requests" / request.value).exists()

    def withdraw(self, request: Request) -> bool:
        """Take a request back, or mark it as heard; whether it was there."""
        path = self.path / "requests" / request.value
        was = path.exists()
        path.unlink(missing_ok=True)
        return was


def loops_dir(workspace: Workspace) -> Path:
    return workspace.path / "loops"


def find_loops(workspace: Workspace) -> Iterator[LoopFolder]:
    """The loops of a workspace, newest name first; folders without a loop.json are none."""
    try:
        names = sorted((one.name for one in loops_dir(workspace).iterdir()), reverse=True)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        path = loops_dir(workspace) / name
        if not name.startswith(".") and (path / LOOP).is_file():
            yield LoopFolder(path)


def create_loop(
    workspace: Workspace, make: Callable[[str], Loop], day: date | None = None
) -> LoopFolder:
    """Make the next free ``loops/<YYYY-MM-DD>-<target>-<kind>[-n]`` of what ``make`` gives for its
    id. OSError as it comes; half a loop is none."""
    draft = make("draft")
    stem = f"{day or datetime.now(UTC).date()}-{slugify(draft.target)}-{draft.kind}"
    with new_folder(loops_dir(workspace), stem) as made:
        folder, now = LoopFolder(made.path), utc_now()
        loop = make(made.name)
        write_json_atomic(made.path / LOOP, loop)
        log = folder.events()
        try:
            log.append({"kind": "loop-created", "loop_id": made.name, "locked": loop.locked})
        finally:
            log.close()
        status = LoopStatus(loop_id=made.name, created=now, updated=now)
        write_json_atomic(made.path / STATUS, status)
    return LoopFolder(made.place)
