"""Numbers as people read them, the same in every table, screen and report."""

from __future__ import annotations

import math

ABSENT = "·"
NOT_RECORDED = "not recorded"
HISTORICAL = "†"
"""Behind a value that was taken from an earlier measurement; what it means is said below it."""


def score(value: float | None, absent: str = ABSENT) -> str:
    """A score with three significant decimals, without trailing noise: 0.94, 0.484, 1.00."""
    if value is None or not math.isfinite(value):
        return absent
    text = f"{value:.3f}"
    return text[:-1] if text.endswith("0") else text


def points(delta: float | None, absent: str = ABSENT) -> str:
    """A difference of two scores in percentage points, signed: +63pp, −1.2pp."""
    if delta is None or not math.isfinite(delta):
        return absent
    value = 100 * delta
    digits = 0 if abs(value) >= 9.95 else 1
    return f"{value:+.{digits}f}pp".replace("-", "\N{MINUS SIGN}")


def change(delta: float | None, *scores: float | None, absent: str = ABSENT) -> str:
    """A difference of scores, signed: in percentage points where all of them are shares of one,
    else as it is, with three figures."""
    if all(score is None or 0 <= score <= 1 for score in scores):
        return points(delta, absent)
    if delta is None or not math.isfinite(delta):
        return absent
    return f"{delta:+.3g}".replace("-", "\N{MINUS SIGN}")


def count(value: float | None, absent: str = ABSENT) -> str:
    """A count or rate with thousands separators: 2,140."""
    if value is None or not math.isfinite(value):
        return absent
    return f"{value:,.0f}"


def size(value: float | None, absent: str = ABSENT) -> str:
    """Bytes in units of 2**10: 469M, 1.9G."""
    if value is None or not math.isfinite(value):
        return absent
    units = ["", "K", "M", "G", "T"]
    while abs(value) >= 1000 and len(units) > 1:
        value /= 1024
        units.pop(0)
    digits = 1 if units[0] and abs(value) < 10 else 0
    return f"{value:.{digits}f}{units[0]}"


def duration(seconds: float | None, absent: str = ABSENT) -> str:
    """Seconds as a clock: 0:41, 12:05, 1:02:33."""
    if seconds is None or not math.isfinite(seconds):
        return absent
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
