"""Where the marks of a card's two pictures lie: intervals of scores, and losses over steps. Pure.

Places along a row of intervals are per cent of its width; those of the losses are units of a
picture that is WIDTH by HEIGHT and is stretched to whatever room the page has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.records.report_card import CardCurve, CardNumber, CardSuite

WIDTH, HEIGHT = 1000.0, 400.0

_TICKS = 5
_DOTS = 40
"""A curve of at most so many points is drawn with its points."""


# --- intervals ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """A score and its interval; None where there is none."""

    at: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One suite: its marks and its bound on an axis from ``start`` to ``end``."""

    suite: CardSuite
    before: Mark | None
    after: Mark | None
    bound: float | None
    start: float
    end: float


def interval_rows(suites: Iterable[CardSuite]) -> list[IntervalRow]:
    """A row for each suite that has a score. Shares stand on an axis from 0 to 1."""
    rows = []
    for suite in suites:
        if suite.before.value is None and suite.after.value is None:
            continue
        start, end = (0.0, 1.0) if suite.share else _own_axis(suite)

        def place(value: float, start: float = start, end: float = end) -> float:
            return _round(100 * min(1.0, max(0.0, (value - start) / (end - start))))

        rows.append(
            IntervalRow(
                suite,
                _mark(suite.before, place),
                _mark(suite.after, place),
                place(suite.bound) if suite.bound is not None else None,
                start,
                end,
            )
        )
    return rows


def _mark(number: CardNumber, place: Callable[[float], float]) -> Mark | None:
    if number.value is None:
        return None
    low = place(number.low) if number.low is not None else None
    high = place(number.high) if number.high is not None else None
    return Mark(place(number.value), low, high)


def _own_axis(suite: CardSuite) -> tuple[float, float]:
    numbers = [
        value
        for one in (suite.before, suite.after)
        for value in (one.value, one.low, one.high)
        if value is not None
    ]
    if suite.bound is not None:
        numbers.append(suite.bound)
    low, high = min(numbers), max(numbers)
    room = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
    return low - room, high + room


# --- losses ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """A value of an axis where it lies in the picture, and as text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: ``path`` and ``dots`` are the data of SVG paths; a path breaks at a gap."""

    name: str
    kind: str
    path: str
    dots: str
    last: float | None
    lowest: float | None


@dataclass(frozen=True, slots=True)
class LossPicture:
    """Everything of the picture; ticks of ``y`` from the top down."""

    lines: tuple[Line, ...]
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]


def loss_picture(curves: Sequence[CardCurve]) -> LossPicture | None:
    """The picture of some curves; None where no point of them is a number."""
    points = [(step, value) for one in curves for step, value in _points(one) if value is not None]
    if not points:
        return None
    steps = [step for step, _ in points]
    first, last = min(steps), max(steps)
    span = last - first or 1.0
    x = [step for step in _axis(steps) if first <= step <= last]
    y = _axis([value for _, value in points], zero=True)

    def left(step: float) -> float:
        return _round(WIDTH * (step - first) / span)

    def top(value: float) -> float:
        return _round(HEIGHT * (1 - (value - y[0]) / (y[-1] - y[0])))

    lines = []
    for one in curves:
        places = [
            None if value is None else (left(step), top(value)) for step, value in _points(one)
        ]
        real = [value for value in one.values if value is not None]
        lines.append(
            Line(
                one.name,
                _kind(one.name),
                _path(places),
                _dots(places),
                real[-1] if real else None,
                min(real) if real else None,
            )
        )
    return LossPicture(
        tuple(lines),
        tuple(Tick(_round(100 * left(value) / WIDTH), f"{value:,.10g}") for value in x),
        tuple(Tick(_round(100 * top(value) / HEIGHT), f"{value:.6g}") for value in reversed(y)),
    )


def _points(curve: CardCurve) -> Iterator[tuple[float, float | None]]:
    return zip(curve.steps, curve.values, strict=False)


def _kind(name: str) -> str:
    """The word by which the page colours a curve."""
    if name == "training":
        return "raw"
    if name.startswith("training"):
        return "train"
    return "valid" if name == "validation" else "part"


def _axis(values: Sequence[float], *, zero: bool = False) -> list[float]:
    """Round numbers from below the least to above the greatest value.

    ``zero``: begin at 0 where that costs less than half of the picture.
    """
    low, high = min(values), max(values)
    if zero and 0 <= low < high / 2:
        low = 0.0
    if low == high:
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    step = _nice((high - low) / _TICKS)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, max(last, first + 1) + 1)]


def _nice(step: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``step``."""
    power = 10.0 ** math.floor(math.log10(step)) if step > 1e-300 else 1e-300
    return next(power * one for one in (1, 2, 5, 10) if power * one >= step * (1 - 1e-9))


def _path(places: Sequence[tuple[float, float] | None]) -> str:
    parts, pen = [], "M"
    for place in places:
        if place is None:
            pen = "M"
            continue
        parts.append(f"{pen}{place[0]:g} {place[1]:g}")
        pen = "L"
    return "".join(parts)


def _dots(places: Sequence[tuple[float, float] | None]) -> str:
    """The points as lines of no length: round ends make dots of them however it is stretched."""
    real = [place for place in places if place is not None]
    return "".join(f"M{x:g} {y:g}h0" for x, y in real) if len(real) <= _DOTS else ""


def _round(value: float) -> float:
    return round(value, 2)
