"""Numbers as people read them, each with what it means for its colour.

Absent is not zero: ``None`` is drawn as a dot, and no difference is made from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine import numbers

Tone = Literal["plain", "muted", "faint", "good", "bad", "warn", "accent", "strong"]
"""What a text means; the stylesheet says what that looks like."""

ABSENT = numbers.ABSENT


@dataclass(frozen=True, slots=True)
class Cell:
    """A short text and its meaning."""

    text: str
    tone: Tone = "plain"


NOTHING = Cell(ABSENT, "muted")

MARKS: dict[str, tuple[str, Tone]] = {
    "pass": ("✔", "good"),
    "fail": ("✘", "bad"),
    "undecided": ("?", "warn"),
}


def mark(verdict: str | None) -> tuple[str, Tone]:
    """The sign of a gate's verdict; an unknown verdict is one that cannot be decided."""
    return ("", "muted") if verdict is None else MARKS.get(verdict, MARKS["undecided"])


def number(value: float | None) -> str:
    """A score or a loss: decimals near one as `engine.numbers` has them, fewer for large values."""
    if value is None:
        return ABSENT
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size < 10:
        return minus(f"{value:.1e}" if 0 < size < 5e-4 else numbers.score(value))
    return minus(
        f"{value:.1f}" if size < 1000 else f"{value:,.0f}" if size < 1e4 else f"{value:.0e}"
    )


def pair(before: float | None, after: float | None) -> tuple[str, str]:
    """Two numbers that are compared, with the same decimals: 0.183 and 0.200."""
    texts = [number(before), number(after)]
    decimals = [len(text.partition(".")[2]) for text in texts]
    if all(decimals) and not any("e" in text for text in texts):
        texts = [
            text + "0" * (max(decimals) - have) for text, have in zip(texts, decimals, strict=True)
        ]
    return texts[0], texts[1]


def minus(text: str) -> str:
    """A true minus sign, as wide as the plus sign that it stands below."""
    return text.replace("-", "−")


def is_share(*scores: float | None) -> bool:
    """Whether all scores are shares of one, so that their difference is in percentage points."""
    return all(score is None or 0 <= score <= 1 for score in scores)


def difference(value: float | None, *, share: bool = True) -> str:
    """A signed difference: in percentage points where scores are shares, else as it is."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return numbers.points(value) if share else ("−" if value < 0 else "+") + number(abs(value))


def how_many(count: int, one: str, more: str = "") -> str:
    """A count with its noun: 1 run, 1,200 runs."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def rate(value: float | None) -> str:
    """Tokens a second."""
    if value is not None and 0 < value < 10:
        return f"{value:.1f}"
    return numbers.count(value) if value is None or value < 1e6 else f"{value / 1e6:.1f}M"


size = numbers.size
clock = numbers.duration


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in one unit: now, 5m, 3h, 12d, 2y."""
    if moment is None:
        return ABSENT
    seconds = (now - moment).total_seconds()
    if seconds < 60:
        return "now"
    for unit, length, limit in (("m", 60, 3600), ("h", 3600, 172_800), ("d", 86_400, 63_072_000)):
        if seconds < limit:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds / 31_536_000:.0f}y"


_BAR = " ▏▎▍▌▋▊▉█"


def bar(share: float, width: int) -> str:
    """A progress bar of ``width`` cells, in eighths of a cell."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (_BAR[part] if part else "")).ljust(width, "░")


_SPARK = "▁▂▃▄▅▆▇█"


def sparkline(values: list[float], width: int) -> str:
    """The course of a series in ``width`` cells; each is the mean of its share of the points.

    Points that are no finite number are left as a gap.
    """
    if not values or width <= 0:
        return ""
    columns: list[float | None] = []
    count = min(width, len(values))
    for index in range(count):
        part = values[index * len(values) // count : (index + 1) * len(values) // count]
        finite = [value for value in part if math.isfinite(value)]
        columns.append(sum(finite) / len(finite) if finite else None)
    known = [column for column in columns if column is not None]
    if not known:
        return " " * count
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(
        " " if column is None else _SPARK[min(7, int((column - low) / span * 8))]
        for column in columns
    )
