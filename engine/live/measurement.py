"""Lines of an event log that are plain measurements, read straight into typed values.

Most lines of a long run are metrics, progress and memory samples, and each holds a few numbers.
Those are decoded here without building a dict of all that a line holds. Whatever is not plainly
such a line is None, and is for ``json`` to read: what both read is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec


class Measurement(msgspec.Struct, gc=False):
    """What is needed of a ``metric``, ``progress`` or ``memory`` event. All numbers are finite."""

    kind: str
    seq: int | None = None
    t: datetime | None = None
    stage: str | None = None
    step: float | None = None
    values: dict[str, float] | None = None
    done: float | None = None
    total: float | None = None
    unit: str | None = None
    tree_rss_bytes: float | None = None
    available_bytes: float | None = None
    swap_used_bytes: float | None = None


_decode = msgspec.json.Decoder(Measurement).decode


def measurements(lines: Sequence[bytes]) -> list[Measurement | None]:
    """One for each line, None where ``json`` must read it.

    Other kinds of events come as measurements too where their fields allow it: look at ``kind``.
    """
    try:
        # The decoder does not look at text that it skips: bytes that are no UTF-8 would pass.
        return [_decode(line) if line.isascii() else None for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [_one(line) for line in lines]


def _one(line: bytes) -> Measurement | None:
    try:
        return _decode(line) if line.isascii() else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def epoch(value: object) -> float | None:
    """Seconds since the epoch of a time as it stands in an event; None where it is none.

    RFC 3339, as measurements are read; else what ISO 8601 allows. Without a zone it is UTC.
    """
    if not isinstance(value, str):
        return None
    try:
        try:
            moment = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
