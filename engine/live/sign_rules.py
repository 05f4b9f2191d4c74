"""What the course of one metric says by itself: rules that take points in the order they came.

A rule looks at each point once and keeps a handful of numbers, so a course of any length costs the
same memory and nothing is computed twice. Pure: no clock, no I/O.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import mul
from typing import Protocol

from engine import numbers

RISING = 3
"""So many validation losses in a row, each above the one before, right after the lowest: it rises.
"""
RISEN_AFTER, RISEN_BY = 5, 0.05
"""It rises as well, in a course that goes up and down, when the last RISING of at least so many
validations since the lowest all lie above it by this share."""
FLAT_AFTER, FLAT_BY = 8, 0.01
"""So many validations that do not lower the loss by this share are a plateau."""
SLOW_SHARE, SLOW_ROW, SLOW_AFTER = 0.5, 5, 10
"""SLOW_ROW points in a row below this share of the median of at least SLOW_AFTER points before."""
RECOVERED_SHARE = 0.75
"""So much of the median, SLOW_ROW times in a row, is as fast as before."""
MOST = 20
"""Signs that one rule finds at most: what comes back more often is no news."""


@dataclass(slots=True)
class Found:
    """A sign that a rule found at a point; ``seconds`` is the stage's clock there.

    ``over`` is set when a later point took it back: the loss fell again, the speed returned.
    """

    code: str
    level: str
    text: str
    seconds: float
    over: bool = False


class Rule(Protocol):
    """Takes points of one metric; ``found`` grows."""

    found: list[Found]

    def feed(self, step: float, seconds: float, value: float) -> None:
        """One point; NaN is a value that was no number."""

    def unmoved(self, values: Sequence[float]) -> int:
        """Take in leading points that change nothing but counts; how many those were."""

    def rewind(self) -> None:
        """The stage went back to a checkpoint: what was counted in a row counts no more."""


@lru_cache(maxsize=1024)  # asked for each number of each event
def is_loss(name: str) -> bool:
    """Whether a metric of this name is a loss, which must be a finite number."""
    return name in ("loss", "val_loss") or name.startswith(("val_loss_", "val_loss/", "loss/"))


class NotANumber:
    """A loss that is no number any more: said at the first such point."""

    def __init__(self, name: str) -> None:
        self.found: list[Found] = []
        self._what = "validation loss" if name.startswith("val_loss") else "loss"

    def feed(self, step: float, seconds: float, value: float) -> None:
        if value != value and not self.found:
            text = f"The {self._what} is not a number any more, at step {step:,.0f}."
            self.found.append(Found("nan-loss", "error", text, seconds))

    def unmoved(self, values: Sequence[float]) -> int:
        return len(values) if self.found or not math.isnan(sum(values)) else 0

    def rewind(self) -> None:
        """What was said stays said."""


class Validation:
    """A validation loss that rises, or that does not get lower any more.

    Each is said once for each lowest value; a value lower by FLAT_BY takes it back.
    """

    def __init__(self) -> None:
        self.found: list[Found] = []
        self._lowest = math.inf
        self._lowest_step = 0.0
        self._to_beat = math.inf
        self._to_beat_step = 0.0
        self._flat = self._since = self._row = 0
        self._recent: deque[float] = deque(maxlen=RISING)
        self._rising: Found | None = None
        self._level: Found | None = None

    def feed(self, step: float, seconds: float, value: float) -> None:
        if value != value:
            return
        if value < self._to_beat - FLAT_BY * abs(self._to_beat) or math.isinf(self._to_beat):
            self._better(step, value)
        else:
            self._flat += 1
        before = self._recent[-1] if self._recent else math.inf
        self._row = self._row + 1 if value > before else 0
        self._recent.append(value)
        if value < self._lowest:
            self._lowest, self._lowest_step = value, step
            self._since = self._row = 0
        else:
            self._since += 1
        if self._rising is None and self._rises():
            self._rising = self._say(
                "rising-val-loss",
                f"Validation loss rises: {self._lowest:.4g} at step {self._lowest_step:,.0f} was "
                f"the lowest, {self._since} higher ones since.",
                seconds,
            )
        elif self._rising is None and self._level is None and self._flat >= FLAT_AFTER:
            self._level = self._say(
                "flat-val-loss",
                f"Validation loss is flat: {self._to_beat:.4g} at step {self._to_beat_step:,.0f}, "
                f"and not {FLAT_BY:.0%} lower in {FLAT_AFTER} validations since.",
                seconds,
            )

    def unmoved(self, values: Sequence[float]) -> int:
        return 0  # a validation is rare

    def _rises(self) -> bool:
        if self._row >= RISING and self._row == self._since:
            return True
        line = self._lowest + RISEN_BY * abs(self._lowest)
        return self._since >= RISEN_AFTER and min(self._recent) > line

    def _better(self, step: float, value: float) -> None:
        self._to_beat, self._to_beat_step, self._flat = value, step, 0
        for one in (self._rising, self._level):
            if one is not None:
                one.over = True
        self._rising = self._level = None

    def _say(self, code: str, text: str, seconds: float) -> Found:
        one = Found(code, "warning", text, seconds)
        if len(self.found) < MOST:
            self.found.append(one)
        return one

    def rewind(self) -> None:
        self._flat = self._since = self._row = 0
        self._recent.clear()


class Throughput:
    """A speed that falls below half of its running median and stays there."""

    def __init__(self, unit: str) -> None:
        self.found: list[Found] = []
        self._unit = unit
        self._median = _Median()
        self._slow = self._fast = 0
        self._usual = 0.0
        self._since = 0.0
        self._said: Found | None = None

    def feed(self, step: float, seconds: float, value: float) -> None:
        if value != value or value < 0:
            return
        if self._median.count >= SLOW_AFTER and self._said is None:
            if not self._slow:
                # The usual speed is that before the fall: slow points must not lower the bar.
                self._usual = self._median.value()
            if value < SLOW_SHARE * self._usual:
                self._since = self._since if self._slow else step
                self._slow += 1
            else:
                self._slow = 0
            if self._slow >= SLOW_ROW:
                self._say(value, seconds)
        elif self._said is not None:
            self._fast = self._fast + 1 if value >= RECOVERED_SHARE * self._usual else 0
            if self._fast >= SLOW_ROW:
                self._said.over = True
                self._said = None
                self._slow = 0
        self._median.add(value)

    def unmoved(self, values: Sequence[float]) -> int:
        median = self._median
        if self._said is not None or self._slow or median.count < SLOW_AFTER:
            return 0
        # The median is looked up now and then: until the next time it is the bar for all of them.
        usual = median.value()
        some = values[: median.stays]
        if not some or math.isnan(sum(some)) or min(some) < max(SLOW_SHARE * usual, 0.0):
            return 0
        self._usual = usual
        median.add_all(some)
        return len(some)

    def _say(self, value: float, seconds: float) -> None:
        text = (
            f"Throughput fell to {_speed(value)} {self._unit}, below half of its median of "
            f"{_speed(self._usual)}, since step {self._since:,.0f}."
        )
        self._said, self._fast = Found("slow", "warning", text, seconds), 0
        if len(self.found) < MOST:
            self.found.append(self._said)

    def rewind(self) -> None:
        self._slow = self._fast = 0


def _speed(value: float) -> str:
    return numbers.count(value) if value >= 10 else f"{value:.2g}"


class _Median:
    """The running median of values >= 0, within 2 %, in as many counters as it has sizes."""

    _PER_E = 50
    """Counters for each factor of e: one is 2 % wide."""

    def __init__(self) -> None:
        self.count = 0
        self._bins: Counter[int] = Counter()
        self._known = 0.0
        self._until = 0

    def add(self, value: float) -> None:
        self.count += 1
        self._bins[round(math.log(max(value, 1e-12)) * self._PER_E)] += 1

    def add_all(self, values: Sequence[float]) -> None:
        self.count += len(values)
        if min(values) < 1e-12:
            values = [max(value, 1e-12) for value in values]
        places = map(mul, map(math.log, values), repeat(self._PER_E))
        self._bins.update(map(round, places))

    @property
    def stays(self) -> int:
        """So many values may be added before the median is looked up anew."""
        return max(0, self._until - self.count)

    def value(self) -> float:
        """The median; looked up anew after each 16th part more values, which moves it little."""
        if self.count >= self._until:
            self._until = self.count + max(1, self.count // 16)
            passed = 0
            for place in sorted(self._bins):
                passed += self._bins[place]
                if 2 * passed >= self.count:
                    self._known = math.exp(place / self._PER_E)
                    break
        return self._known
