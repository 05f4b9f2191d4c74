"""From any reply of a model to the objects and rows in it, and a sentence for all that is none.

Pure. A reply may be fenced, wrapped in prose, thought aloud, cut off, a list, lines, two answers,
an answer within a string, or nothing of the kind. Whatever it is: no exception, no value that does
not stand there, and what is whole is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from engine.judge.answers import show
from engine.teaching.loose_json import Break, Found, find_values

T = TypeVar("T")

MAX_CHARACTERS = 2_000_000
"""So much of a reply is read; a hundred long rows are a tenth of it."""

MAX_SENTENCES = 20
"""So many reasons are listed; the others are counted."""

_END_OF_THOUGHT = "</think>"

Check = Callable[[Any], T]
"""A JSON value to what it means; raises Misfit."""


class Misfit(ValueError):
    """A JSON value that is not what was asked for; the text says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The lists and objects of a reply, and what broke. ``cut_off``: it ends in the middle."""

    found: tuple[Found, ...]
    left_out: tuple[str, ...]
    cut_off: bool


@dataclass(frozen=True, slots=True)
class Fit(Generic[T]):
    """What fitted. ``left_out`` has a sentence for each thing that stood there and did not."""

    values: tuple[T, ...]
    left_out: tuple[str, ...]
    cut_off: bool

    @property
    def why(self) -> str:
        """Why there is no value, or not more, for the model that is asked again."""
        return " ".join(self.left_out) or "There is no JSON in it."


def by_schema(schema: type[T]) -> Check[T]:
    """A check by pydantic: strings that are numbers are numbers, as its lax mode has it."""
    adapter: TypeAdapter[T] = TypeAdapter(schema)

    def check(value: Any) -> T:
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise Misfit(_problems(error)) from error

    return check


def _problems(error: ValidationError) -> str:
    every = error.errors(include_url=False, include_input=False)
    texts = []
    for one in every[:3]:
        where = ".".join(str(part) for part in one["loc"])
        texts.append(f"{where}: {one['msg']}" if where else one["msg"])
    more = f" and {len(every) - 3} more" if len(every) > 3 else ""
    return "; ".join(texts) + more


def read_reply(text: str) -> Reading:
    """The lists and objects of a reply, outermost ones, in the order in which they stand there."""
    notes = []
    if len(text) > MAX_CHARACTERS:
        notes.append(f"Only the first {MAX_CHARACTERS:,} of its {len(text):,} characters are read.")
        text = text[:MAX_CHARACTERS]
    text = _unquoted(text)
    found, breaks = find_values(text)
    start = _after_thought(text, found)
    found = [one for one in found if one.start >= start]
    breaks = [one for one in breaks if one.start >= start]
    notes += _few(_break(one) for one in breaks)
    return Reading(tuple(found), tuple(notes), any(one.cut_off for one in breaks))


def _unquoted(text: str) -> str:
    """A reply that is one JSON string holding JSON is what it holds."""
    stripped = text.strip()
    if stripped.startswith('"') and stripped.endswith('"'):
        try:
            inner = json.loads(stripped, strict=False)
        except (ValueError, RecursionError):
            return text
        if isinstance(inner, str):
            return inner
    return text


def _after_thought(text: str, found: list[Found]) -> int:
    """Where the answer begins in a reply that thinks aloud first: drafts are no answers.

    The mark counts only outside of values: a row may be about it.
    """
    begins = text.lstrip().startswith("<think>")
    end = text.find(_END_OF_THOUGHT)
    while end >= 0 and any(one.start < end < one.end and not one.loose for one in found):
        end = text.find(_END_OF_THOUGHT, end + 1)
    if end >= 0:
        return end
    return len(text) if begins else 0


def _break(one: Break) -> str:
    return f"The JSON that begins at character {one.start + 1} cannot be used whole: {one.why}."


# --- fitting -----------------------------------------------------------------------------


def fit_one(reading: Reading, check: Check[T]) -> Fit[T]:
    """The one object that was asked for: the first that fits. Further ones are left out, and said.

    A list of it, and an object with nothing but it inside, are taken as it.
    """
    fitted: list[T] = []
    misfits: list[str] = []
    for found in reading.found:
        for value in _one_or_each(found.value):
            try:
                fitted.append(_fit_inside(value, check))
            except Misfit as misfit:
                if not found.loose:
                    misfits.append(f"{show(value)} does not fit: {misfit}.")
    left_out = list(reading.left_out)
    if not fitted:
        return Fit((), (*left_out, *_few(misfits)), reading.cut_off)
    if len(fitted) > 1:
        left_out.append(f"It holds {len(fitted)} that fit; the first one is used.")
    return Fit((fitted[0],), tuple(left_out), reading.cut_off)


def fit_many(reading: Reading, check: Check[T]) -> Fit[T]:
    """Every row that fits, in order, out of lists, lines, or an object around one list."""
    fitted: list[T] = []
    misfits: list[str] = []
    number = 0
    for found in reading.found:
        for value in _rows_of(found.value, check):
            number += 1
            try:
                fitted.append(check(_opened(value)))
            except Misfit as misfit:
                if not found.loose:
                    misfits.append(f"Row {number}: {misfit}.")
    return Fit(tuple(fitted), (*reading.left_out, *_few(misfits)), reading.cut_off)


def _one_or_each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fit_inside(value: Any, check: Check[T]) -> T:
    try:
        return check(value)
    except Misfit:
        if isinstance(value, dict) and len(value) == 1:
            (inner,) = value.values()
            if isinstance(inner, dict):
                return check(inner)
        raise


def _rows_of(value: Any, check: Check[T]) -> list[Any]:
    """The rows of a list, or of an object around one; an object without one is a row itself."""
    if isinstance(value, list):
        return value
    lists = [one for one in value.values() if isinstance(one, list) and one]
    if len(lists) == 1 and not _fits(value, check) and any(_fits(one, check) for one in lists[0]):
        return lists[0]
    return [value]


def _fits(value: Any, check: Check[T]) -> bool:
    try:
        check(_opened(value))
    except Misfit:
        return False
    return True


def _opened(value: Any) -> Any:
    """A row that stands there as its JSON text is that row."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        found, breaks = find_values(value)
        if len(found) == 1 and not breaks:
            return found[0].value
    return value


def _few(sentences: Iterable[str]) -> list[str]:
    every = list(sentences)
    if len(every) <= MAX_SENTENCES:
        return every
    return [*every[:MAX_SENTENCES], f"And {len(every) - MAX_SENTENCES} more."]
