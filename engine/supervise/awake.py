"""Seconds in which this process could run: what a limit of time is measured in.

A machine that sleeps, or a supervisor that is stopped, hears nothing of its child. That time is
neither silence of the child nor time that it used, or waking up would end it.
"""

from __future__ import annotations

import asyncio
import time

ASLEEP_S = 3.0
"""A pause that ends so much later than it should was no pause of a busy machine."""


class WakingClock:
    """A clock that does not go back and stands still while this process cannot run."""

    def __init__(self) -> None:
        self._missed = 0.0

    def now(self) -> float:
        """Seconds on this clock."""
        return time.monotonic() - self._missed

    async def sleep(self, seconds: float) -> float:
        """Sleep; returns for how long this process could not run, 0.0 where it could."""
        began, began_asleep = time.monotonic(), _with_sleep()
        await asyncio.sleep(seconds)
        late = time.monotonic() - began - seconds
        if late >= ASLEEP_S:
            self._missed += late
        missed = max(late, _with_sleep() - began_asleep - seconds)
        return missed if missed >= ASLEEP_S else 0.0


def _with_sleep() -> float:
    """Seconds of a clock that goes on while the machine sleeps, which Python's own monotonic clock
    does on neither system: Linux has ``CLOCK_BOOTTIME`` for it (clock_gettime(2)), on macOS it is
    ``CLOCK_MONOTONIC`` (its clock_gettime(3))."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def slept_words(seconds: float) -> str:
    """What there is to say about time that was missed."""
    return (
        f"The supervisor could not run for {seconds:.0f} s: the machine slept, or it was stopped. "
        "That time counts neither as silence nor towards a time limit."
    )
