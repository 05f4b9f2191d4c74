"""Bytes of a foreign child → clean lines and events. One instance for each of its streams.

Foreign is any program that does not know our event pipe: the user's own ``mlx_lm.lora`` of any
version, a script that prints lines of JSON or a progress line, or one whose numbers are found by
patterns. What is not understood is just log. No I/O; never raises whatever the bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.supervise.json_text import read_json_line
from engine.supervise.metric_text import PatternText, ProgressText
from engine.supervise.mlx_text import MlxText
from engine.supervise.terminal import LineCleaner


@dataclass
class Reading:
    """What a piece of output said: lines for a person, events for the log of events."""

    lines: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


class Reader:
    """Follows one stream. ``metrics=False`` cleans lines only: for children with an event pipe.

    ``wanted`` is (name, pattern) of each metric to search for; ``clock`` gives seconds.
    """

    def __init__(
        self,
        *,
        metrics: bool = True,
        wanted: Sequence[tuple[str, str]] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cleaner = LineCleaner()
        self._patterns = PatternText(wanted)
        self._progress = ProgressText(clock) if metrics else None
        self._mlx = MlxText() if metrics else None

    def feed(self, data: bytes) -> Reading:
        """Take the next bytes of the stream."""
        said = self._progress.feed(data) if self._progress else []
        return self._read(self._cleaner.feed(data), said)

    def close(self) -> Reading:
        """The stream has ended: what was still held back."""
        said = self._progress.close() if self._progress else []
        return self._read(self._cleaner.close(), said)

    def _read(self, lines: list[str], said: list[dict[str, Any]]) -> Reading:
        reading = Reading(lines, list(said))
        if self._mlx is not None and self._progress is not None:
            for line in lines:
                reading.events += read_json_line(line) or self._mlx.read(line)
                reading.events += self._patterns.read(line, self._progress.step)
        return reading
