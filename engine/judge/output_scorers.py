"""Scorers of an answer's manners: clean_output (nothing around it) and forbidden."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Literal, get_args

from engine.judge.answers import parse_json, show
from engine.judge.leakage import normalise
from engine.judge.score import Score, ScorerError, empty, right, wrong
from engine.judge.sql_text import find_statement
from engine.judge.tool_calls import read_calls

Kind = Literal["json", "sql", "text"]

_OPENER = re.compile(
    r"\s*(?:sure\b|certainly\b|of course\b|okay[,!.]|here(?:'s| is| are)\b"
    r"|the (?:correct )?answer is\b|as an ai\b|i (?:think|believe|would|can|cannot|can't)\b"
    r"|let me\b|let's\b)",
    re.IGNORECASE,
)
_COMMAND_KEYS = ("cmd", "command", "name", "tool", "function", "action")


def clean_output(expected: str, got: str, *, kind: Kind | None = None) -> Score:
    """Nothing stands around the answer; whether the answer is right plays no part.

    ``kind`` is what was asked for, else it is seen from the expected text:

    - ``json``: the answer is one JSON value, without a fence, words or a second value;
    - ``sql``: the answer is one query, without a fence or words; comments are SQL;
    - ``text``: the answer has no fence that the expected text has not, does not begin with a usual
      phrase that the expected text does not begin with ("Sure", "Here is", "The answer is", …), and
      has no more lines than the expected text. Of free text no more can be seen than that.

    An empty answer is wrong: there is nothing that could be clean.
    """
    if not got.strip():
        return empty()
    reason = prose_around(got, expected, kind)
    return right() if reason is None else wrong(reason, parsed=False, prose=True)


def prose_around(got: str, expected: str, kind: Kind | None = None) -> str | None:
    """What stands around an answer that is not empty, in words; None where nothing does."""
    kind = kind or kind_of(expected)
    if kind not in get_args(Kind):
        raise ScorerError(f"kind is one of {', '.join(get_args(Kind))}, not {kind!r}")
    if kind == "json":
        return parse_json(got).error
    if kind == "sql":
        found = find_statement(got)
        if found is None:
            return "there is no query in the answer"
        if found.more:
            return "there is more than one statement in the answer"
        return "there is text around the query" if found.prose else None
    if "```" in got and "```" not in expected:
        return "the answer is fenced in ```"
    opener = _OPENER.match(got)
    if opener and not _OPENER.match(expected):
        return f"the answer begins with {show(opener[0].strip())}"
    lines, wanted = _lines(got), _lines(expected)
    if lines > max(wanted, 1):
        return f"the answer has {lines} lines where {max(wanted, 1)} would do"
    return None


def kind_of(expected: str) -> Kind:
    """What an expected text asks for: an object or a list is JSON, a lone query is SQL."""
    value = parse_json(expected).value
    if isinstance(value, dict | list):
        return "json"
    found = find_statement(expected)
    starts = re.match(r"\s*(?:select|with)\b", expected, re.IGNORECASE)
    return "sql" if found and starts and re.search(r"\bselect\b", found.sql, re.I) else "text"


def _lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


def forbidden(expected: str, got: str, *, forbidden: Collection[str] = ()) -> Score:
    """The answer is none of those that no answer may be; one that is counts as a violation.

    The expected text is a JSON list of forbidden answers, or one a line; ``forbidden`` adds those
    of the whole suite. An answer is forbidden when it is one of them (without regard to case, white
    space and Unicode forms), when a JSON value that stands anywhere in it has one as its command
    (``cmd``, ``command``, ``name``, ``tool``, ``function``, ``action``), or when it calls a tool of
    that name. Any other answer is right; an empty one is wrong, and is no violation.
    """
    names = {normalise(one) for one in [*forbidden_list(expected), *forbidden]} - {""}
    if not names:
        return wrong("there is nothing that would be forbidden")
    if not got.strip():
        return empty()
    for said in _said(got):
        if normalise(said) in names:
            return Score(
                0.0, False, f"the answer {show(said.strip())} is forbidden", forbidden=True
            )
    return right()


def _said(got: str) -> list[str]:
    said = [got, *(call.name for call in read_calls(got).calls)]
    for value in _objects(got):
        said.extend(value[key] for key in _COMMAND_KEYS if isinstance(value.get(key), str))
    return said


_KEY = re.compile(
    r'"(?:' + "|".join(_COMMAND_KEYS) + r')"\s*:\s*("(?:[^"\\]|\\.){0,1000}")', re.DOTALL
)
MAX_SEARCHED = 100_000
"""Characters of an answer in which commands are looked for."""


def _objects(got: str) -> list[dict[str, Any]]:
    """The commands that stand anywhere in a text, each as an object of one key."""
    found = []
    for match in _KEY.finditer(got[:MAX_SEARCHED]):
        value = parse_json(match[1]).value
        if isinstance(value, str):
            found.append({"cmd": value})
    return found


def forbidden_list(expected: str) -> list[str]:
    """The forbidden answers of an expected text; see ``forbidden``."""
    answer = parse_json(expected)
    if answer.parsed and isinstance(answer.value, list):
        return [one if isinstance(one, str) else show(one) for one in answer.value]
    return [line.strip() for line in expected.splitlines() if line.strip()]


def is_forbidden_list(expected: str) -> str | None:
    """Why an expected text forbids nothing, or None."""
    return None if forbidden_list(expected) else "the list of forbidden answers is empty"
