"""From a JSON pointer to the line of a file, so that a finding opens where it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def line_of(text: str, pointer: str) -> int:
    """The line, from 1, of the key or item that ``pointer`` names in the JSON ``text``.

    Where it is not there (a key that is missing), the line of the innermost thing around it
    that is; 1 for the whole file. Never an error, whatever the text.
    """
    wanted = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    depth, offset = 0, 0
    for path, at in _places(text):
        if len(path) > depth and path == wanted[: len(path)]:
            depth, offset = len(path), at
            if depth == len(wanted):
                break
    return text.count("\n", 0, offset) + 1


@dataclass(slots=True)
class _Level:
    """An open object or list, and what is named by the next value in it."""

    is_list: bool
    index: int = 0
    key: str = ""
    at: int = 0


def _places(text: str) -> Iterator[tuple[list[str], int]]:
    """(path, offset) of every key of an object and every item of a list, in order."""
    levels: list[_Level] = []
    last = ("", 0)
    for match in _TOKEN.finditer(text):
        token, at = match[0], match.start()
        top = levels[-1] if levels else None
        if token == ":" and top is not None:
            top.key, top.at = _unquoted(last[0]), last[1]
            yield _path(levels), top.at
        elif token == "," and top is not None:
            top.index += 1
        elif token in ("}", "]"):
            if levels:
                levels.pop()
        elif token not in (":", ","):
            if top is not None and top.is_list:
                yield _path(levels), at
            if token in ("{", "["):
                levels.append(_Level(token == "["))
        last = (token, at)


def _path(levels: list[_Level]) -> list[str]:
    return [str(level.index) if level.is_list else level.key for level in levels]


def _unquoted(token: str) -> str:
    try:
        return str(json.loads(token))
    except (ValueError, RecursionError):
        return token


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands in a JSON text, as offsets. ``key`` is where its key begins, None for
    an item of a list."""

    key: int | None
    start: int
    end: int


def span_of(text: str, pointer: str) -> Span | None:
    """Where the value at ``pointer`` stands in the JSON ``text``; None where it does not.

    Of a key that stands twice it is the last one, which is the one that counts.
    """
    wanted = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    decoder = json.JSONDecoder()
    found = None
    for path, at in _places(text) if wanted else ():
        if path != wanted:
            continue
        try:
            start, key = at, None
            if text[at] == '"':
                _, end = decoder.raw_decode(text, at)
                colon = _COLON.match(text, end)
                if colon is not None:
                    start, key = colon.end(), at
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        found = Span(key, start, end)
    return found


_COLON = re.compile(r"\s*:\s*")


def with_value(text: str, pointer: str, value: object) -> str | None:
    """The text with another value at ``pointer`` and every other character kept."""
    span = span_of(text, pointer)
    if span is None:
        return None
    return text[: span.start] + json.dumps(value, ensure_ascii=False) + text[span.end :]


def with_key_after(text: str, pointer: str, key: str, value: object) -> str | None:
    """The text with a new key after the one at ``pointer``, on a line of its own where that one
    has one. None where nothing of an object stands there."""
    span = span_of(text, pointer)
    if span is None or span.key is None:
        return None
    before = text[text.rfind("\n", 0, span.key) + 1 : span.key]
    gap = f",\n{before}" if "\n" in text[: span.key] and not before.strip() else ", "
    added = f"{gap}{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
    return text[: span.end] + added + text[span.end :]
