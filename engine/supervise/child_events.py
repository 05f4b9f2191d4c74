"""Bytes of the event pipe → events of a child that may be written down. Pure, bounded.

A child may tell what it does (``ALLOWED``); phases, stages and decisions are not its to tell.
Numbers that are not finite become the strings that events hold. A line that is no event is
counted and named, once.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

ALLOWED = frozenset({"metric", "progress", "example", "checkpoint", "message", "record"})
MAX_LINE = 4 * 2**20
"""A longer line is thrown away, in bytes."""

_MAX_DEPTH = 32
_CONSTANTS = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
_LARGE = re.compile(rb"[eE]\+?\d{3}|\d{300}")
"""Only a number that looks so can be too large for a float."""
# json.loads would make such a decoder for every line, which takes as long as the decoding.
_DECODER = json.JSONDecoder(parse_constant=_CONSTANTS.__getitem__)


class ChildEvents:
    """Follows one event pipe. ``refused`` counts lines that were thrown away."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._skipping = False
        self.refused = 0

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The events that ``data`` completes."""
        events: list[dict[str, Any]] = []
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._keep(piece)
            self._finish(events)
        self._keep(rest)
        return events

    def close(self) -> list[dict[str, Any]]:
        """The child ended: a last line without an end counts when it is whole JSON."""
        events: list[dict[str, Any]] = []
        if self._size:
            self._finish(events)
        return events

    def _keep(self, piece: bytes) -> None:
        if not piece or self._skipping:
            return
        self._size += len(piece)
        if self._size > MAX_LINE:
            self._skipping, self._pieces = True, []
        else:
            self._pieces.append(piece)

    def _finish(self, events: list[dict[str, Any]]) -> None:
        line, skipped = b"".join(self._pieces), self._skipping
        self._pieces, self._size, self._skipping = [], 0, False
        if not skipped and not line.strip():
            return
        event = None if skipped else parse_event(line)
        if event is None:
            self.refused += 1
        else:
            events.append(event)


def parse_event(line: bytes) -> dict[str, Any] | None:
    """One line as an event that JSON can hold, None when it is none."""
    try:
        event = _DECODER.decode(line.decode(json.detect_encoding(line), "surrogatepass"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        return None
    if event["kind"] not in ALLOWED or not _shaped(event):
        return None
    if line.count(b"{") + line.count(b"[") <= _MAX_DEPTH and not _LARGE.search(line):
        return event  # nearly every event: nothing in it can be too deep or too large
    try:
        plain = _plain(event, 0)
    except RecursionError:
        return None
    return plain if isinstance(plain, dict) else None


def _shaped(event: dict[str, Any]) -> bool:
    """The fields that readers rely on are there and of the right kind; the rest is theirs."""
    kind = event["kind"]
    if kind == "metric":
        return _is_int(event.get("step")) and isinstance(event.get("values"), dict)
    if kind == "progress":
        return isinstance(event.get("done"), int | float)
    if kind == "checkpoint":
        return _is_int(event.get("step")) and isinstance(event.get("path"), str)
    if kind == "example":
        return isinstance(event.get("suite"), str) and "score" in event and "correct" in event
    if kind == "record":
        return isinstance(event.get("file"), str)
    return isinstance(event.get("code"), str) and isinstance(event.get("text"), str)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(value: Any, depth: int) -> Any:
    """``value`` with every float that JSON does not know as the string for it (1e999 is one)."""
    if isinstance(value, float):
        return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    if depth > _MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    return value
