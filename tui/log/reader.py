"""Reads the log of a run in a thread of its own: its rows, a filter over them, and a search.

Nothing of the file is held but counts (see ``log_index``), so a log of any size is opened at its
end at once, and is scrolled, filtered and searched while it grows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.supervise.train_log import INDEX, LOG
from tui.feed import Follower
from tui.log.file import LogFile
from tui.log.find import Pattern, Scan, Wanted
from tui.log.index import LogIndex
from tui.log.line import MAX_BYTES
from tui.log.spans import Kind, Spans

_BUSY_S = 0.001
"""How long the lock is held at most while a piece is read: a screen may wait for so long."""
_REST_S = 0.0005
_LOOK_EVERY_S = 0.1
_QUIET_AFTER_S, _LOOK_EVERY_QUIET_S = 3.0, 0.25
"""Nothing came for so long: then it is looked less often, which spares the processor."""


class LogReader(Follower):
    """The log of one folder: a run's, or ``name`` in another's. Questions are asked in ``frame`` or
    with ``lock`` held."""

    def __init__(self, folder: Path, changed: Callable[[], object], name: str = LOG) -> None:
        super().__init__(changed)
        self.file = LogFile(folder / name)
        self._index_file = LogFile(folder / INDEX)
        self._busy = False
        self._last = time.monotonic()
        """When something came, or was wished for."""
        self._open()
        self.generation = 0
        """Rises when another file begins: places in the old one mean nothing any more."""

    def _open(self) -> None:
        self.spans = Spans(self._index_file)
        self.index = LogIndex(self.file, self.spans)
        self.wanted = Wanted()
        self.filtered: Scan | None = None
        self.found: Scan | None = None

    def turn_to(self, file: Path) -> None:
        """Read another log from here on; search and filter stay."""
        with self.lock:
            if file == self.file.path:
                return
            self.file.close()
            self._index_file.close()
            self.file, self._index_file = LogFile(file), LogFile(file.parent / INDEX)
            wanted, search = self.wanted, self.found
            self._open()
            self.generation += 1
            self.want(wanted)
            if search is not None:
                self._search(search.wanted.patterns[-1])

    @property
    def pause_s(self) -> float:
        if self._busy:
            return _REST_S
        quiet = time.monotonic() - self._last > _QUIET_AFTER_S
        return _LOOK_EVERY_QUIET_S if quiet else _LOOK_EVERY_S

    def stop(self) -> None:
        super().stop()
        with self.lock:
            self.file.close()
            self._index_file.close()

    # --- reading, in the thread ---------------------------------------------------

    def look(self) -> bool:
        with self.lock:
            if self._stop.is_set():
                return False
            changed = False if self._busy else self._look_at_files()
            until = time.monotonic() + _BUSY_S
            worked = False
            while self._step():
                worked = True
                if time.monotonic() > until:
                    break
            now = time.monotonic()
            self._busy = worked and now > until
            self._last = now if changed or worked else self._last
        return changed or worked

    def _look_at_files(self) -> bool:
        # The log before its index: a writer writes what an entry says before what it is about.
        change = self.file.look()
        spans = self._index_file.look()
        if change in ("new", "gone") or spans == "new":
            wanted, search = self.wanted, self.found
            self._open()
            self.generation += 1
            self.want(wanted)
            if search is not None:
                self._search(search.wanted.patterns[-1])
            return True
        return change == "grown"

    def _step(self) -> bool:
        """The most urgent piece of work; whether there was any."""
        if self.spans.step() or self.index.step():
            return True
        return any(scan is not None and scan.step() for scan in (self.filtered, self.found))

    # --- wishes -------------------------------------------------------------------

    def want(self, wanted: Wanted) -> None:
        """Show only these rows from here on."""
        self.wanted = wanted
        self.filtered = None if wanted.everything else Scan(self.index, wanted)
        if self.found is not None:
            self._search(self.found.wanted.patterns[-1])

    def search(self, pattern: Pattern | None) -> None:
        """Look for the shown rows that match, or for none."""
        if pattern is None:
            self.found = None
        else:
            self._search(pattern)

    def _search(self, pattern: Pattern) -> None:
        patterns = (*self.wanted.patterns, pattern)
        self.found = Scan(self.index, replace(self.wanted, patterns=patterns))

    def break_off(self) -> bool:
        """Let a search or filter that is under way go no further; whether there was one."""
        under_way = [one for one in (self.found, self.filtered) if one is not None and one.busy]
        for one in under_way:
            one.stopped = True
        return bool(under_way)

    # --- questions ----------------------------------------------------------------

    @property
    def shown(self) -> LogIndex | Scan:
        """The rows that are shown, in their order."""
        return self.filtered or self.index

    @property
    def total(self) -> int:
        """How many rows are shown, as far as was read."""
        return self.shown.counts.total

    def rows(self, first: int, count: int) -> list[tuple[int, bytes, Kind]]:
        """Rows by their numbers: where each begins, its bytes, its stage and stream."""
        found = []
        for number in range(max(0, first), min(first + count, self.total)):
            start = self.shown.start_of(number)
            found.append((start, self.index.raw(start, MAX_BYTES), self.spans.kind_at(start)))
        return found

    def line_number(self, start: int) -> int:
        """The line of the file, from 1, in which a byte stands. Reads all before it."""
        lines, at = 1, 0
        while at < start:
            with self.lock:
                data = self.file.read(at, min(1 << 20, start - at))
            if not data:
                break
            lines += data.count(b"\n")
            at += len(data)
        return lines
