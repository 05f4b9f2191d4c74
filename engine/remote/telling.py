"""The end at the workspace: looks at the folders again and again and tells what is new.

In: the workspace, and what the other end holds of it already. Out: messages. Small records of all
runs go first, so that a list is there soon; then what grows, the newest first, a bounded piece of
it in each round, so that a run that goes on is never behind a long history. Writes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from engine.catalogue.summary import liveness_of
from engine.plain_file import open_plain, read_plain_stat
from engine.remote import travelling as travel
from engine.workspace import Workspace

ROUND_BYTES = 4 * 2**20
"""So much of growing files is told in one round at most."""
IN_TURN = 100
"""Runs at rest that each round looks into; a folder's own time is asked of all."""

Send = Callable[[dict[str, Any], bytes], None]
Held = Mapping[str, object]
"""What the other end holds: a path to ``[size, time in ns]`` of a record, or to ``[size, hash of
the bytes before its end]`` of a file that grows."""


def end_hash(path: str, size: int) -> str | None:
    """The hash of the last bytes before ``size``; None where the file is shorter or not there."""
    try:
        with open_plain(path) as file:  # type: ignore[arg-type]  # a string opens as well
            start = max(0, size - travel.TAIL_LOOKED_AT)
            file.seek(start)
            data = file.read(size - start)
    except OSError:
        return None
    return hashlib.sha256(data).hexdigest()[:16] if len(data) == size - start else None


class Telling:
    """What one connection was told so far. ``send`` writes a message."""

    def __init__(self, workspace: Workspace, held: Held, send: Send) -> None:
        self._top = str(workspace.path)
        self._workspace = workspace
        self._send = send
        self._records: dict[str, tuple[int, int, int]] = {}
        self._held = {path: value for path, value in held.items() if travel.how(path)}
        self._ends: dict[str, tuple[int, int]] = {}
        """Growing file → which file it is, and how much of it was told."""
        self._names: dict[str, set[str]] = {}
        for path in self._held:
            if (run := travel.run_of(path)) is not None:
                self._names.setdefault(run, set()).add(path.rsplit("/", 1)[1])
        self._times: dict[str, int] = {}
        self._status: dict[str, dict[str, Any]] = {}
        self._behind: dict[str, int] = {}
        self._turn = 0
        self._alive: list[Any] | None = None
        self._queue: set[str] = set()

    def round(self) -> bool:
        """Look once and tell what is new; whether there is more to tell at once."""
        names = [name for name in self._workspace.run_names() if travel.is_run_id(name)]
        for name in [*(self._names.keys() - set(names))]:
            self._forget(name)
            self._send({"gone": f"runs/{name}"}, b"")
        turn = set(names[self._turn : self._turn + IN_TURN])
        self._turn = self._turn + IN_TURN if self._turn + IN_TURN < len(names) else 0
        growing: list[tuple[float, str, int, int]] = []
        for name in names[: travel.MAX_RUNS]:
            try:
                at = os.stat(f"{self._top}/runs/{name}").st_mtime_ns  # noqa: PTH116 - many
            except OSError:
                continue
            if at != self._times.get(name) or name in turn or name in self._status:
                self._times[name] = at
                self._look_into(name, growing)
        self._look_at_queue()
        self._tell_alive()
        growing.sort(reverse=True)
        left = ROUND_BYTES
        behind = 0
        for _, path, size, inode in growing:
            told = self._grow(path, size, inode, left)
            left -= told
            behind += size - self._ends.get(path, (0, 0))[1]
        self._send({"round": self._turn, "behind": max(0, behind)}, b"")
        return behind > 0

    # --- one run ------------------------------------------------------------------

    def _look_into(self, run: str, growing: list[tuple[float, str, int, int]]) -> None:
        there: set[str] = set()
        folder = f"runs/{run}"
        self._names.setdefault(run, set())
        try:
            entries = list(os.scandir(f"{self._top}/{folder}"))
        except OSError:
            return
        for entry in sorted(entries, key=lambda one: one.name):
            how = travel.how_in_run(entry.name)
            path = f"{folder}/{entry.name}"
            try:
                if how is None or not entry.is_file(follow_symlinks=False):
                    if entry.name in travel.FOLDERS and entry.is_dir(follow_symlinks=False):
                        self._tell_folder(path)
                    continue
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            there.add(entry.name)
            if how == "record":
                self._tell_record(path, found)
            elif how == "tail":
                self._tell_tail(path, found)
            elif (found.st_ino, found.st_size) != self._ends.get(path):
                growing.append((found.st_mtime, path, found.st_size, found.st_ino))
        for name in self._names[run] - there:
            if travel.how_in_run(name):
                self._drop(f"{folder}/{name}")
        self._names[run] = there
        if run in self._status and "run-status.json" not in there:
            del self._status[run]

    def _tell_folder(self, path: str) -> None:
        if path not in self._records:
            self._records[path] = (0, 0, 0)
            self._send({"folder": path}, b"")

    def _tell_record(self, path: str, found: os.stat_result) -> None:
        mark = (found.st_size, found.st_mtime_ns, found.st_ino)
        if self._records.get(path) == mark:
            return
        is_status = path.endswith("/run-status.json")
        held = self._held.pop(path, None)
        same = held == [found.st_size, found.st_mtime_ns]
        if found.st_size > travel.MAX_RECORD:
            self._records[path] = mark
            return
        if same and not is_status:
            self._records[path] = mark
            return
        try:
            data, now = read_plain_stat(f"{self._top}/{path}", travel.MAX_RECORD)
        except OSError:
            return
        self._records[path] = (now.st_size, now.st_mtime_ns, now.st_ino)
        if is_status:
            self._note_status(path.split("/")[1], data)
        if not same:
            self._send({"record": path, "time": now.st_mtime_ns}, data)

    def _note_status(self, run: str, data: bytes) -> None:
        """Remember the status of a run in which something may happen."""
        try:
            status = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(status, dict) and liveness_of(status) != "idle":
            self._status[run] = status
        else:
            self._status.pop(run, None)

    def _tell_tail(self, path: str, found: os.stat_result) -> None:
        mark = (found.st_size, found.st_mtime_ns, found.st_ino)
        before = self._records.get(path)
        if before == mark:
            return
        held = self._held.pop(path, None)
        self._records[path] = mark
        if held is not None and held == [min(found.st_size, travel.LOG_TAIL), found.st_mtime_ns]:
            return
        fresh = found.st_size - before[0] if before and before[2] == found.st_ino else -1
        try:
            with open_plain(f"{self._top}/{path}") as file:  # type: ignore[arg-type]
                if before and 0 <= fresh <= travel.LOG_TAIL:
                    file.seek(before[0])
                    body, more = file.read(fresh), True
                else:
                    file.seek(max(0, found.st_size - travel.LOG_TAIL))
                    body, more = file.read(travel.LOG_TAIL), False
        except OSError:
            return
        self._send({"tail": path, "time": found.st_mtime_ns, "more": more}, body)

    def _drop(self, path: str) -> None:
        self._records.pop(path, None)
        self._ends.pop(path, None)
        self._held.pop(path, None)
        self._send({"gone": path}, b"")

    def _forget(self, run: str) -> None:
        for known in (self._records, self._ends, self._held):
            for path in [path for path in known if travel.run_of(path) == run]:
                known.pop(path, None)
        self._names.pop(run, None)
        self._times.pop(run, None)
        self._status.pop(run, None)

    # --- what grows ---------------------------------------------------------------

    def _grow(self, path: str, size: int, inode: int, most: int) -> int:
        """Tell the next bytes of a file that grows, up to ``most``; how many were told."""
        known = self._ends.get(path)
        if known is None:
            known = (inode, self._agreed(path, size))
        elif known[0] != inode or size < known[1]:
            known = (inode, 0)  # another file, or a shorter one, is told from its beginning
        at, told = known[1], 0
        fresh = at == 0
        with (
            contextlib.suppress(OSError),
            open_plain(f"{self._top}/{path}") as file,  # type: ignore[arg-type]
        ):
            file.seek(at)
            while told < most and at < size:
                body = file.read(min(travel.PIECE, size - at, most - told))
                if not body:
                    break
                self._send({"grow": path, "at": at, **({"anew": True} if fresh else {})}, body)
                fresh = False
                at, told = at + len(body), told + len(body)
        self._ends[path] = (inode, at)
        return told

    def _agreed(self, path: str, size: int) -> int:
        """Up to where the other end holds the very bytes that are here."""
        held = self._held.pop(path, None)
        if not isinstance(held, list) or len(held) != 2 or type(held[0]) is not int:
            return 0
        if not 0 < held[0] <= size:
            return 0
        return held[0] if end_hash(f"{self._top}/{path}", held[0]) == held[1] else 0

    # --- the machine --------------------------------------------------------------

    def _look_at_queue(self) -> None:
        """The accelerator's lock and the tickets, as small records."""
        local = f"{self._top}/.factory"
        paths = [".factory/accelerator.lock"]
        with contextlib.suppress(OSError):
            paths += [f".factory/queue/{name}" for name in os.listdir(f"{local}/queue")]  # noqa: PTH208
        there = {path for path in paths if travel.how(path)}
        for path in there:
            with contextlib.suppress(OSError):
                self._tell_record(path, os.stat(f"{self._top}/{path}", follow_symlinks=False))  # noqa: PTH116
        for path in self._queue - there:
            self._drop(path)
        self._queue = there

    def _tell_alive(self) -> None:
        """The supervisors that are alive now: only this machine can see that."""
        alive = [
            status["supervisor"]
            for status in self._status.values()
            if liveness_of(status) in ("running", "waiting")
        ]
        if alive != self._alive:
            self._alive = alive
            self._send({"alive": alive}, b"")
