"""The end at the workspace: looks at the folders again and again and tells what is new.

In: the workspace, and what the other end holds of it already. Out: messages. Small records of all
runs go first, so that a list is there soon; then what grows (``growth``). The status of a run that
the other end knows waits until what had grown by then is told: who reads that a run has ended has
all of it. Writes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from engine.catalogue.summary import liveness_of
from engine.plain_file import open_plain, read_plain_stat
from engine.remote import travelling as travel
from engine.remote.growth import Growth
from engine.workspace import Workspace

IN_TURN = 100
"""Runs at rest that each round looks into; a folder's own time is asked of all."""
SPEAK_S = 5.0
"""A look that takes longer says in between that it goes on."""

_STATUS = "run-status.json"
Send = Callable[[dict[str, Any], bytes], None]
Held = Mapping[str, object]
"""What the other end holds: a path to ``[size, time in ns]`` of a record, or to ``[size, hash of
the bytes before its end]`` of a file that grows."""


class Telling:
    """What one connection was told so far. ``send`` writes a message."""

    def __init__(self, workspace: Workspace, held: Held, send: Send) -> None:
        self._top = str(workspace.path)
        self._workspace = workspace
        self._send = send
        self._records: dict[str, tuple[int, int, int]] = {}
        self._held = {path: value for path, value in held.items() if travel.how(path)}
        self._growth = Growth(self._top, self._held, send)
        self._names: dict[str, set[str]] = {}
        for path in self._held:
            if (run := travel.run_of(path)) is not None:
                self._names.setdefault(run, set()).add(path.rsplit("/", 1)[1])
        self._times: dict[str, int] = {}
        self._status: dict[str, dict[str, Any]] = {}
        """The statuses that were told of runs in which something may happen."""
        self._late: dict[str, tuple[int, bytes]] = {}
        """Run → its new status, which waits for what grew before it."""
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
        spoke = time.monotonic()
        for name in names[: travel.MAX_RUNS]:
            if time.monotonic() - spoke > SPEAK_S:
                spoke = time.monotonic()
                self._send({"looking": name}, b"")
            try:
                at = os.stat(f"{self._top}/runs/{name}").st_mtime_ns  # noqa: PTH116 - many
            except OSError:
                continue
            if at != self._times.get(name) or name in turn or name in self._status:
                self._times[name] = at
                self._look_into(name)
        self._look_at_queue()
        self._tell_alive()
        told = self._growth.tell()
        for name in [name for name in self._late if not self._growth.is_behind(f"runs/{name}")]:
            self._tell_status(name, *self._late.pop(name))
        self._tell_alive()
        behind = self._growth.behind()
        self._send({"round": self._turn, "behind": behind}, b"")
        return told > 0 and behind > 0

    # --- one run ------------------------------------------------------------------

    def _look_into(self, run: str) -> None:
        there: set[str] = set()
        folder = f"runs/{run}"
        self._names.setdefault(run, set())
        try:
            entries = list(os.scandir(f"{self._top}/{folder}"))
        except OSError:
            return
        # The status first: what a run wrote before it is then in the sizes that are seen below.
        for entry in sorted(entries, key=lambda one: (one.name != _STATUS, one.name)):
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
            else:
                self._growth.seen(path, found)
        for name in self._names[run] - there:
            if travel.how_in_run(name):
                self._drop(f"{folder}/{name}")
        self._names[run] = there
        if _STATUS not in there:
            self._status.pop(run, None)
            self._late.pop(run, None)

    def _tell_folder(self, path: str) -> None:
        if path not in self._records:
            self._records[path] = (0, 0, 0)
            self._send({"folder": path}, b"")

    def _tell_record(self, path: str, found: os.stat_result) -> None:
        mark = (found.st_size, found.st_mtime_ns, found.st_ino)
        if self._records.get(path) == mark:
            return
        is_status = path.endswith(f"/{_STATUS}")
        known = path in self._records
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
        if same:
            self._note_status(path.split("/")[1], data)
        elif not is_status:
            self._send({"record": path, "time": now.st_mtime_ns}, data)
        elif known or held is not None:
            self._late[path.split("/")[1]] = (now.st_mtime_ns, data)
        else:
            self._tell_status(path.split("/")[1], now.st_mtime_ns, data)

    def _tell_status(self, run: str, at: int, data: bytes) -> None:
        """Tell a status; that its supervisor is alive goes before it."""
        self._note_status(run, data)
        if run in self._status:
            self._tell_alive()
        self._send({"record": f"runs/{run}/{_STATUS}", "time": at}, data)

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
        self._held.pop(path, None)
        self._growth.forget(path)
        self._send({"gone": path}, b"")

    def _forget(self, run: str) -> None:
        for known in (self._records, self._held):
            for path in [path for path in known if travel.run_of(path) == run]:
                known.pop(path, None)
        self._growth.forget(f"runs/{run}")
        self._names.pop(run, None)
        self._times.pop(run, None)
        self._status.pop(run, None)
        self._late.pop(run, None)

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
        """The supervisors that are alive now: only this machine can see that. One that has ended
        with a status that is not told yet counts: told without it, it would look like dead."""
        alive = [
            status["supervisor"]
            for run, status in self._status.items()
            if liveness_of(status) in ("running", "waiting") or self._has_newer_status(run)
        ]
        if alive != self._alive:
            self._alive = alive
            self._send({"alive": alive}, b"")

    def _has_newer_status(self, run: str) -> bool:
        path = f"runs/{run}/{_STATUS}"
        try:
            now = os.stat(f"{self._top}/{path}", follow_symlinks=False)  # noqa: PTH116
        except OSError:
            return False
        mark = (now.st_size, now.st_mtime_ns, now.st_ino)
        return run in self._late or mark != self._records.get(path)
