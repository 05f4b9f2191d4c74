"""Searches a regular expression with a limit on size and time.

Python's engine backtracks: a pattern such as ``(a+)+$`` can take longer than the
universe on forty letters. Three limits keep that out of an evaluation: the length of
the pattern, the length of the text, and a clock. The clock is a signal and works in
the main thread, which is where workers score. In any other thread a pattern that
repeats a repeat is refused instead.
"""

from __future__ import annotations

import re
import signal
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

MAX_PATTERN = 2_000
"""Characters of a pattern."""

MAX_TEXT = 10_000
"""Characters of a text that are searched; what comes after is not looked at."""

SECONDS = 1.0
"""How long one search may take."""


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


class _TimeUp(Exception):
    pass


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The compiled pattern; PatternError where it is none, is empty or is too long."""
    if not pattern.strip():
        raise PatternError("the pattern is empty")
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"the pattern is longer than {MAX_PATTERN} characters")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise PatternError(f"the pattern is not a regular expression ({error})") from error
    except (RecursionError, OverflowError) as error:
        raise PatternError("the pattern is nested too deeply or counts too far") from error


def repeats_a_repeat(pattern: str) -> bool:
    """A group that holds ``*``, ``+``, ``{``, ``?`` or ``|`` is repeated without end.

    Those are the ways in which one text can be cut into repeats in many ways: ``(a|aa)+`` and
    ``(aa?)+`` never end as ``(a+)+`` does. A scan of the text, on the side of caution: possessive
    repeats and harmless choices count as well.
    """
    holds: list[bool] = [False]
    index = 0
    in_class = False
    while index < len(pattern):
        char = pattern[index]
        if char == "\\":
            index += 2
            continue
        if in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            index += pattern[index + 1 : index + 2] in ("]", "^")
        elif char == "(":
            holds.append(False)
        elif char == ")" and len(holds) > 1:
            inner = holds.pop()
            if inner and pattern[index + 1 : index + 2] in ("*", "+", "{"):
                return True
            holds[-1] = holds[-1] or inner
        elif char in "*+{|" or (char == "?" and pattern[index - 1 : index] != "("):
            holds[-1] = True
        index += 1
    return False


@contextmanager
def _clock(seconds: float) -> Iterator[None]:
    def time_up(signum: int, frame: types.FrameType | None) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, time_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # None: a handler that was not set from Python and cannot be put back by it.
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)


def search(pattern: str, text: str, seconds: float = SECONDS) -> bool:
    """Whether ``pattern`` is found in the first MAX_TEXT characters of ``text``.

    PatternError where the pattern cannot be used or takes longer than ``seconds``.
    """
    compiled = compile_pattern(pattern)
    text = text[:MAX_TEXT]
    if threading.current_thread() is not threading.main_thread():
        if repeats_a_repeat(pattern):
            raise PatternError("the pattern repeats a repeat or a choice, which may never end")
        return compiled.search(text) is not None
    try:
        with _clock(seconds):
            return compiled.search(text) is not None
    except _TimeUp as error:
        raise PatternError(f"the search took longer than {seconds:g} s") from error
