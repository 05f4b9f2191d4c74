"""One accelerator, many runs: a queue of tickets in the order asked, and a lock with an owner.

``.factory/queue/<number>-<run>.json`` is a ticket, ``.factory/accelerator.lock`` the lock. The lock
is flock(2) on an open file, so the kernel frees it when its owner dies; who the owner is stands
inside. A ticket whose owner died is removed by whoever waits next.
Readers of ``state`` take no lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from engine.folder import exclusive, write_json_atomic
from engine.processes import is_alive, lives
from engine.records.base import Record, UtcTime, utc_now
from engine.records.status import ProcessId

POLL_S = 0.5
"""How often a waiting supervisor looks: a directory listing and one system call."""


class Ticket(Record):
    """A run that wants the accelerator, or the one that has it."""

    run_id: str
    run_dir: str
    process: ProcessId
    asked: UtcTime
    ready: bool = True
    """Whether it would take the accelerator now; False while a stage that needs none runs."""


@dataclass(frozen=True)
class QueueState:
    """Who has the accelerator of a workspace and who waits, in order. Only living ones."""

    owner: Ticket | None
    waiting: list[Ticket]

    def position(self, run_id: str) -> int | None:
        """1 for the next in line, None for a run that does not wait."""
        for number, ticket in enumerate(self.waiting, 1):
            if ticket.run_id == run_id:
                return number
        return None


def state(workspace: Path) -> QueueState:
    """What the queue of a workspace looks like now; takes nothing and removes nothing."""
    owner = _read(_lock_path(workspace))
    waiting = [ticket for _, ticket in _tickets(workspace) if lives(ticket.process)]
    return QueueState(owner if owner and lives(owner.process) else None, waiting)


class Place:
    """One run's place in the queue: from the ticket to the lock, and out again."""

    def __init__(self, workspace: Path, run_dir: Path, process: ProcessId) -> None:
        self._workspace = workspace
        self._ticket = Ticket(
            run_id=run_dir.name, run_dir=str(run_dir), process=process, asked=utc_now()
        )
        self._path: Path | None = None
        self._lock: int | None = None
        self.previous: Ticket | None = None
        """Who had the lock before us and did not give it back: it died. Set by ``try_take``."""

    @property
    def held(self) -> bool:
        return self._lock is not None

    def ask(self, *, ready: bool = True) -> None:
        """Draw a ticket, behind everyone who asked before; whoever is not ``ready`` keeps the place
        and lets others pass until the first ``try_take``. OSError when it cannot be written."""
        self._ticket.ready = ready
        directory = _queue_dir(self._workspace)
        directory.mkdir(parents=True, exist_ok=True)
        with exclusive(directory / ".numbers"):
            numbers = [int(path.name.split("-", 1)[0]) for path in _ticket_paths(self._workspace)]
            number = max(numbers, default=0) + 1
            self._path = directory / f"{number:09d}-{self._ticket.run_id}.json"
            write_json_atomic(self._path, self._ticket)

    def try_take(self) -> bool:
        """Take the lock when we are the first in line and it is free; never waits."""
        if self.held:
            return True
        if self._path is None or not self._path.exists():
            self.ask()  # someone cleared the queue: ask again
        elif not self._ticket.ready:
            self._ticket.ready = True
            write_json_atomic(self._path, self._ticket)
        for path, ticket in _tickets(self._workspace):
            if path == self._path:
                break
            if not is_alive(ticket.process):
                path.unlink(missing_ok=True)
            elif ticket.ready:
                return False
        lock = os.open(_lock_path(self._workspace), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        self.previous = _read(_lock_path(self._workspace))
        os.truncate(lock, 0)
        os.pwrite(lock, (self._ticket.model_dump_json(indent=2) + "\n").encode(), 0)
        self._drop_ticket()
        return True

    def wait_words(self) -> tuple[int, str]:
        """Our position in line (1 is next) and, in words, what we wait for."""
        now = state(self._workspace)
        ready = QueueState(now.owner, [one for one in now.waiting if one.ready])
        position = ready.position(self._ticket.run_id) or 1
        owner = now.owner.run_id if now.owner else None
        words = f"the accelerator, which {owner} has" if owner else "the accelerator"
        if position > 1:
            before = position - 1
            words += f"; {before} run{'s' if before > 1 else ''} asked before"
        return position, words

    def leave(self) -> None:
        """Give back the lock or the ticket; harmless when there is neither."""
        self._drop_ticket()
        if self._lock is not None:
            with contextlib.suppress(OSError):
                os.truncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def _drop_ticket(self) -> None:
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def _queue_dir(workspace: Path) -> Path:
    return workspace / ".factory" / "queue"


def _lock_path(workspace: Path) -> Path:
    return workspace / ".factory" / "accelerator.lock"


def _ticket_paths(workspace: Path) -> list[Path]:
    try:
        names = list(_queue_dir(workspace).iterdir())
    except OSError:
        return []
    return sorted(path for path in names if path.suffix == ".json" and path.name[:9].isdecimal())


def _tickets(workspace: Path) -> list[tuple[Path, Ticket]]:
    """The tickets in order; one that cannot be read (half removed, not ours) is passed over."""
    pairs = ((path, _read(path)) for path in _ticket_paths(workspace))
    return [(path, ticket) for path, ticket in pairs if ticket is not None]


def _read(path: Path) -> Ticket | None:
    try:
        return Ticket.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError, RecursionError):
        return None
