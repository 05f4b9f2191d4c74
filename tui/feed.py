"""Follows a run folder in a thread of its own and tells its screen that there is something new.

A look costs a stat of each followed file while nothing happens. What is new is folded in pieces;
of a run of a million events a first look at samples is there at once, until all of it was read.
Screens hear of news at most FRAMES times a second, however much comes. A frame costs the same with
one event in it as with a hundred: where few come there are few frames, and many where many come, so
that what is shown is never old.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.live.history import History
from engine.live.plan_pace import plan_seconds_left, usual_seconds
from engine.live.projection import RunProjection
from engine.live.signs import Sign, SignBook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.catalogue.summary import Liveness

FRAMES = 10
LOOK_EVERY_S = 0.08
"""Between two looks at a run that may change; with a frame in between, well under 250 ms."""
REST_S = 0.22
"""Between two frames while few events come."""
BUSY_LOOK_EVERY_S, BUSY_REST_S = 0.01, 0.03
"""The same while many come: at 1,000 a second 99 of 100 are shown within 100 ms."""
BUSY_BYTES, BUSY_FRAME_BYTES = 1 << 10, 4 << 10
"""Many: so much in one look, or since the last frame."""
LOOK_EVERY_FINAL_S = 0.5
ALIVE_EVERY_S = 1.0
YIELD_S = 0.02
"""At most so long a long read gives way to the screen after each piece."""
TELL_EVERY_S = 0.4
"""Between two words on how far a long history was read, while the picture is that of samples."""
SWITCH_S = 0.001
"""How long one thread of the program runs before another has its turn."""
_MAX_RECORD = 4 * 2**20


class Follower:
    """A thread that calls ``look`` again and again, and ``changed`` when that says so."""

    def __init__(self, changed: Callable[[], object]) -> None:
        self.lock = threading.Lock()
        self.news = 0
        """Bytes taken in since the screen was told last; a look adds to it."""
        self._changed = changed
        self._stop = threading.Event()
        self._unseen = False
        self._told = 0.0
        self._waiting = False
        self._thread = threading.Thread(target=self._run, daemon=True, name=type(self).__name__)

    def start(self) -> None:
        # Python lets a thread run 5 ms before another may: the screen would wait that long for each
        # of its turns while a history is read.
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it does so after the look that it is at."""
        self._stop.set()

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Read the feed's values; nothing moves meanwhile. From here on, news are told again."""
        self._waiting = False
        with self.lock:
            yield

    def look(self) -> bool:
        raise NotImplementedError

    @property
    def pause_s(self) -> float:
        """Seconds until the next look."""
        raise NotImplementedError

    @property
    def rest_s(self) -> float:
        """Seconds between two frames."""
        return 1 / FRAMES

    def _run(self) -> None:
        while not self._stop.is_set():
            began, own = time.monotonic(), time.thread_time()
            self._unseen = self.look() or self._unseen
            now = time.monotonic()
            # Where this thread stood still the screen wanted to work, or another program: it gets
            # as much again, undisturbed, but no more than half of all time.
            worked = time.thread_time() - own
            stood = min(now - began - worked, worked)
            rest = self._told + self.rest_s - now
            if self._unseen and not self._waiting and rest <= 0:
                self._unseen, self._waiting, self._told = False, True, now
                self.news = 0
                self._changed()
            pause = min(self.pause_s, max(rest, 0.005)) if self._unseen else self.pause_s
            self._stop.wait(max(pause, min(stood, YIELD_S)))


class RunFeed(Follower):
    """One run folder: its events folded, its status. Values are read in ``frame``.

    ``changed`` is called from the feed's thread, once until the next ``frame``.
    """

    def __init__(self, folder: Path, changed: Callable[[], object]) -> None:
        super().__init__(changed)
        self.folder = folder
        self._history = History(folder / "events.jsonl", self.lock)
        self._book = SignBook()
        self._usual: dict[str, float] | None = None
        self.status: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.plan: dict[str, Any] = {}
        self.liveness: Liveness = "idle"
        self.gone = False
        """Whether the folder is not there any more: somebody moved or deleted it."""
        self.size = 0
        """Bytes of the event log."""
        self._grown = 0
        """Bytes that the last look found new."""
        self._said = self._records_at = 0.0
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._alive_at = 0.0

    def signs(self, now: float, machine_bytes: int | None = None) -> list[Sign]:
        """What the run said and what its numbers say, oldest first; call it in ``frame``."""
        alive = self.liveness == "running"
        return self._book.tell(
            self.projection, now=now if alive else None, machine_bytes=machine_bytes
        )

    def plan_left(self, now: float) -> float | None:
        """Seconds to the end of the run, by how long stages took before; call it in ``frame``."""
        return plan_seconds_left(self.projection, self._usual or {}, now)

    @property
    def final(self) -> bool:
        """Whether the run has ended for good."""
        phase = self.status.get("phase") or self.projection.phase
        return phase in ("decided", "failed", "cancelled")

    @property
    def projection(self) -> RunProjection:
        """The run as its events tell it; of a long history first as samples of it do."""
        return self._history.view

    @property
    def coarse(self) -> bool:
        """Whether ``projection`` is made of samples: a long history is still being read."""
        return self._history.coarse

    @property
    def behind(self) -> int:
        """Bytes of the event log that were not folded yet."""
        return self._history.behind

    @property
    def broken_events(self) -> int:
        """Lines of the event log that are no JSON object."""
        return self._history.broken

    @property
    def pause_s(self) -> float:
        if self.behind:
            return 0.0
        if self._grown >= BUSY_BYTES:
            return BUSY_LOOK_EVERY_S
        return LOOK_EVERY_FINAL_S if self.final else LOOK_EVERY_S

    @property
    def rest_s(self) -> float:
        if self.behind:
            return 1 / FRAMES
        return BUSY_REST_S if self.news >= BUSY_FRAME_BYTES else REST_S

    def look(self) -> bool:
        """Take in what is new, a bounded piece of it; whether anything was."""
        changed, before = False, self.size
        now = time.monotonic()
        if not self.behind or now - self._records_at >= LOOK_EVERY_S:
            self._records_at = now
            changed = self._look_at_records()
        changed = self._look_at_events() or changed
        self._grown = max(0, self.size - before)
        self.news += self._grown
        looked = self._book.take_in(self._history.whole)
        changed = (looked and not self.coarse) or changed
        changed = self._look_whether_alive() or changed
        return self._look_at_earlier_runs() or changed

    def _look_at_records(self) -> bool:
        changed = False
        for name in ("run-status.json", "plan.json", "config.json"):
            mark = _mark(self.folder / name)
            if mark is None or mark == self._seen.get(name):
                continue
            self._seen[name] = mark
            record = _read_object(self.folder / name)
            if record is None:
                # Not whole or not readable: kept as it was, and looked at again when it changes.
                continue
            changed = True
            with self.lock:
                self._take_record(name, record)
        return changed

    def _take_record(self, name: str, record: dict[str, Any]) -> None:
        if name == "run-status.json":
            self.status = record
            self._alive_at = 0.0
        elif name == "config.json":
            self.config = record
        else:
            self.plan = record
            stages = record.get("stages")
            if isinstance(stages, list):
                names = [one.get("name") for one in stages if isinstance(one, dict)]
                self._history.plan_stages([n for n in names if isinstance(n, str)])

    def _look_at_events(self) -> bool:
        mark = _mark(self.folder / "events.jsonl")
        if mark is None:
            return False
        before = self._seen.get("events.jsonl")
        if mark == before and not self.behind:
            return False
        if before is not None and (mark[2] != before[2] or mark[1] < before[1]):
            # Another file, or a shorter one, is another story: it is told from its beginning.
            self._history.restart()
        self._seen["events.jsonl"] = mark
        self.size = mark[1]
        changed = self._history.read()
        now = time.monotonic()
        if self.coarse and now - self._said >= TELL_EVERY_S:
            self._said, changed = now, True
        return changed

    def _look_at_earlier_runs(self) -> bool:
        """How long the stages of this plan usually take: looked up once, while the run runs."""
        if self._usual is not None or self.behind or self.liveness != "running" or not self.plan:
            return False
        self._usual = usual_seconds(self.folder)
        return bool(self._usual)

    def _look_whether_alive(self) -> bool:
        now = time.monotonic()
        if now - self._alive_at < ALIVE_EVERY_S:
            return False
        self._alive_at = now
        from engine.catalogue.summary import liveness_of

        before = (self.liveness, self.gone)
        self.liveness, self.gone = liveness_of(self.status), not self.folder.is_dir()
        return before != (self.liveness, self.gone)


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written: its time, its size and which file it is."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_object(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MAX_RECORD))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
