"""How fast a stage goes, and a credible time left."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 60.0
_MARKS = 256
_MIN_SECONDS = 1.5
_STALL_FACTOR = 8.0


class Pace:
    """Progress marks of one attempt of a stage.

    The rate is the mean of two: that of the last minute, which follows a change, and that of the
    whole attempt without its first mark, which is steady (the first step pays for loading and
    compiling). Validation and saving are in both, as they will be in what is left.
    """

    def __init__(self) -> None:
        self.done = 0.0
        self.total: float | None = None
        self.unit = "steps"
        self._first: tuple[float, float] | None = None
        self._recent: deque[tuple[float, float]] = deque(maxlen=_MARKS)

    def mark(self, seconds: float, done: float, total: float | None, unit: str) -> None:
        """``done`` of ``total`` at ``seconds`` (any clock that does not go back)."""
        if done < self.done or unit != self.unit or total != self.total:
            # Another count began: rates of the old one say nothing about it.
            self._first = None
            self._recent.clear()
        self.done, self.total, self.unit = done, total, unit
        if self._first is None:
            self._first = (seconds, done)
        self._recent.append((seconds, done))
        while len(self._recent) > 2 and seconds - self._recent[0][0] > _WINDOW_S:
            self._recent.popleft()

    @property
    def share(self) -> float | None:
        """What is done, in [0, 1]; None where the total is not known."""
        if self.total is None or self.total <= 0:
            return None
        return min(max(self.done / self.total, 0.0), 1.0)

    @property
    def rate(self) -> float | None:
        """Units a second; None until it can be told."""
        if self._first is None or len(self._recent) < 3:
            return None
        now, done = self._recent[-1]
        overall = _rate(self._first, (now, done))
        recent = _rate(self._recent[0], (now, done))
        if now - self._first[0] < _MIN_SECONDS or overall is None or recent is None:
            return None
        return (overall + recent) / 2

    def seconds_left(self, now: float) -> float | None:
        """Seconds to the end of the stage as of ``now``, on the clock of the marks.

        None where no total or no rate is known, and where the marks stopped coming: a time left
        that nothing supports is worse than none.
        """
        rate = self.rate
        if self.total is None or rate is None or rate <= 0:
            return None
        at, done = self._recent[-1]
        waited = max(0.0, now - at)
        interval = (at - self._recent[0][0]) / (len(self._recent) - 1)
        if waited > max(10.0, _STALL_FACTOR * interval):
            return None
        return max(0.0, (self.total - done) / rate - waited)


def _rate(start: tuple[float, float], end: tuple[float, float]) -> float | None:
    seconds = end[0] - start[0]
    return (end[1] - start[1]) / seconds if seconds > 0 and end[1] > start[1] else None
