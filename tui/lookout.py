"""Looks after the runs while nobody does: the terminal's title, and a call when one ends.

In: the queue's files, now and then. Out: a title, a sentence for each run that ended, and where the
terminal is not in front a notification.
"""

from __future__ import annotations

import contextlib
import errno
import termios
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from engine.remote import mirrors
from tui.attention import (
    GIVE_TITLE_BACK,
    KEEP_TITLE,
    Surroundings,
    call,
    title_of,
    title_sequence,
)
from tui.settings import ScreenSettings

if TYPE_CHECKING:
    from tui.watching import Look, Watch

AWAY_AFTER_S = 90.0
"""A terminal that never says whether it is in front counts as left after so long without a key."""


def terminal_is_gone() -> bool:
    """Whether the terminal of this process was taken away: its window was closed, the line broke.

    Who ignores the signal that says so (as under nohup) would read for ever from what is not there.
    """
    try:
        termios.tcgetattr(0)
    except termios.error as error:
        return bool(error.args) and error.args[0] == errno.EIO
    return False


class Lookout:
    """``write`` writes to the terminal; ``tell`` shows a sentence, good or bad."""

    def __init__(
        self,
        workspace: Path,
        settings: ScreenSettings,
        write: Callable[[str], object],
        tell: Callable[[str, bool], object],
    ) -> None:
        self._workspace = workspace
        self._watch: Watch | None = None
        self._place = short_path(workspace)
        self._settings = settings
        self._write = write
        self._tell = tell
        self._title = ""
        self._key_at = monotonic()
        self._in_front: bool | None = None

    def key_pressed(self) -> None:
        self._key_at = monotonic()

    def focus_moved(self, in_front: bool) -> None:
        """The terminal says that it is in front now, or is not any more."""
        self._in_front = in_front

    def suspended(self) -> None:
        """The shell, an editor or a pager has the terminal: its own title again, until then."""
        self._write(GIVE_TITLE_BACK)

    def resumed(self) -> None:
        """The screen is back; its title too, and not only when it changes."""
        self._write(KEEP_TITLE)
        if self._title:
            self._write(self._title)

    @property
    def away(self) -> bool:
        """Whether the terminal is not in front, as far as can be told."""
        if self._in_front is not None:
            return not self._in_front
        return monotonic() - self._key_at > AWAY_AFTER_S

    def look(self) -> Look:
        """What there is to be said; blocks for some milliseconds, so it belongs into a thread."""
        if self._watch is None:
            from tui.watching import Watch

            self._watch = Watch(self._workspace)
        return self._watch.look()

    def say(self, look: Look) -> None:
        """Say it."""
        if self._settings.title:
            title = title_sequence(title_of(look.running, look.waiting, self._place))
            if title != self._title:
                self._title = title
                self._write(title)
        from tui.watching import ending

        for summary in look.ended:
            well, words = ending(summary)
            self._tell(f"{summary.run_id} {words}", well)
            if self.away and self._settings.notify != "off":
                name = f"{'✔' if well else '✘'} {summary.run_id}"
                call(self._settings.notify, name, words, self._write, Surroundings.here())


def short_path(path: Path) -> str:
    """A path with ~ for the home directory; the address of a copy's workspace."""
    if (root := mirrors.root_of(path)) is not None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return str(mirrors.address_of(root))
    text, home = str(path), str(Path.home())
    return "~" + text.removeprefix(home) if text == home or text.startswith(home + "/") else text
