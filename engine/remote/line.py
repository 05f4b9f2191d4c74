"""Keeps a copy up to date for as long as a process lives: connects, copies, connects again.

One process at a time writes a copy (flock); a second screen or command on the same workspace reads
what the first one copies, and takes its place when that one ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from typing import Any

from engine.remote import mirrors
from engine.remote.address import Address
from engine.remote.copying import Copy
from engine.remote.talk import Refused, Talk
from engine.remote.wire import LineError

PATIENCE_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Between two attempts after a line broke; the last one for ever."""
_SAY_S = 0.5


class Line:
    """A thread that keeps the copy of one workspace. ``ready`` is set when it can be shown."""

    def __init__(self, address: Address) -> None:
        self.copy = Copy(address)
        self.ready = threading.Event()
        self.whole = threading.Event()
        """Set once all that was there had been copied."""
        self.problem: str | None = None
        """Why there is nothing to show, once ``ready``; None where there is."""
        self._stop = threading.Event()
        self._talk: Talk | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="Line")

    def start(self) -> None:
        """Prepare the copy and begin. OSError where the cache cannot be written."""
        self.copy.prepare()
        self._thread.start()

    def stop(self) -> None:
        """End the line; the copy stays."""
        self._stop.set()
        if (talk := self._talk) is not None:
            talk.end()
        self._thread.join(5.0)

    def _run(self) -> None:
        lock = os.open(
            self.copy.path / ".factory" / "line.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            while not self._stop.is_set():
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:  # another process keeps it: read what that one copies
                    self._read_along(mirrors.line_state(self.copy.path))
                    self._stop.wait(0.2)
            self._keep()
        finally:
            os.close(lock)

    def _read_along(self, state: dict[str, Any]) -> None:
        """What another process says of the line is true here as well."""
        match state.get("state"):
            case "up":
                self.problem = None
                self.ready.set()
                if not state.get("behind"):
                    self.whole.set()
            case "lost" | "refused" if not self.ready.is_set():
                self.problem = None if self._has_runs() else str(state.get("words"))
                self.ready.set()

    def _keep(self) -> None:
        failed = 0
        while not self._stop.is_set():
            began = time.monotonic()
            state, words = "lost", ""
            if failed == 0:
                self._say("connecting", "connecting …")
            try:
                self._copy_until_it_breaks()
            except LineError as error:
                words = str(error)
            except Refused as error:
                state, words = "refused", str(error)
            except OSError as error:
                words = f"the copy cannot be written: {error.strerror or error}"
            if self._stop.is_set():
                return
            if time.monotonic() - began > PATIENCE_S[-1]:
                failed = 0
            pause = PATIENCE_S[min(failed, len(PATIENCE_S) - 1)]
            failed += 1
            self._say(
                state,
                f"{words}" if state == "refused" else f"connection lost ({words}), trying again",
            )
            if not self.ready.is_set():
                self.problem = words if not self._has_runs() else None
                self.ready.set()
            self._stop.wait(pause)

    def _has_runs(self) -> bool:
        with contextlib.suppress(OSError):
            return any(os.scandir(self.copy.path / "runs"))
        return False

    def _say(self, state: str, words: str, behind: int = 0) -> None:
        with contextlib.suppress(OSError):  # a full disk: what is copied says the same next
            self.copy.say(state, words, behind)

    def _copy_until_it_breaks(self) -> None:
        self._talk = talk = Talk(self.copy.address)
        try:
            if not self._stop.is_set():
                with talk:
                    self._copy(talk)
        finally:
            self._talk = None

    def _copy(self, talk: Talk) -> None:
        talk.ask({"held": self.copy.held()})
        said = -1
        at = 0.0
        while not self._stop.is_set():
            head, body = talk.receive()
            if "round" not in head:
                self.copy.take(head, body)
                continue
            behind = head.get("behind")
            behind = behind if type(behind) is int and behind >= 0 else 0
            now = time.monotonic()
            if behind != said and (now - at > _SAY_S or behind == 0):
                said, at = behind, now
                words = "connected" if not behind else f"connected, {behind:,} bytes to come"
                self._say("up", words, behind)
            self.problem = None
            self.ready.set()
            if behind == 0:
                self.whole.set()
