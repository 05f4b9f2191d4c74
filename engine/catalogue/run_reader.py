"""Reads the runs of a workspace again and again, and only those that changed.

Three kinds of look. The first takes what was kept from the last start, shows it, and holds it
against the files. ``read`` looks at every folder. ``look`` is what happens each second while
nothing happens: at the runs that are live or on the screen, at a share of the others in turn, and
at whether a run came or went. Used from one worker thread at a time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.catalogue.summary import RunSummary, summarise
from engine.catalogue.summary_cache import Stamp, SummaryCache, settled, stamp_from, stamp_of
from engine.workspace import Workspace

FIRST = 200
"""Runs that are read before the list is shown for the first time."""

WORTH_KEEPING = 500
"""Below so many runs they are read sooner than a cache."""

IN_TURN = 100
"""Runs off the screen that each look takes; it asks for the time of the folder alone, which
changes with every record that is written by renaming. 10,000 runs are round in 100 seconds."""

EXACTLY = 4
"""Runs on the screen of which each look asks for the times of the files themselves: an editor may
write one in place."""

_SAVE_AFTER = 50
_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Known:
    """A run as it was read; ``folder_ns`` is its folder's time, 0 where only the cache knew it."""

    summary: RunSummary
    stamp: Stamp
    settled: bool
    folder_ns: int = 0


class RunReader:
    """The summaries of a workspace's runs, kept from one look to the next."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._runs = f"{workspace.runs_dir}/"
        self._cache = SummaryCache(workspace.local_dir / "cache" / "summaries.jsonl")
        self._known: dict[str, _Known] = {}
        self._names: list[str] = []
        self._listed_ns = -1
        self._next = 0
        self._looks = 0
        self._listed_at = 0
        self._read = 0
        self._started = False
        self._loads: Callable[[bytes], object] = json.loads

    def read(self, *, anew: bool = False) -> Iterator[list[RunSummary]]:
        """All runs, newest first; while much is read for the first time, also what is there so far.

        ``anew`` forgets what is known. OSError where the workspace cannot be read.
        """
        first = not self._started
        self._started = True
        if anew:
            self._known = {}
        self._list()
        many = len(self._names) >= WORTH_KEEPING
        if many:
            from engine.quick_json import loads  # a workspace of a few runs is painted sooner

            self._loads = loads
        if first and not anew and many:
            yield from self._take_cache()
        fresh = 0
        for name in self._names:
            fresh += name not in self._known
            self._see(name, exactly=True)
            if fresh in (FIRST, 10 * FIRST):
                fresh += 1
                yield self._newest_first()
        yield self._newest_first()
        if self._read >= (1 if first else _SAVE_AFTER) and many:
            self._save()

    def look(self, seen: Sequence[str] = ()) -> list[RunSummary] | None:
        """All runs again where something changed, else None. ``seen`` are those on the screen."""
        before = self._read
        changed = self._list()
        moving = [name for name, one in self._known.items() if one.summary.liveness != "idle"]
        for name in moving:
            self._see(name, exactly=True)
        self._looks += 1
        exact = {(EXACTLY * self._looks + number) % max(1, len(seen)) for number in range(EXACTLY)}
        for number, name in enumerate(seen):
            self._see(name, exactly=number in exact)
        names = self._names
        turn = names[self._next : self._next + IN_TURN]
        self._next = self._next + IN_TURN if self._next + IN_TURN < len(names) else 0
        # A run that came is read now, wherever it stands; most looks have none.
        new = [name for name in names if name not in self._known] if changed else []
        for name in (*turn, *new):
            self._see(name)
        return self._newest_first() if changed or self._read != before else None

    # --- one look at one run ------------------------------------------------------

    def _list(self) -> bool:
        """List the directory, if a run came or went; whether one did."""
        try:
            at = self._workspace.runs_dir.stat().st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            at = 0
        # A change within the tick of the last listing would not show in the time.
        if at == self._listed_ns and settled(at, self._listed_at):
            return False
        self._listed_at = time.time_ns()
        names = self._workspace.run_names()
        changed = names != self._names
        self._listed_ns, self._names = at, names
        if changed:
            gone = self._known.keys() - set(names)
            for name in gone:
                del self._known[name]
        return changed

    def _see(self, name: str, exactly: bool = False) -> None:
        """Read a run if it changed: by its folder's time or, ``exactly``, by its files'."""
        path = self._runs + name
        known = self._known.get(name)
        try:
            at = os.stat(path).st_mtime_ns  # noqa: PTH116 - a path object a run takes longer
            if known is not None and known.folder_ns == at and not exactly and known.settled:
                return
            still = known is not None and known.settled and not _may_move(known)
            if known is not None and still and stamp_of(path)[0] == known.stamp:
                known.folder_ns = at
                return
        except OSError:  # removed since it was listed
            if self._known.pop(name, None) is not None:
                self._read += 1
            return
        seen: dict[str, os.stat_result] = {}
        summary = summarise(Path(path), seen, self._loads)
        stamp, newest = stamp_from(seen)
        if known is not None and known.summary == summary:
            summary = known.summary  # the same object: nothing is drawn anew
        else:
            self._read += 1
        self._known[name] = _Known(summary, stamp, settled(newest), at)

    def _newest_first(self) -> list[RunSummary]:
        summaries = [one.summary for one in self._known.values()]
        return sorted(summaries, key=lambda run: (run.created or _OLDEST, run.run_id), reverse=True)

    # --- the cache ----------------------------------------------------------------

    def _take_cache(self) -> Iterator[list[RunSummary]]:
        """What was kept of runs that are still here, shown before it is held against the files."""
        here = set(self._names)
        shown = 0
        for piece in self._cache.load(self._workspace.runs_dir):
            for name, (stamp, summary) in piece.items():
                if name in here:
                    self._known[name] = _Known(summary, stamp, settled=True)
            if shown == 0:
                shown = len(self._known)
                yield self._newest_first()
        if len(self._known) > shown:
            yield self._newest_first()

    def _save(self) -> None:
        self._read = 0
        # The newest first: they are the ones that the next start shows first.
        newest = (self._known[name] for name in self._names if name in self._known)
        self._cache.save(
            (one.stamp, one.summary) for one in newest if one.settled and not _may_move(one)
        )


def all_runs(workspace: Workspace) -> list[RunSummary]:
    """A summary of each run, newest first; what was kept of a run counts while its files are the
    same. OSError where the workspace cannot be read."""
    *_, summaries = RunReader(workspace).read()
    return summaries


def _may_move(known: _Known) -> bool:
    """Whether a run changes though its files do not: something runs, or died."""
    return known.summary.liveness != "idle"
