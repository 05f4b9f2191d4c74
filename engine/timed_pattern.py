"""Regular expressions that somebody else wrote, searched under a time limit in any thread.

Python's own engine backtracks without a clock: ``^(a|aa)+$`` on sixty letters outlasts everybody.
The ``regex`` package reads the same patterns and looks at a clock while it searches.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import regex

MAX_PATTERN = 2_000
"""Characters of a pattern."""

SECONDS = 1.0
"""How long one search of a text may take."""


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


class PatternTooSlow(PatternError):
    """A pattern whose search of a text did not end within the time limit."""


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> regex.Pattern[str]:
    """The compiled pattern, in which ``^`` and ``$`` are the ends of lines.

    PatternError where it is none, is empty or is too long.
    """
    if not text.strip():
        raise PatternError("the pattern is empty")
    if len(text) > MAX_PATTERN:
        raise PatternError(f"the pattern is longer than {MAX_PATTERN:,} characters")
    try:
        return regex.compile(text, regex.MULTILINE)
    except regex.error as error:
        raise PatternError(f"the pattern is not a regular expression ({error})") from error
    except (RecursionError, OverflowError, MemoryError) as error:
        raise PatternError("the pattern is nested too deeply or counts too far") from error


def find_all(pattern: str, text: str, seconds: float = SECONDS) -> list[str]:
    """What the pattern's first group matched, everywhere in the text, in order.

    The whole match where the pattern has no group, "" where the group took no part in the match.
    PatternError where the pattern cannot be used, PatternTooSlow after ``seconds``.
    """
    compiled = compile_pattern(pattern)
    group = 1 if compiled.groups else 0
    found: Any
    try:
        found = compiled.finditer(text, timeout=seconds)
        return [match[group] or "" for match in found]
    except TimeoutError as error:
        raise PatternTooSlow(f"the search took longer than {seconds:g} s") from error
    except (RecursionError, MemoryError) as error:
        raise PatternError("the search needs too much memory") from error
