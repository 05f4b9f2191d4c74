"""Bytes of a foreign child → clean lines and events. One instance for each of its streams.

Foreign is any program that does not know our event pipe: the user's own ``mlx_lm.lora`` of any
version, or a script that prints lines of JSON. What is not understood is just log. Pure: no I/O,
no clock; never raises whatever the bytes; time is linear in their number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.supervise.json_text import read_json_line
from engine.supervise.mlx_text import MlxText
from engine.supervise.terminal import LineCleaner


@dataclass
class Reading:
    """What a piece of output said: lines for a person, events for the log of events."""

    lines: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


class Reader:
    """Follows one stream. ``metrics=False`` cleans lines only: for children with an event pipe."""

    def __init__(self, *, metrics: bool = True) -> None:
        self._cleaner = LineCleaner()
        self._mlx = MlxText() if metrics else None

    def feed(self, data: bytes) -> Reading:
        """Take the next bytes of the stream."""
        return self._read(self._cleaner.feed(data))

    def close(self) -> Reading:
        """The stream has ended: what was still held back."""
        return self._read(self._cleaner.close())

    @property
    def current(self) -> str:
        """The unfinished line (often a progress bar) as it looks now."""
        return self._cleaner.current

    def _read(self, lines: list[str]) -> Reading:
        reading = Reading(lines)
        if self._mlx is not None:
            for line in lines:
                reading.events += read_json_line(line) or self._mlx.read(line)
        return reading
