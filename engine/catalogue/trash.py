"""The trash of a workspace: run folders that were taken off the list, until somebody empties it.

A run is moved there and back by renaming its folder, in one step, so it is always whole and in
one place. ``.factory/trash/<run>-<YYYYMMDDTHHMMSSZ>[.n]/`` is a run and when it was deleted; there
is no other record of it. Nothing here removes anything by itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.folder import RunFolder, flush
from engine.remote import mirrors
from engine.workspace import Workspace, WorkspaceError

OLD = timedelta(days=30)
"""What lies in the trash for longer may be emptied in one go, when somebody asks for it."""

_ENTRY = re.compile(r"(?P<run>.+)-(?P<when>\d{8}T\d{6}Z)(?:\.\d+)?")


class TrashError(Exception):
    """A run was not deleted, restored or removed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Trashed:
    """A run in the trash, and the moment (UTC) when it was deleted."""

    run_id: str
    path: Path
    when: datetime


class Trash:
    """The trash of one workspace. Functions touch the disk and may block; call them in a thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.path = workspace.local_dir / "trash"

    def entries(self) -> list[Trashed]:
        """What is in the trash, deleted last first. Folders with other names are left alone."""
        try:
            names = [entry.name for entry in os.scandir(self.path) if entry.is_dir()]
        except FileNotFoundError:
            return []
        found = []
        for name in names:
            match = _ENTRY.fullmatch(name)
            if match is None:
                continue
            with contextlib.suppress(ValueError):  # a moment that no calendar has
                when = datetime.strptime(match["when"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                found.append(Trashed(match["run"], self.path / name, when))
        return sorted(found, key=lambda one: (one.when, one.path.name), reverse=True)

    def put(self, run_id: str, now: datetime | None = None) -> Trashed:
        """Move a run into the trash. TrashError for one that runs, waits or cannot be moved."""
        try:
            run = self._workspace.run_path(run_id)
        except WorkspaceError as error:
            raise TrashError(str(error)) from error
        if run.name != run_id:
            raise TrashError(f"There is no run {run_id} any more.")
        if run.is_symlink():
            raise TrashError(f"{run_id} is a link to another folder; remove the link by hand.")
        if (root := mirrors.root_of(run)) is not None:
            raise TrashError(f"{mirrors.only_there(root)}.")
        when = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        with _said(f"{run_id} cannot be moved to the trash"), _at_rest(run):
            self.path.mkdir(parents=True, exist_ok=True)
            place = self._free(f"{run_id}-{when:%Y%m%dT%H%M%SZ}")
            run.rename(place)
            flush(self.path)
        return Trashed(run_id, place, when)

    def restore(self, entry: Trashed) -> Path:
        """Move a run back to where it was. TrashError where its name is taken by another."""
        self._inside(entry)
        place = self._workspace.runs_dir / entry.run_id
        if place.exists() or place.is_symlink():
            raise TrashError(
                f"{entry.run_id} cannot be restored: another run has that name now. Rename or "
                "delete that one first; the old one stays in the trash."
            )
        if not entry.path.is_dir():
            raise TrashError(f"{entry.run_id} is no longer in the trash.")
        with _said(f"{entry.run_id} cannot be restored"):
            self._workspace.runs_dir.mkdir(parents=True, exist_ok=True)
            entry.path.rename(place)
            flush(self._workspace.runs_dir)
        return place

    def destroy(self, entry: Trashed) -> None:
        """Remove a run for good. TrashError where something of it could not be removed."""
        self._inside(entry)
        with _said(f"{entry.run_id} cannot be removed"):
            shutil.rmtree(entry.path)

    def older_than(self, age: timedelta = OLD, now: datetime | None = None) -> list[Trashed]:
        """What was deleted longer ago than ``age``."""
        before = (now or datetime.now(UTC)) - age
        return [entry for entry in self.entries() if entry.when < before]

    def _free(self, name: str) -> Path:
        """A path in the trash that nothing has: deleted, restored and deleted within a second."""
        place, number = self.path / name, 1
        while place.exists():
            number += 1
            place = self.path / f"{name}.{number}"
        return place

    def _inside(self, entry: Trashed) -> None:
        if entry.path.parent != self.path or not _ENTRY.fullmatch(entry.path.name):
            raise TrashError(f"{entry.path} is not in the trash of this workspace.")


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder that can be looked at. Links are not followed."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(directory, name)).st_size  # noqa: PTH118 - many
    return total


def one_of_them(names: Sequence[str], limit: int = 3) -> str:
    """A few names and how many more there are, for a sentence."""
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


@contextlib.contextmanager
def _at_rest(run: Path) -> Iterator[None]:
    """Nothing runs in the folder, and nothing can be started in it meanwhile."""
    from engine.folder import FolderError
    from engine.processes import is_alive
    from engine.supervise.launch import liveness
    from engine.supervise.run_lock import RunIsHeld, RunLock

    try:
        status = RunFolder(run).status()
    except FolderError:  # a status that cannot be read belongs to no run that goes on
        status = None
    if status is None or not (run / "events.jsonl").is_file():
        yield
        return
    state = liveness(status)
    if state in ("running", "waiting"):
        raise TrashError(f"{run.name} is {state}. Cancel it first (C), then delete it.")
    if status.child is not None and is_alive(status.child):
        raise TrashError(
            f"{run.name} lost its supervisor, but its stage still computes (process "
            f"{status.child.pid}). Cancel it first (C), then delete it."
        )
    try:
        with RunLock(run):
            yield
    except RunIsHeld as error:
        raise TrashError(f"{run.name} is being written. Cancel it first (C).") from error


_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EACCES: "this user may not change that folder; look at its owner and rights",
    errno.EPERM: "this user may not change that folder; look at its owner and rights",
    errno.EROFS: "the disk is read-only",
    errno.EXDEV: "the trash lies on another disk; put .factory on the disk that runs/ is on",
}


@contextlib.contextmanager
def _said(what: str) -> Iterator[None]:
    """An error of the system as a sentence."""
    try:
        yield
    except OSError as error:
        why = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise TrashError(f"{what}: {why}.") from error
