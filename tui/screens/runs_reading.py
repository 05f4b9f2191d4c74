"""The reading half of Runs: what is on the disk, looked at in threads, as an index of rows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock

from textual import events, on, work
from textual.worker import get_current_worker

from engine.catalogue.run_reader import RunReader
from engine.catalogue.summary import RunSummary
from engine.workspace import Workspace
from tui.acting import at_work, hand_over, say
from tui.ahead import load_ahead
from tui.screens.base import RoomScreen
from tui.standing import is_seen
from tui.views.quick_gates import quick_verdicts
from tui.views.run_index import RunIndex, judged
from tui.views.runs_view import RunRow, Verdicts
from tui.widgets.run_table import RunTable

FIRST_WAIT_S = 0.1
"""So long the first paint waits for the first rows; without them it says that they are read."""

LOOK_EVERY_S = 1.0
"""How often the workspace is looked at for changes."""

JUDGE_EVERY_S = 0.25
"""How often the rows on the screen are looked through for gates that were not judged yet."""

JUDGED_AT_ONCE = 6
"""Runs whose rows are read in one go; between two such the screen has moved on or not."""


class RunsReading(RoomScreen):
    """Keeps `index` up to date. A subclass shows it, in `show_list`."""

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self.index = RunIndex((), datetime.now(UTC), quick_verdicts)
        self.read_once = False
        self._go_to = run_id
        self._reading = Lock()
        self._judged: dict[str, tuple[RunSummary, Verdicts]] = {}
        self._judged_at = -1
        self._came = asyncio.Event()

    @cached_property
    def workspace(self) -> Workspace:
        return Workspace(self.factory.workspace)

    @cached_property
    def _reader(self) -> RunReader:
        return RunReader(self.workspace)

    @property
    def table(self) -> RunTable:
        return self.query_one(RunTable)

    def show_list(self) -> None:
        """Show the index."""
        raise NotImplementedError

    def show_judged(self, run_ids: Container[str]) -> None:
        """Show what the judge said of these runs where more than the list says it."""

    @on(events.Mount)
    async def _begin(self) -> None:
        self.read_all()
        # Few runs on a disk that answers are there before the first paint: one in place of two.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), FIRST_WAIT_S)
        self.set_interval(LOOK_EVERY_S, self.look)
        self.set_interval(JUDGE_EVERY_S, self._judge_seen)

    def on_screen_resume(self) -> None:
        if self.read_once:
            self.look()

    # --- reading ------------------------------------------------------------------

    def look(self) -> None:
        """Look again, unless the last look is still under way or nobody sees the list."""
        if is_seen(self) and not at_work(self, "read", "read all"):
            self._look([row.run_id for row in self.table.seen])

    @work(thread=True, group="read")
    def _look(self, seen: list[str]) -> None:
        try:
            with self._reading:
                summaries = self._reader.look(seen)
                if summaries is not None:
                    self._hand_over(summaries)
        except OSError as error:
            self._say_unreadable(error)

    @work(thread=True, group="read all")
    def read_all(self, anew: bool = False) -> None:
        """Read every run that changed, or all of them."""
        worker = get_current_worker()
        try:
            with self._reading, _no_rubbish(keep=not self.read_once):
                for summaries in self._reader.read(anew=anew):
                    if worker.is_cancelled:
                        return  # who leaves does not wait for the rest
                    self._hand_over(summaries)
                # Made here, so that the first key of a filter need not wait for it.
                _ = self.index.words
        except OSError as error:
            self._say_unreadable(error)
        finally:
            self.app.call_from_thread(self.call_after_refresh, load_ahead)

    def _hand_over(self, summaries: Iterable[RunSummary]) -> None:
        """Make rows in this thread, and show them in the screen's."""
        index = RunIndex(summaries, datetime.now(UTC), self._verdicts_of, self.index)
        hand_over(self, self._take, index)

    def _say_unreadable(self, error: OSError) -> None:
        text = f"The runs cannot be read: {error.strerror or error} ({error.filename})."
        hand_over(self, say, self, text, "error")

    def _take(self, index: RunIndex) -> None:
        first, self.read_once = not self.read_once, True
        self._came.set()
        before, self.index = self.index, index
        if first or not _same_rows(before, index):
            self.show_list()
            if self._go_to in index.rows:
                self.table.select(self._go_to or "")
                self._go_to = None

    # --- gates: a quick guess for all, the judge's word for those that are seen ---------

    def _verdicts_of(self, summary: RunSummary) -> Verdicts:
        known = self._judged.get(summary.run_id)
        if known is not None and known[0] is summary:
            return known[1]
        return quick_verdicts(summary)

    def _judge_seen(self) -> None:
        """Judge what is on the screen, once it has stood still for a moment."""
        if not is_seen(self) or at_work(self, "judge", "read", "read all"):
            return  # the list comes first: what judges would take its time from it
        at, self._judged_at = self._judged_at, self.table.scroll_offset.y
        if at != self._judged_at:
            return
        wanted = [row.summary for row in self.table.seen if self._to_judge(row)]
        if wanted:
            self._judge(wanted[:JUDGED_AT_ONCE])

    def _to_judge(self, row: RunRow) -> bool:
        if row.summary.primary_candidate is None:
            return False
        known = self._judged.get(row.run_id)
        return known is None or known[0] is not row.summary

    @work(thread=True, group="judge")
    def _judge(self, summaries: list[RunSummary]) -> None:
        from tui.views.verdicts import exact_verdicts

        found = {}
        for summary in summaries:
            try:
                verdicts = exact_verdicts(summary.path)
            except OSError:  # the folder went away; the next look takes it off the list
                verdicts = None
            found[summary.run_id] = (summary, verdicts or quick_verdicts(summary))
        hand_over(self, self._take_verdicts, found)

    def _take_verdicts(self, found: dict[str, tuple[RunSummary, Verdicts]]) -> None:
        self._judged |= found
        if judged(self.index.rows, found):
            self.show_list()
        self.show_judged(found)


@contextmanager
def _no_rubbish(keep: bool) -> Iterator[None]:
    """Have Python look for no cycles while tens of thousands of objects are made; with ``keep``
    never among them: such a look would hold the screen up, and find nothing."""
    gc.disable()
    try:
        yield
    finally:
        if keep:
            gc.freeze()
        gc.enable()


def _same_rows(one: RunIndex, other: RunIndex) -> bool:
    return len(one) == len(other) and all(
        a is b for a, b in zip(one.rows.values(), other.rows.values(), strict=True)
    )
