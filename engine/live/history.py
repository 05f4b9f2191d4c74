"""One event log as a projection, read piece by piece; of a long one a first look comes at once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from engine.live.folding import fold_block
from engine.live.glance import LONG, glance
from engine.live.projection import RunProjection
from engine.live.tail import LineTail

PIECE = 192 << 10
"""Bytes that are folded at once: some 2 ms, so that nobody waits long for the lock."""


def folded(path: Path) -> RunProjection:
    """All that an event log holds now; nothing where it is not there or cannot be read."""
    view = RunProjection()
    for block in LineTail(path).blocks():
        fold_block(view, block)
    return view


class History:
    """Follows an ``events.jsonl``. Whoever reads ``view`` elsewhere holds the same lock."""

    def __init__(self, path: Path, lock: AbstractContextManager[object]) -> None:
        self.broken = 0
        """Lines that were no JSON object."""
        self.behind = 0
        """Bytes that are there and were not folded yet."""
        self._path = path
        self._lock = lock
        self._lines = LineTail(path)
        self._whole = RunProjection()
        self._glance: RunProjection | None = None
        self._plan: list[str] = []
        self._begun = False

    @property
    def view(self) -> RunProjection:
        """The run as far as it was read; while a long log is being read, as samples tell it."""
        return self._glance or self._whole

    @property
    def whole(self) -> RunProjection:
        """All events as far as they were folded."""
        return self._whole

    @property
    def coarse(self) -> bool:
        """Whether ``view`` is made of samples."""
        return self._glance is not None

    def plan_stages(self, names: Iterable[str]) -> None:
        """Put the plan's stages in their order."""
        self._plan = list(names)
        for one in (self._whole, self._glance):
            if one is not None:
                one.plan_stages(self._plan)

    def restart(self) -> None:
        """Tell it from its beginning: another file is there."""
        self.broken, self._begun = 0, False
        self._lines = LineTail(self._path)
        with self._lock:
            self._whole, self._glance = RunProjection(self._plan), None

    def read(self) -> bool:
        """Take in the next piece; whether ``view`` changed."""
        if not self._begun:
            self._begun = True
            self.behind = self._lines.behind
            if self.behind >= LONG:
                return self._look(self.behind)
        before = self.view
        block = self._lines.read_block(PIECE)
        self.behind = self._lines.behind
        with self._lock:
            self.broken += fold_block(self._whole, block)
            if self.behind < PIECE:
                self._glance = None
        return self.view is not before or (bool(block) and not self.coarse)

    def _look(self, size: int) -> bool:
        found = glance(self._path, size)
        if found is None:
            return False
        found.plan_stages(self._plan)
        with self._lock:
            self._glance = found
        return True
