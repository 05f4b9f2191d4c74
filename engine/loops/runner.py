"""One loop from its first open step to its end, whatever its kind.

A step that is done has its file, so a runner that was killed at any moment is followed by one that
goes on with the first step without a file: nothing is done twice, nothing is lost. Exit codes: 0
the loop ended or waits for a person; 1 it failed; 2 there was nothing to do, with the reason; 3
cancelled.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from engine.folder import EventLog, FolderError
from engine.loops.folder import STATUS, LoopFolder, Request
from engine.processes import myself
from engine.records.base import utc_now
from engine.records.loop import Loop, LoopPhase, LoopStatus
from engine.records.status import LastError
from engine.supervise import ready
from engine.supervise.run_lock import RunLock

DONE, FAILED, REFUSED, CANCELLED = 0, 1, 2, 3


class LoopCancelled(Exception):
    """Somebody asked the loop to stop now."""


class LoopPaused(Exception):
    """The loop waits for a person; the text says for what."""


class LoopFailed(Exception):
    """The loop cannot go on by itself; the text says why, ``fix`` what to do."""

    def __init__(self, text: str, fix: str | None = None) -> None:
        super().__init__(text)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an iteration: its name for people, the record whose file says that it is done, and
    what does it (and returns that record)."""

    name: str
    record: type[BaseModel]
    do: Callable[[int], BaseModel]


class Kind(Protocol):
    """What a flywheel and a research campaign differ in."""

    def steps(self) -> Sequence[Step]:
        """The steps of an iteration, in their order."""
        ...

    def begin(self) -> None:
        """Look whether the loop may go on at all; LoopFailed with the reason."""
        ...

    def why_end(self, iteration: int) -> str | None:
        """Why the loop ends after an iteration that is done (0: before the first), or None."""
        ...

    def finish(self) -> None:
        """What is to be done once there are no more iterations; may be begun again after a kill."""
        ...

    def end(self, phase: LoopPhase, reason: str) -> None:
        """Whoever looks from outside is to see how the loop ended, or that it waits."""
        ...


class Runner:
    """What a kind of loop is given to work with."""

    def __init__(self, folder: LoopFolder) -> None:
        self.folder = folder
        self.loop: Loop = folder.loop()
        self.status: LoopStatus = folder.status()
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._log: EventLog | None = None

    # --- for the steps ------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def check_stop(self) -> None:
        """LoopCancelled once somebody asked."""
        if self._stop.is_set():
            raise LoopCancelled

    def wait(self, seconds: float) -> None:
        """Sleep, but wake and raise LoopCancelled when somebody asks to stop."""
        if self._stop.wait(seconds):
            raise LoopCancelled

    def say(self, kind: str, **values: Any) -> None:
        """Append an event to the loop's stream."""
        if self._log is not None:
            self._log.append({"kind": kind, "iteration": self.status.iteration, **values})

    def message(self, code: str, text: str, level: str = "info") -> None:
        """Something that a person should read."""
        self.say("message", level=level, code=code, text=text)

    def update(self, change: Callable[[LoopStatus], None]) -> None:
        """Change the status; this process is its only writer."""
        self.status = self.folder.move(self.status.revision, change)

    @property
    def worked_s(self) -> float:
        """Seconds of wall clock over all sittings so far, pauses left out."""
        return self.status.worked_s + (time.monotonic() - self._began)

    # --- the loop -----------------------------------------------------------------

    def run(self, make: Callable[[Runner], Kind]) -> int:
        """Go on until the loop ends, pauses, fails or is cancelled; returns the exit code."""
        with RunLock(self.folder.path, STATUS):
            self.status = self.folder.status()
            self._log = self.folder.events()
            me = myself()

            def begin(status: LoopStatus) -> None:
                status.phase, status.runner = LoopPhase.RUNNING, me
                status.started = status.started or utc_now()
                status.ended = status.reason = status.last_error = None

            try:
                self.update(begin)
                ready.tell(os.environ, "")
                self.say("loop-running")
                return self._run(make)
            finally:
                self._log.close()

    def ask_to_stop(self, *_: object) -> None:
        self._stop.set()

    def _run(self, make: Callable[[Runner], Kind]) -> int:
        kind: Kind | None = None
        try:
            kind = make(self)
            phase, reason = self._go_on(kind)
        except LoopPaused as pause:
            phase, reason = LoopPhase.PAUSED, str(pause)
        except LoopCancelled:
            phase, reason = LoopPhase.CANCELLED, "Cancelled. It goes on from here: resume."
        except LoopFailed as failure:
            return self._failed(kind, str(failure), failure.fix)
        except (OSError, FolderError) as error:
            return self._failed(kind, f"The loop had to stop: {error}", "Mend it, then: resume.")
        return self._end(kind, phase, reason)

    def _go_on(self, kind: Kind) -> tuple[LoopPhase, str]:
        kind.begin()
        number = self._first_open(kind)
        while (reason := kind.why_end(number - 1)) is None:
            self._iterate(kind, number)
            if self.folder.withdraw(Request.STOP):
                return LoopPhase.PAUSED, "Stopped after the iteration, as asked."
            number += 1
        kind.finish()
        return LoopPhase.COMPLETED, reason

    def _first_open(self, kind: Kind) -> int:
        begun = self.folder.iterations()
        last = begun[-1] if begun else 1
        steps = kind.steps()
        whole = all(self.folder.done(last, step.record) is not None for step in steps)
        return last + 1 if begun and whole else last

    def _iterate(self, kind: Kind, number: int) -> None:
        for step in kind.steps():
            if self.folder.done(number, step.record) is not None:
                continue
            self.check_stop()
            if self.folder.withdraw(Request.PAUSE):
                raise LoopPaused(f"Paused before {step.name} of iteration {number}, as asked.")

            def at(status: LoopStatus, name: str = step.name) -> None:
                status.iteration, status.step = number, name

            self.update(at)
            self.say("step-start", step=step.name)
            record = step.do(number)
            self.folder.conclude(number, record)
            self.say("step-end", step=step.name)

    # --- endings ------------------------------------------------------------------

    def _end(self, kind: Kind | None, phase: LoopPhase, reason: str) -> int:
        def change(status: LoopStatus) -> None:
            self._note_end(status, phase, reason)

        self.update(change)
        self.say("loop-ended", phase=str(phase), reason=reason)
        if kind is not None:
            kind.end(phase, reason)
        return CANCELLED if phase is LoopPhase.CANCELLED else DONE

    def _failed(self, kind: Kind | None, text: str, fix: str | None) -> int:
        def change(status: LoopStatus) -> None:
            self._note_end(status, LoopPhase.FAILED, text)
            status.last_error = LastError(stage=status.step, message=text, fix=fix)

        print(text, file=sys.stderr)
        self.update(change)
        self.say("loop-ended", phase="failed", reason=text)
        if kind is not None:
            kind.end(LoopPhase.FAILED, text)
        return FAILED

    def _note_end(self, status: LoopStatus, phase: LoopPhase, reason: str) -> None:
        status.phase, status.reason, status.runner = phase, reason, None
        status.worked_s = self.worked_s
        if phase.ended:
            status.ended = utc_now()
