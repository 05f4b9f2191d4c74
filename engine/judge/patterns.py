"""Searches a regular expression with a limit on size and time.

Python's engine backtracks: a pattern such as ``(a+)+$`` can take longer than the
universe on forty letters. Three limits keep that out of an evaluation: the length of
the pattern, the length of the text, and a clock, which the ``regex`` package looks at
while it searches, in any thread.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

import regex

MAX_PATTERN = 2_000
"""Characters of a pattern."""

MAX_TEXT = 10_000
"""Characters of a text that are searched; what comes after is not looked at."""

SECONDS = 1.0
"""How long one search may take."""


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """The compiled pattern; PatternError where it is none, is empty or is too long."""
    if not pattern.strip():
        raise PatternError("the pattern is empty")
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"the pattern is longer than {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings():  # of what a later Python may read otherwise: regex reads it
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)  # what Python does not read is none, whatever else regex knows
        return regex.compile(pattern)
    except (re.error, regex.error) as error:
        raise PatternError(f"the pattern is not a regular expression ({error})") from error
    except (RecursionError, OverflowError, MemoryError) as error:
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


def search(pattern: str, text: str, seconds: float = SECONDS) -> bool:
    """Whether ``pattern`` is found in the first MAX_TEXT characters of ``text``.

    PatternError where the pattern cannot be used or takes longer than ``seconds``.
    """
    compiled = compile_pattern(pattern)
    try:
        return compiled.search(text[:MAX_TEXT], timeout=seconds) is not None
    except TimeoutError as error:
        raise PatternError(f"the search took longer than {seconds:g} s") from error
    except (RecursionError, MemoryError) as error:
        raise PatternError("the search needs too much memory") from error
