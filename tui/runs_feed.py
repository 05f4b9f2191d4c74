"""Follows several run folders in one thread, a piece of each in turn, for a screen that draws them.

One thread for all of them: the runs grow evenly while they are read, and a screen of twelve long
runs is no slower to answer than one of a single run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tui.feed import LOOK_EVERY_FINAL_S, LOOK_EVERY_S, Follower, RunFeed


class RunsFeed(Follower):
    """The feeds of some runs; none of them has a thread of its own."""

    def __init__(self, folders: Mapping[str, Path], changed: Callable[[], object]) -> None:
        """``folders`` by run id, in the order of the comparison."""
        super().__init__(changed)
        self._feeds = {run: RunFeed(path, _nothing) for run, path in folders.items()}

    @property
    def feeds(self) -> Mapping[str, RunFeed]:
        """The run feeds by run id. Their values are read inside ``frame`` or ``guard``."""
        return self._feeds

    def add(self, run_id: str, folder: Path) -> None:
        """Follow one run more."""
        # A new mapping: the thread may be going through the old one.
        self._feeds = {**self._feeds, run_id: RunFeed(folder, _nothing)}

    def drop(self, run_id: str) -> None:
        """Follow a run no longer."""
        self._feeds = {run: feed for run, feed in self._feeds.items() if run != run_id}

    @property
    def behind(self) -> int:
        """Bytes of event logs that were not folded yet."""
        return sum(feed.behind for feed in self._feeds.values())

    @property
    def size(self) -> int:
        """Bytes of all event logs."""
        return sum(feed.size for feed in self._feeds.values())

    @property
    def pause_s(self) -> float:
        feeds = self._feeds.values()
        if any(feed.behind for feed in feeds):
            return 0.0
        live = any(feed.liveness in ("running", "waiting") for feed in feeds)
        return LOOK_EVERY_S if live else LOOK_EVERY_FINAL_S

    def look(self) -> bool:
        changed = False
        for feed in self._feeds.values():
            changed = feed.look() or changed
        return changed

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Nothing of any run moves meanwhile."""
        with ExitStack() as stack:
            for feed in self._feeds.values():
                stack.enter_context(feed.lock)
            yield

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Read the values of all runs; from here on, news are told again."""
        with super().frame(), self.guard():
            yield


def _nothing() -> None:
    """What a feed without a thread of its own tells nobody."""


class Guard:
    """A feed's guard as a context manager that is entered again and again, for a chart."""

    def __init__(self, feed: Callable[[], RunsFeed | None]) -> None:
        self._feed = feed
        self._held: list[ExitStack] = []

    def __enter__(self) -> None:
        stack = ExitStack()
        feed = self._feed()
        if feed is not None:
            stack.enter_context(feed.guard())
        self._held.append(stack)

    def __exit__(self, *_error: object) -> None:
        self._held.pop().close()
