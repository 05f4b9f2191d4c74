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
