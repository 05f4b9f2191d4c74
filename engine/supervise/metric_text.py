"""Lines of any training program → metric events: by patterns that somebody gave, and by the looks
of a progress line such as ``step 00012 (3.1%) | loss: 5.1 | dt: 512ms | tok/sec: 12,345``.

Names are the house's where they are known (loss, learning_rate, tok_s, …); times are in seconds
and their names end in ``_s``; a percent sign is dropped. A progress line is said at most every
PROGRESS_S seconds, and the last one always: a bar that is drawn a thousand times a second does not
flood the events.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from engine.records.events import encode_number
from engine.supervise.terminal import clean_line
from engine.timed_pattern import PatternError, compile_pattern

Event = dict[str, Any]

PROGRESS_S = 0.25
PATTERN_S = 0.1
"""How long one pattern may search in one line before it is given up."""
WINDOW_LINES = 32
"""A pattern that spans lines is searched in so many recent ones."""
_MAX_STATE = 4096
_MAX_VALUES = 40

_STEP = re.compile(r"\b(?:step|iter|iteration)s?[ :=#]{1,3}(\d[\d,]{0,15})(?:\s*/\s*(\d[\d,]*))?")
_BAR = re.compile(r"(\d{1,15})/(\d{1,15}) \[")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%")
_NUMBER = r"[-+]?(?:\d[\d,]{0,20}(?:\.\d{0,20})?|\.\d{1,20})(?:e[-+]?\d{1,4})?|[-+]?(?:nan|inf)"
_VALUE = re.compile(
    r"(?P<name>[a-z][a-z_/ -]{0,30}?)\s{0,3}[:=]\s{0,8}"
    rf"(?P<number>{_NUMBER})(?P<unit>%|[a-z/]{{0,8}})(?=$|[\s|,;)\]])",
    re.IGNORECASE,
)
_SPANS = re.compile(r"\\n|\\r|\\s\\S|\\S\\s|\(\?[a-z]*s|\n")

_NAMES = {
    "train_loss": "loss",
    "training_loss": "loss",
    "validation_loss": "val_loss",
    "lr": "learning_rate",
    "tok/sec": "tok_s",
    "tok/s": "tok_s",
    "tokens/sec": "tok_s",
    "tokens/s": "tok_s",
    "tokens_per_second": "tok_s",
    "it/sec": "it_s",
    "it/s": "it_s",
}
_SECONDS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_THOUSANDS = {"k": 1e3, "K": 1e3, "M": 1e6}


class ProgressText:
    """Follows the raw bytes of one stream; ``clock`` gives seconds. Only whole states count:
    what stands between two carriage returns or line ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.step = 0
        self._clock = clock
        self._rest = b""
        self._waiting: list[Event] = []
        self._next = 0.0

    def feed(self, data: bytes) -> list[Event]:
        """What is due to be said."""
        *whole, rest = re.split(rb"[\r\n]", self._rest + data)
        self._rest = rest[:_MAX_STATE]
        for state in reversed(whole):
            if events := read_progress(
                clean_line(state[:_MAX_STATE].decode("utf-8", "replace"))[0]
            ):
                self._waiting = events
                self.step = int(events[0]["step"])
                break
        return self._due() if self._clock() >= self._next else []

    def close(self) -> list[Event]:
        """The stream has ended: the last state is said whenever it came."""
        events = self.feed(b"\n")
        return events or self._due()

    def _due(self) -> list[Event]:
        events, self._waiting = self._waiting, []
        if events:
            self._next = self._clock() + PROGRESS_S
        return events


def read_progress(line: str) -> list[Event]:
    """The metric (and progress) that a progress line means, [] for any other line."""
    if line.startswith(("{", "Iter ")):
        return []  # read by others: lines of JSON, and mlx_lm's own
    bar, step = _BAR.search(line), _STEP.search(line.lower())
    found = bar or step
    if found is None:
        return []
    done = int(found[1].replace(",", ""))
    values = _values(line)
    if not values:
        return []
    events: list[Event] = [{"kind": "metric", "step": done, "values": values}]
    if found[2]:
        total = int(found[2].replace(",", ""))
        events.append({"kind": "progress", "done": done, "total": total, "unit": "steps"})
    elif percent := _PERCENT.search(line[: line.find("|")] if "|" in line else line):
        share = float(percent[1])
        events.append({"kind": "progress", "done": share, "total": 100, "unit": "percent"})
    return events


def _values(line: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for match in _VALUE.finditer(line):
        name = re.sub(r"[ -]+", "_", match["name"].strip().lower())
        if name in ("step", "iter", "iteration", "steps", "train"):
            continue
        number = read_number(match["number"])
        if number is None or len(values) >= _MAX_VALUES:
            continue
        unit = match["unit"]
        if unit in _SECONDS:
            name, number = f"{name}_s", number * _SECONDS[unit]
        number *= _THOUSANDS.get(unit, 1.0)
        values[_NAMES.get(name, name)] = encode_number(number)
    return values


def read_number(text: str) -> float | None:
    """A number as programs print it, with thousands separators; None for other words."""
    try:
        return float(text.strip().replace(",", "").rstrip("%"))
    except ValueError:
        return None


class PatternText:
    """Searches the clean lines of one stream for metrics: ``wanted`` is (name, pattern) each."""

    def __init__(self, wanted: Sequence[tuple[str, str]]) -> None:
        self._wanted = list(wanted)
        self._window: deque[str] = deque(maxlen=WINDOW_LINES)
        self._ends: dict[str, int] = {}
        self._dropped = 0

    def read(self, line: str, step: int) -> list[Event]:
        """The events of the next line, at the step that was last heard of."""
        if not self._wanted:
            return []
        if len(self._window) == WINDOW_LINES:
            self._dropped += len(self._window[0]) + 1
        self._window.append(line)
        events: list[Event] = []
        for name, pattern in list(self._wanted):
            try:
                texts = self._found(name, pattern, line)
            except (TimeoutError, PatternError):
                self._wanted.remove((name, pattern))
                events.append(_given_up(name))
                continue
            for text in texts:
                number = read_number(text)
                if number is not None:
                    values = {name: encode_number(number)}
                    events.append({"kind": "metric", "step": step, "values": values})
        return events

    def _found(self, name: str, pattern: str, line: str) -> list[str]:
        compiled = compile_pattern(pattern)
        group = 1 if compiled.groups else 0
        if not _SPANS.search(pattern):
            return [match[group] or "" for match in compiled.finditer(line, timeout=PATTERN_S)]
        texts: list[str] = []
        text = "\n".join(self._window)
        for match in compiled.finditer(text, timeout=PATTERN_S):
            if self._dropped + match.end(group) > self._ends.get(name, -1):
                self._ends[name] = self._dropped + match.end(group)
                texts.append(match[group] or "")
        return texts


def _given_up(name: str) -> Event:
    text = (
        f"The pattern of {name} searches too long and is not tried on further lines; what the "
        "run gives in the end is searched once more."
    )
    return {"kind": "message", "level": "warning", "code": "slow-pattern", "text": text}
