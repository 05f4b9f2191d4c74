"""How fast a stage goes, and a credible time left."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add, sub
from statistics import median

from engine.live.series import packed

_KEPT = 256
"""Pieces of the course that are kept; beyond, neighbours are joined, the oldest history coarser."""
_MIN_SECONDS = 1.5
_STALL_FACTOR = 8.0
_WARM_FACTOR = 1.5
"""Leading pieces slower than this times the usual are the start, which does not come again."""
_PAUSE_S, _PAUSE_FACTOR = 20.0, 25.0
"""One piece longer than both, which no other comes near, is a pause of the machine, no pace."""
_SURE, _SURE_HALF = 4.0, 1.5
"""How many standard errors a trend must differ from none, and each half of it."""
_REACH = 2.0
"""A trend is believed for so many times the length on which it was seen, then it levels out."""
_MOST = 1.3
"""What is left is never said to go slower or faster than now by more than this factor."""


@dataclass(slots=True)
class _Piece:
    """``units`` done in ``seconds``."""

    units: float
    seconds: float

    @property
    def each(self) -> float:
        return self.seconds / self.units


class Pace:
    """Progress marks of one attempt of a stage.

    The time left is what is left to do times the seconds that each unit takes. Those are the mean
    over the whole course and over its newer half, so that a change is followed while validation
    and saving, which come now and then and will come again, count with their true share. Left out
    are a slow start (loading, compiling) and a pause of the machine; a steady trend of steps that
    get longer or shorter goes on for a while.
    """

    def __init__(self) -> None:
        self.done = 0.0
        self.total: float | None = None
        self.unit = "steps"
        self._first: tuple[float, float] | None = None
        self._last = (0.0, 0.0)
        self._units = array("d")
        self._seconds = array("d")
        """Pieces of the course: so many units, done in so many seconds."""

    def mark(self, seconds: float, done: float, total: float | None, unit: str) -> None:
        """``done`` of ``total`` at ``seconds`` (any clock that does not go back)."""
        if done < self.done or unit != self.unit or total != self.total:
            # Another count began: rates of the old one say nothing about it.
            self._first = None
            del self._units[:], self._seconds[:]
        self.done, self.total, self.unit = done, total, unit
        if self._first is None:
            self._first = self._last = (seconds, done)
            return
        units, spent = done - self._last[1], seconds - self._last[0]
        if units <= 0:
            return  # the same count again: its time belongs to what is done next
        self._last = (seconds, done)
        self._units.append(units)
        self._seconds.append(max(0.0, spent))
        if len(self._units) > _KEPT:
            self._join()

    def mark_all(
        self, seconds: Sequence[float], done: Sequence[float], total: float | None, unit: str
    ) -> None:
        """As ``mark`` for each of these, of one count, but quickly."""
        if not done:
            return
        if self._first is None or unit != self.unit or total != self.total:
            self.mark(seconds[0], done[0], total, unit)
            seconds, done = seconds[1:], done[1:]
        units = list(map(sub, done, (self._last[1], *done[:-1])))
        spent = list(map(sub, seconds, (self._last[0], *seconds[:-1])))
        if min(units, default=0) <= 0 or min(spent) < 0:
            for at, one in zip(seconds, done, strict=True):
                self.mark(at, one, total, unit)
            return
        self.done = done[-1]
        self._last = (seconds[-1], done[-1])
        at = 0
        while at < len(units):
            stop = at + _KEPT + 1 - len(self._units)
            self._units += packed(units[at:stop])
            self._seconds += packed(spent[at:stop])
            at = stop
            if len(self._units) > _KEPT:
                self._join()

    def _join(self) -> None:
        """Make one of each two neighbours in the older half."""
        for one in (self._units, self._seconds):
            old = one[: _KEPT // 2].tolist()
            one[: _KEPT // 2] = packed([*map(add, old[::2], old[1::2])])

    @property
    def share(self) -> float | None:
        """What is done, in [0, 1]; None where the total is not known."""
        if self.total is None or self.total <= 0:
            return None
        return min(max(self.done / self.total, 0.0), 1.0)

    @property
    def rate(self) -> float | None:
        """Units a second now; None until it can be told."""
        each = self._each(self._usual())
        return 1 / each if each else None

    def seconds_left(self, now: float) -> float | None:
        """Seconds to the end of the stage as of ``now``, on the clock of the marks.

        None where no total or no rate is known, and where the marks stopped coming: a time left
        that nothing supports is worse than none.
        """
        if self.total is None:
            return None
        usual = self._usual()
        each = self._each(usual)
        if not each:
            return None
        at, done = self._last
        waited = max(0.0, now - at)
        if waited > max(10.0, _STALL_FACTOR * _longest(usual)):
            return None
        left = max(0.0, self.total - done)
        return max(0.0, left * _onward(usual, each, left) - waited)

    def _usual(self) -> list[_Piece]:
        """The course without its slow start and without a pause."""
        if self._first is None or self._last[0] - self._first[0] < _MIN_SECONDS:
            return []
        pieces = list(map(_Piece, self._units, self._seconds))
        return _without_pause(_without_start(pieces))

    def _each(self, pieces: list[_Piece]) -> float | None:
        """Seconds that a unit takes now."""
        whole = _mean(pieces)
        recent = _mean(_newer_half(pieces))
        if len(pieces) < 2 or whole is None or recent is None:
            return None
        return (whole + recent) / 2


def _mean(pieces: list[_Piece]) -> float | None:
    """Seconds a unit over all of them."""
    units = sum(one.units for one in pieces)
    seconds = sum(one.seconds for one in pieces)
    return seconds / units if units > 0 and seconds > 0 else None


def _newer_half(pieces: list[_Piece]) -> list[_Piece]:
    """The newest pieces that make up at least half of the units."""
    wanted = sum(one.units for one in pieces) / 2
    start = len(pieces)
    while start and wanted > 0:
        start -= 1
        wanted -= pieces[start].units
    return pieces[start:]


def _without_start(pieces: list[_Piece]) -> list[_Piece]:
    """Without leading pieces that are slower than what came after, a half of all at most."""
    if len(pieces) < 3:
        return pieces
    usual = median(one.each for one in pieces[len(pieces) // 2 :])
    start = 0
    while start < len(pieces) // 2 and pieces[start].each > _WARM_FACTOR * usual:
        start += 1
    return pieces[start:]


def _without_pause(pieces: list[_Piece]) -> list[_Piece]:
    """Without the one piece that is longer than any other by far: a machine that slept.

    What is that long and comes again is part of the work, such as a large validation.
    """
    if len(pieces) < 4:
        return pieces
    usual = median(one.each for one in pieces)
    longest, second = sorted((one.each for one in pieces), reverse=True)[:2]
    at = next(i for i, one in enumerate(pieces) if one.each == longest)
    extra = pieces[at].seconds - usual * pieces[at].units
    if extra > _PAUSE_S and longest > _PAUSE_FACTOR * usual and longest > 4 * second:
        return [*pieces[:at], _Piece(pieces[at].units, usual * pieces[at].units), *pieces[at + 1 :]]
    return pieces


def _longest(pieces: list[_Piece]) -> float:
    """Seconds between two marks at most, where nothing is wrong."""
    return max((one.seconds for one in pieces[-_KEPT // 2 :]), default=0.0)


def _onward(pieces: list[_Piece], each: float, left: float) -> float:
    """Seconds that a unit will take on average over the ``left`` ones, ``each`` as it is now."""
    slope = _trend(pieces)
    if slope is None or not left:
        return each
    newer = _newer_half(pieces)
    for half in (pieces[: -len(newer)], newer):
        # A step from one speed to another slopes in one half only: nothing goes on after it.
        part = _trend(half, sure=_SURE_HALF)
        if part is None or part * slope < 0:
            return each
    seen = sum(one.units for one in pieces)
    now = (_mean(pieces) or each) + slope * seen / 2
    reach = min(left, _REACH * seen)
    # Up to ``reach`` it goes on; from there it stays as it is.
    grown = slope * reach * (1 - reach / (2 * left))
    return min(max(now + grown, each / _MOST), each * _MOST)


def _trend(pieces: list[_Piece], sure: float = _SURE) -> float | None:
    """By how many seconds a unit takes longer with each unit; None where that is not certain.

    Least squares over blocks of equal length: each holds as much of validation as the others.
    """
    blocks = _blocks(pieces)
    n = len(blocks)
    if n < 5:
        return None
    units = sum(one.units for one in pieces) / n
    mean_x, mean_y = (n - 1) / 2, sum(blocks) / n
    spread = sum((x - mean_x) ** 2 for x in range(n))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in enumerate(blocks)) / spread
    rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in enumerate(blocks))
    error = math.sqrt(rest / (n - 2) / spread)
    return slope / units if abs(slope) > sure * error else None


def _blocks(pieces: list[_Piece], count: int = 10) -> list[float]:
    """Seconds a unit in up to ``count`` parts of the course, each of as many units."""
    count = min(count, len(pieces))
    units = sum(one.units for one in pieces)
    if count < 1 or units <= 0:
        return []
    size = units / count
    sums = [0.0] * count
    at = 0.0
    for one in pieces:
        start, end = at, at + one.units
        for block in range(int(start / size), min(count, math.ceil(end / size))):
            part = min(end, (block + 1) * size) - max(start, block * size)
            sums[block] += max(0.0, part) * one.each
        at = end
    return [total / size for total in sums]
