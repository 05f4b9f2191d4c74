"""What kind of failure an answer might be, from simple evidence. A suggestion, never a verdict.

Pure: looks at one row and at the names that its suite expects. Where the evidence fits nothing
there is no suggestion, which is better than a wrong one that gets confirmed in passing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from engine.judge.answers import parse_json
from engine.records.trace_review import FailureClass

_NAME = r'"(?:cmd|command|tool|name|function|action|intent)"\s*:\s*"((?:[^"\\]|\\.)*)"'
_NAMES = re.compile(_NAME)
_MAX_LOOKED_AT = 20_000
_PROSE = ("there is text after the JSON", "there is text around the JSON")
_NO_FORMAT = (
    "the answer is prose, not JSON",
    "the answer is not JSON",
    "the JSON is cut off",
    "the answer is fenced",
    "the answer is empty",
    "the answer is nested",
    "the answer is no object",
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A class, and the evidence for it in a few words."""

    failure_class: FailureClass
    why: str


def names_in(text: str) -> list[str]:
    """The commands (or tools, functions, actions) that a text of JSON names, in their order."""
    return [match[1] for match in _NAMES.finditer(text[:_MAX_LOOKED_AT])]


def suggest(
    expected: str, got: str, error: str | None, correct: bool, known_names: Collection[str]
) -> Suggestion | None:
    """The class that the evidence points to, or None. ``known_names`` are those that any answer
    of the suite is expected to have; empty where there are none to compare with."""
    if correct:
        return _too_much(expected, got)
    error = error or ""
    if error.startswith(_PROSE):
        return Suggestion(FailureClass.PROSE_AROUND, error)
    wanted = names_in(expected)[:1]
    named = names_in(got)[:1]
    if named and known_names and named[0] not in known_names:
        why = f"no example of the suite expects {named[0]!r}"
        return Suggestion(FailureClass.HALLUCINATED_NAME, why)
    if error.startswith(_NO_FORMAT):
        return Suggestion(FailureClass.FORMAT_COLLAPSE, error)
    if wanted and not named and _is_object(expected):
        return Suggestion(FailureClass.FORMAT_COLLAPSE, "a command was expected, none came")
    if wanted and named and wanted != named:
        return Suggestion(FailureClass.WRONG_COMMAND, f"{named[0]!r} instead of {wanted[0]!r}")
    if wanted and wanted == named:
        return Suggestion(FailureClass.WRONG_ARGUMENT, "the command is right, the rest is not")
    if not got.strip():
        return Suggestion(FailureClass.FORMAT_COLLAPSE, "the answer is empty")
    if not wanted and named:
        return Suggestion(FailureClass.FORMAT_COLLAPSE, "a command came where none was expected")
    if len(got) <= 4 * len(expected) + 40:
        return Suggestion(FailureClass.PLAUSIBLE, "of the form that was asked for, but wrong")
    return None


def _too_much(expected: str, got: str) -> Suggestion | None:
    """A right answer that holds far more than what was asked for may be fishing for the score."""
    wanted = expected.strip()
    if wanted and wanted in got and len(got) > 8 * len(wanted) + 200:
        why = f"scored as right, {len(got) // len(wanted)} times as long as expected"
        return Suggestion(FailureClass.REWARD_HACKING, why)
    return None


def _is_object(text: str) -> bool:
    return isinstance(parse_json(text[:_MAX_LOOKED_AT]).value, dict)
