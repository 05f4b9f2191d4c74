"""Reads the runs of a workspace again and again, and only those that changed.

A record is written by renaming, which changes its folder's time; so a run whose folder has the
time it had is not read again, unless something is expected to run in it. Used from one worker
thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from engine.summary import RunSummary, summarise
from engine.workspace import Workspace

FIRST = 200
"""Runs that are read before the list is shown for the first time."""


class RunReader:
    """The summaries of a workspace's runs, kept from one look to the next."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[Path, tuple[int, RunSummary]] = {}

    def read(self, *, anew: bool = False) -> Iterator[list[RunSummary]]:
        """All runs, newest first; while much is read for the first time, also what is there so far.

        ``anew`` forgets what is known, for files that another program changed in place.
        OSError where the workspace cannot be read.
        """
        known = {} if anew else self._known
        found: dict[Path, tuple[int, RunSummary]] = {}
        fresh = 0
        for path in self._workspace.run_paths():
            try:
                stamp = path.stat().st_mtime_ns
            except OSError:  # removed since it was listed
                continue
            before = known.get(path)
            if before is None or before[0] != stamp or _may_move(before[1]):
                fresh += before is None
                found[path] = (stamp, summarise(path))
                if fresh in (FIRST, 10 * FIRST) and before is None:
                    yield _newest_first(found)
            else:
                found[path] = before
        self._known = found
        yield _newest_first(found)


def _may_move(summary: RunSummary) -> bool:
    """Whether a run changes though its folder's time does not: something runs, or died."""
    return summary.liveness != "idle"


def _newest_first(found: dict[Path, tuple[int, RunSummary]]) -> list[RunSummary]:
    oldest = datetime.min.replace(tzinfo=UTC)
    summaries = [summary for _, summary in found.values()]
    return sorted(summaries, key=lambda run: (run.created or oldest, run.run_id), reverse=True)
