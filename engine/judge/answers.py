"""Reads a model's answer as JSON, strictly, and says in words why it is none.

A model may answer anything: a number, a list, a fence, prose, a megabyte of
brackets. Whatever it is, the result is a value or a reason, never an exception.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

MISSING: Final = object()
"""Stands for a value that could not be read; ``None`` would be JSON's null."""

SHOWN = 60
"""How many characters of a value an error shows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``value`` is MISSING exactly when ``error`` says why; ``prose``: words stand in the way."""

    value: Any
    error: str | None = None
    prose: bool = False

    @property
    def parsed(self) -> bool:
        return self.error is None


class _NotStrict(ValueError):
    """JSON that Python's reader would let pass and other readers would not."""


def _no_constant(literal: str) -> Any:
    raise _NotStrict(f"{literal} is not a JSON number")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _NotStrict(f"the key {show(key)} stands there twice")
            seen.add(key)
    return whole


_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique_keys)


def show(value: Any) -> str:
    """A value as short, printable JSON text for an error sentence."""
    try:
        text = json.dumps(value, ensure_ascii=True, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        text = "a value nested too deeply"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def parse_json(text: str) -> Answer:
    """The JSON value that ``text`` is, with nothing but white space around it.

    Strict: NaN and Infinity, a key that stands twice, a code fence, words before
    or after the value, and an empty answer are errors, each with its own reason.
    """
    text = text.strip()
    if not text:
        return Answer(MISSING, "the answer is empty")
    if text.startswith("```"):
        return Answer(MISSING, "the answer is fenced in ```; bare JSON was asked for")
    try:
        return Answer(_DECODER.decode(text))
    except RecursionError:
        return Answer(MISSING, "the answer is nested too deeply")
    except _NotStrict as error:
        return Answer(MISSING, f"the answer is not JSON: {error}")
    except json.JSONDecodeError as error:
        return _why_not(text, error)
    except ValueError:
        return Answer(MISSING, "the answer is not JSON: a number has too many digits")


def _why_not(text: str, error: json.JSONDecodeError) -> Answer:
    if text[0] in "{[":
        if error.msg == "Extra data":
            return Answer(MISSING, "there is text after the JSON", prose=True)
        if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
            return Answer(MISSING, "the JSON is cut off")
        return Answer(MISSING, f"the answer is not JSON: {error.msg} at character {error.pos + 1}")
    start = text.find("{")
    if start >= 0 and _object_at(text, start):
        return Answer(MISSING, "there is text around the JSON", prose=True)
    return Answer(MISSING, "the answer is prose, not JSON", prose=True)


def _object_at(text: str, start: int) -> bool:
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def same_json(left: Any, right: Any) -> bool:
    """Whether two JSON values mean the same: numbers by value, true is not 1, key order is nothing.

    RecursionError on values nested too deeply; callers turn it into a reason.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool) and left == right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same_json(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return type(left) is type(right) and bool(left == right)


def same_field(expected: Any, got: Any) -> bool:
    """Whether a field is right: the same JSON value, or the same text once both are text.

    So ``"42"`` equals 42 and ``" hover "`` equals ``"hover"``, but ``"42.0"`` does not
    equal 42. Lists and objects have no text of their own and must be the same value.
    """
    if same_json(expected, got):
        return True
    if isinstance(expected, dict | list) or isinstance(got, dict | list):
        return False
    if expected is None or got is None:
        return False
    return _as_text(expected) == _as_text(got)


def _as_text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value)
