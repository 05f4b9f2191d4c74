"""The machine that a stage runs on, looked at now and then: memory and disk that run out.

Each trouble is said once, and again only after the machine had recovered from it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from engine.supervise.memory import Sample
from engine.supervise.settings import Settings

DISK_EVERY_S = 5.0
"""Between two looks at the disk: asking costs little, and a disk does not fill in a second."""
RECOVERED = 1.5
"""So many times the limit must be free again before the same trouble is news."""

IMMINENT_SHARE = 0.1
"""Below this share of ``disk_low_bytes`` the end is near: that is an error, said once more."""

Level = Literal["warning", "error"]


class Trouble(NamedTuple):
    """Something to be said as a ``message`` event."""

    code: str
    level: Level
    text: str


class MachineWatch:
    """Watches memory and disk for one stage. ``look`` returns what is to be said."""

    def __init__(
        self, folder: Path, settings: Settings, free: Callable[[Path], int | None] | None = None
    ) -> None:
        """``free`` tells the bytes that are free where the run folder is, None where unknown."""
        self._folder = folder
        self._settings = settings
        self._free = free or free_bytes
        self._pressed = False
        self._disk_said: Level | None = None
        self._disk_last: int | None = None
        self._disk_at = -DISK_EVERY_S

    def look(self, sample: Sample, now: float | None = None) -> list[Trouble]:
        """What is new trouble, by a sample of memory and, every DISK_EVERY_S, the disk.

        ``now`` is on a clock that does not go back; the machine's unless told.
        """
        now = time.monotonic() if now is None else now
        found = [self._memory(sample)]
        if now - self._disk_at >= DISK_EVERY_S:
            since, self._disk_at = now - self._disk_at, now
            found.append(self._disk(since))
        return [one for one in found if one is not None]

    def _memory(self, sample: Sample) -> Trouble | None:
        share, limit = sample.available_share, self._settings.memory_pressure_share
        if share is None or sample.available_bytes is None:
            return None
        if share >= limit:
            self._pressed = self._pressed and share < RECOVERED * limit
            return None
        if self._pressed:
            return None
        self._pressed = True
        return Trouble(
            "memory-pressure",
            "warning",
            f"Only {_gb(sample.available_bytes)} of {_gb(sample.total_bytes or 0)} memory is "
            f"left; this stage holds {_gb(sample.tree_rss_bytes)}. The machine may slow down by "
            "swapping, or end the stage. A smaller batch_size or max_seq_len needs less.",
        )

    def _disk(self, since: float) -> Trouble | None:
        free, limit = self._free(self._folder), self._settings.disk_low_bytes
        last, self._disk_last = self._disk_last, free
        if free is None:
            return None
        if free >= limit:
            self._disk_said = self._disk_said if free < RECOVERED * limit else None
            return None
        level: Level = "error" if free < IMMINENT_SHARE * limit else "warning"
        if self._disk_said == level or self._disk_said == "error":
            return None
        self._disk_said = level
        soon = _minutes_left(free, last, since)
        return Trouble(
            "disk-low",
            level,
            f"The disk of this run is {'all but' if level == 'error' else 'nearly'} full: "
            f"{_gb(free)} are free{soon}. Checkpoints and events that cannot be written end the "
            "stage. Free some space, or move the workspace.",
        )


def free_bytes(folder: Path) -> int | None:
    """Bytes that may still be written to the file system of a folder; None where it is gone."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _minutes_left(free: int, last: int | None, since: float) -> str:
    """How long the rest lasts at the speed of the last look, where it falls fast."""
    if last is None or last <= free or since <= 0:
        return ""
    seconds = free / ((last - free) / since)
    if seconds > 3600:
        return ""
    return f", and at this speed for {max(1, round(seconds / 60))} min more"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
