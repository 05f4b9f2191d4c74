"""Lines of an event log that are plain measurements, read straight into typed values.

Most lines of a long run are metrics, progress and memory samples, and each holds a few numbers.
Those are decoded here without building a dict of all that a line holds. Whatever is not plainly
such a line is None, and is for ``json`` to read: what both read is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec


class Measurement(msgspec.Struct, gc=False):
    """What is needed of a ``metric``, ``progress`` or ``memory`` event. All numbers are finite, and
    the time has a zone."""

    kind: str
    seq: int | None = None
    t: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    stage: str | None = None
    step: float | None = None
    values: dict[str, float] | None = None
    done: float | None = None
    total: float | None = None
    unit: str | None = None
    tree_rss_bytes: float | None = None
    available_bytes: float | None = None
    swap_used_bytes: float | None = None


_decoder = msgspec.json.Decoder(Measurement)
_decode = _decoder.decode
_ALIKE = 7


def block_measurements(block: bytes) -> list[Measurement] | None:
    """One for each line of a block of whole lines, decoded at once: half the time of one by one.

    None where the lines must be looked at one by one: as soon as one of them is not plainly a
    measurement.
    """
    # The decoder goes from value to value and not from line to line. As no line end can stand
    # within a text, each line is one object where each ends with a brace and the next begins with
    # one, and there are as many as lines. Lines of one writer begin alike: a few letters more are
    # found in half the time.
    ends = block.count(b"\n")
    if not block.startswith(b"{") or not block.endswith(b"}\n") or not block.isascii():
        return None
    if block.count(b"}\n" + block[:_ALIKE]) != ends - 1:
        return None
    try:
        found = _decoder.decode_lines(block)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if len(found) == ends else None


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
