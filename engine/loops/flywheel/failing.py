"""What failed on the dev suite, for teachers: by slice and kind of failure, never a row of it.

Dev rows judge the iterations. A teacher that saw their questions or answers would hand them back as
training rows or as advice, and the next score would say nothing. So it is told which slices fail,
how, and what form the answers have; values, texts and questions stay here. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.judge.answers import parse_json
from engine.judge.failure_class import names_in, suggest
from engine.records.evaluation import RowResult

SHOWN = 30
"""So many ways to fail are told, the most frequent first."""

_LONGEST_NAME = 40
_KEYS = 8
_DEPTH = 2


def slices_of(rows: Iterable[RowResult]) -> list[str]:
    """The slices that failed, the most frequent first."""
    counted = Counter(row.slice for row in rows if row.slice and not row.correct)
    return [name for name, _ in counted.most_common()]


def ways_to_fail(rows: Sequence[RowResult]) -> list[dict[str, Any]]:
    """Each way in which rows of an evaluation failed, with how many did: slice, kind, what differs,
    the form of what came."""
    known = {name for row in rows for name in names_in(row.expected)[:1]}
    counted = Counter(_way(row, known) for row in rows if not row.correct)
    return [
        {
            name: value
            for name, value in zip(
                ("slice", "kind", "what", "came", "times"), (*way, times), strict=True
            )
            if value is not None
        }
        for way, times in counted.most_common(SHOWN)
    ]


def described(rows: Sequence[RowResult]) -> str:
    """The ways to fail as lines of text; empty where nothing failed."""
    lines = []
    for way in ways_to_fail(rows):
        where = way.get("slice", "without a category")
        said = f": {way['what']}" if "what" in way else ""
        lines.append(
            f"- {where}, {way['times']} of them: {way['kind']}{said}. The answer was {way['came']}."
        )
    return "\n".join(lines)


def _way(row: RowResult, known: set[str]) -> tuple[str | None, str, str | None, str]:
    found = suggest(row.expected, row.got, row.error, row.correct, known)
    kind = str(found.failure_class).replace("-", " ") if found else "wrong"
    return (_named(row.slice), kind, _difference(row), form_of(row.got))


def _named(text: str | None) -> str | None:
    if text is None:
        return None
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"


def _difference(row: RowResult) -> str | None:
    """Which parts of two JSON objects differ; the command by its name, the others by their keys."""
    wanted, got = parse_json(row.expected).value, parse_json(row.got).value
    if not isinstance(wanted, dict) or not isinstance(got, dict):
        return None
    names = [names_in(text)[:1] for text in (row.expected, row.got)]
    if names[0] and names[0] != names[1]:
        came = f"{_named(names[1][0])} came" if names[1] else "no command came"
        return f"{_named(names[0][0])} was right, {came}"
    keys = list(_differing(wanted, got))[:_KEYS]
    return f"{', '.join(keys)} differ" if keys else None


def _differing(wanted: Mapping[str, Any], got: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key in dict.fromkeys([*wanted, *got]):
        one, other = wanted.get(key), got.get(key)
        name = f"{prefix}{_named(str(key))}"
        if isinstance(one, dict) and isinstance(other, dict):
            found += _differing(one, other, f"{name}.")
        elif (key in wanted) != (key in got):
            found.append(f"{name} ({'missing' if key in wanted else 'too much'})")
        elif one != other:
            found.append(name)
    return found


def form_of(text: str) -> str:
    """What an answer looks like, without what it says: ``JSON {cmd, args: {n: number}}``."""
    if not text.strip():
        return "empty"
    answer = parse_json(text)
    if answer.parsed:
        return f"JSON {_shape(answer.value)}"
    words = len(text.split())
    what = "text with JSON in it" if "{" in text else "text"
    size = "one word" if words == 1 else "a few words" if words <= 10 else "many words"
    return f"{what}, {size}"


def _shape(value: Any, depth: int = _DEPTH) -> str:
    if isinstance(value, dict):
        if depth == 0:
            return "object"
        keys = [f"{_named(str(key))}: {_shape(one, depth - 1)}" for key, one in list(value.items())]
        more = ", …" if len(keys) > _KEYS else ""
        return f"{{{', '.join(keys[:_KEYS])}{more}}}"
    if isinstance(value, list):
        return "list"
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "number"
    return "null" if value is None else "text"
