"""Numbers as a report shows them. What was not measured is "not recorded", never 0."""

from __future__ import annotations

NOT_RECORDED = "not recorded"


def score(value: float | None) -> str:
    return NOT_RECORDED if value is None else f"{value:.3f}"


def delta(before: float | None, after: float | None, decimals: int = 3, unit: str = "") -> str:
    """The signed difference; "not recorded" where either side was not measured."""
    if before is None or after is None:
        return NOT_RECORDED
    return f"{after - before:+.{decimals}f}{unit}"


def interval(bounds: tuple[float, float] | None, *, signed: bool = False) -> str:
    """ " (0.10 to 0.20)" or nothing."""
    if bounds is None:
        return ""
    low, high = bounds
    return f" ({low:+.3f} to {high:+.3f})" if signed else f" ({low:.3f} to {high:.3f})"


def amount(value: float | None, unit: str, decimals: int = 0) -> str:
    return NOT_RECORDED if value is None else f"{value:,.{decimals}f} {unit}"


def duration(seconds: float | None) -> str:
    """ "8.4 s", "3 min 20 s", "2 h 05 min"."""
    if seconds is None:
        return NOT_RECORDED
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def mebibytes(count: int | None) -> str:
    """A count of bytes in units of 2**20."""
    return NOT_RECORDED if count is None else f"{count / 2**20:,.0f} MB"
