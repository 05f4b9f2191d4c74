"""From a JSON pointer to the line of a file that it points at, also in files that are cut off."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")
MAX_DEPTH = 200


def line_of(text: str, pointer: str) -> int:
    """The line (from 1) at which the value of ``pointer`` begins.

    Where the value is not there (a key that is missing, a file that ends too soon), the line of
    the innermost part of the pointer that is; 1 for the whole file, and for text that is no JSON
    the line at which it stops being it. Lines of a ``.jsonl`` are pointed at as ``/<index>/…``.
    """
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    if not parts:
        return _line(text, _broken_at(text))
    return _line(text, _find(text, parts))


def line_of_row(text: str, pointer: str) -> int | None:
    """The line of a row in JSON-lines text, where the pointer begins with its index, else None."""
    first = pointer.split("/")[1] if pointer.startswith("/") else ""
    return int(first) + 1 if first.isdigit() and int(first) < text.count("\n") + 1 else None


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _broken_at(text: str) -> int:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return min(error.pos, max(0, len(text.rstrip()) - 1))
    except (RecursionError, ValueError):
        return 0
    return 0


def _find(text: str, parts: list[str]) -> int:
    """The offset of the deepest part of the pointer that was found."""
    at = found = _skip(text, 0)
    try:
        for part in parts:
            at = _child(text, at, part)
            if at < 0:
                break
            found = at
    except (IndexError, ValueError):  # the file ends inside of a value
        pass
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _child(text: str, at: int, part: str) -> int:
    """The offset of one member (for an object, of its key), -1 where there is none."""
    if text[at] not in "{[":
        return -1
    is_object = text[at] == "{"
    at, index = _skip(text, at + 1), 0
    while text[at] not in "}]":
        begin = at
        key = str(index)
        if is_object:
            key, at = scanstring(text, at + 1)
            at = _skip(text, _skip(text, at) + 1)
        if key == part:
            return begin if is_object and text[at] not in "{[" else at
        at = _skip(text, _end(text, at))
        if text[at] == ",":
            at = _skip(text, at + 1)
        elif text[at] not in "}]":
            return -1
        index += 1
    return -1


def _end(text: str, at: int) -> int:
    """The offset after the value that begins at ``at``."""
    depth = 0
    while True:
        char = text[at]
        if char == '"':
            at = scanstring(text, at + 1)[1]
        elif char in "{[":
            depth += 1
            at += 1
        elif char in "}]":
            depth -= 1
            at += 1
        elif char in ",: \t\r\n":
            at += 1
        else:
            match = _SCALAR.match(text, at)
            at = match.end() if match else at + 1
        if depth <= 0 and char not in ", :\t\r\n":
            return at
