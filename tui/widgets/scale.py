"""Axes of a chart: round tick values, linear or logarithmic, and how they are written."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "bytes", "seconds", "clock"]
"""What values are: plain numbers, bytes, durations in seconds, or times (seconds since the epoch,
shown on this machine's clock)."""

_LARGEST = 1e300
_LAST_TIME = 253_370_764_800.0  # the year 9999
_TIME_STEPS = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    43200,
    86400,
    172_800,
    604_800,
)


@dataclass(frozen=True, slots=True)
class Tick:
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values on [0, 1]. ``low`` < ``high``; both are positive where ``log`` is on."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(
        cls, low: float, high: float, *, log: bool = False, zero: bool = False, pad: float = 0.04
    ) -> Scale:
        """A scale that holds [low, high] with some air; ``zero`` makes it begin at 0.

        A range without extent gets one, so that a constant is drawn in the middle.
        """
        low, high = (max(-_LARGEST, min(_LARGEST, one)) for one in (low, high))
        if log:
            low = max(low, 1e-300)
            high = max(high, low)
            if high / low < 1.0001:
                return cls(low / 2, min(high * 2, _LARGEST), True)
            air = (math.log(high) - math.log(low)) * pad
            return cls(max(low * math.exp(-air), 1e-300), min(high * math.exp(air), _LARGEST), True)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if high - low <= max(abs(low), abs(high)) * 1e-9:
            air = max(abs(low) * 0.1, 1e-9) if low or high else 1.0
            return cls(0.0 if zero and low >= 0 else low - air, high + air)
        air = (high - low) * pad
        return cls(low if zero and low == 0 else low - air, high + air)

    def place(self, value: float) -> float:
        """Where a finite value lies: 0 at ``low``, 1 at ``high``; clamped to that."""
        if self.log:
            if value <= self.low:
                return 0.0
            start = math.log(self.low)
            part = (math.log(value) - start) / (math.log(self.high) - start)
        else:
            part = (value - self.low) / (self.high - self.low)
        return min(max(part, 0.0), 1.0)

    def ticks(self, at_most: int, kind: Kind = "number", *, whole: bool = False) -> list[Tick]:
        """Round values inside the range, at most so many (0 or more), lowest first.

        With ``whole`` no tick lies between two whole numbers.
        """
        if at_most < 1:
            return []
        if self.log:
            found = _log_ticks(self.low, self.high, at_most)
            if len(found) >= 2:
                return [Tick(value, compact(value, kind)) for value in found]
        if kind == "clock":
            return _clock_ticks(self.low, self.high, at_most)
        return _linear_ticks(self.low, self.high, at_most, kind, whole)


def _log_ticks(low: float, high: float, at_most: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        values = [m * 10.0**e for e in range(first, last + 1) for m in mantissas]
        values = [value for value in values if low <= value <= high]
        if len(values) <= at_most:
            return values
    every = -(-len(values) // at_most)
    return values[::every]


def _linear_ticks(low: float, high: float, at_most: int, kind: Kind, whole: bool) -> list[Tick]:
    unit, sign = _unit(max(abs(low), abs(high)), kind)
    low, high = low / unit, high / unit
    step = _round_step((high - low) / at_most, "number" if kind == "bytes" else kind)
    if whole and unit == 1.0:
        step = max(step, 1.0)
    while True:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= at_most:
            break
        step = _round_step(step * 1.01, "number" if kind == "bytes" else kind)
    values = [number * step for number in range(first, last + 1)]
    if kind == "seconds":
        return [Tick(value, duration(value)) for value in values]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if decimals > 6 or abs(values[-1] if values else 0) >= 1e7:
        return [Tick(value * unit, f"{value:.3g}") for value in values]
    return [
        Tick(value * unit, f"{value:.{decimals}f}{sign}" if value or not sign else "0")
        for value in (value + 0.0 for value in values)
    ]


def _clock_ticks(low: float, high: float, at_most: int) -> list[Tick]:
    """Ticks at whole minutes and hours as the clock on the wall shows them."""
    shift = time.localtime(min(max(low, 0.0), _LAST_TIME)).tm_gmtoff
    found = _linear_ticks(low + shift, high + shift, at_most, "seconds", True)
    values = [tick.value - shift for tick in found]
    days = high - low > 86_400
    seconds = len(values) > 1 and (values[1] - values[0]) % 60 != 0
    form = "%b %d %H:%M" if days else "%H:%M:%S" if seconds else "%H:%M"
    return [Tick(value, clock_time(value, form)) for value in values]


def clock_time(epoch: float, form: str = "%H:%M:%S") -> str:
    """A time as this machine's clock shows it; "?" for one that no clock can show."""
    if not 0 <= epoch <= _LAST_TIME:
        return "?"
    return time.strftime(form, time.localtime(epoch))


def _round_step(least: float, kind: Kind) -> float:
    """The smallest of 1, 2, 5 · 10^k (for times: of minutes and hours) that is not below."""
    if kind == "seconds":
        for step in _TIME_STEPS:
            if step >= least:
                return float(step)
    exponent = math.floor(math.log10(least)) if least > 0 else 0
    for mantissa in (1, 2, 5, 10):
        rounded = mantissa * 10.0**exponent
        if rounded >= least * (1 - 1e-9):
            return rounded
    return 10.0 ** (exponent + 1)


def _unit(largest: float, kind: Kind) -> tuple[float, str]:
    if kind == "bytes":
        for power, sign in ((40, "T"), (30, "G"), (20, "M"), (10, "K")):
            if largest >= 2**power:
                return float(2**power), sign
    elif kind == "number":
        for power, sign in ((9, "B"), (6, "M"), (4, "k")):
            if 10**power <= largest < 1e13:
                return 10.0 ** (3 if power == 4 else power), sign
    return 1.0, ""


def compact(value: float, kind: Kind = "number") -> str:
    """A single value in few characters: 0.412, 2,140, 1.9G, 3:05."""
    if kind == "seconds":
        return duration(value)
    if kind == "clock":
        return clock_time(value)
    if kind == "bytes":
        unit, sign = _unit(abs(value), kind)
        part = value / unit
        return f"{part:.0f}{sign}" if abs(part) >= 100 or not sign else f"{part:.1f}{sign}"
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1e6 or size < 1e-3:
        text = f"{value:.3g}"
        if "e" not in text:
            return text
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    if size >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.{max(0, 2 - math.floor(math.log10(size)))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 0:07, 4:31, 2:03:09, 3d 04:00."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days}d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
