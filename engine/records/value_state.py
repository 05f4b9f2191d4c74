"""How a number came about: what each value that is shown carries with it."""

from __future__ import annotations

from enum import StrEnum


class ValueState(StrEnum):
    """Where a value comes from, or why there is none. Absent is not zero."""

    MEASURED = "measured"
    """By the evaluation that wrote the record."""
    DERIVED = "derived"
    """Computed from other values: an interval, a difference."""
    HISTORICAL = "historical"
    """Taken from an earlier measurement; nothing was measured for this record."""
    SKIPPED = "skipped"
    """Left out on purpose; the record says why."""
    MISSING = "missing"
    """Not recorded, and nothing says why."""
    NOT_APPLICABLE = "not applicable"
    """There is no such value here: nothing could have been measured."""

    @property
    def has_value(self) -> bool:
        """Whether there is a number at all."""
        return self in (ValueState.MEASURED, ValueState.DERIVED, ValueState.HISTORICAL)
