"""What differs between the expected text and the answer, as text with marks.

Marks are signs, so that they are there without colour: ``[-…-]`` stands in the expected text for
what the answer lacks, ``{+…+}`` in the answer for what was not asked for, as git writes them.
White space inside a mark is drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from engine.judge.answers import MISSING, parse_json, same_field, same_json
from tui.views.plain import plain, plain_lines

Span = tuple[str, str]
"""A text and its role, see tui/widgets/ink.py."""

MAX_PAIRS = 400_000
"""Words of one text times words of the other up to which the middle is compared word by word."""

MAX_FIELDS = 400
_MAX_DEPTH = 20

# Words; scripts that write without spaces are compared sign by sign.
_TOKEN = re.compile(r"[^\W\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|.", re.DOTALL)
_SPACES = str.maketrans({" ": "␣", "\t": "→", "\n": "⏎\n", "\xa0": "⍽"})


@dataclass(frozen=True, slots=True)
class Marked:
    """Both texts with their marks. ``spaces_only``: they differ in nothing but white space;
    ``apart``: they have nothing in common, and no marks then."""

    expected: tuple[Span, ...]
    got: tuple[Span, ...]
    same: bool
    spaces_only: bool = False
    apart: bool = False


def marked(expected: str, got: str) -> Marked:
    """Compare two texts word by word."""
    if expected == got:
        both = ((plain_lines(got), "plain"),)
        return Marked(both, both, True)
    if not expected.strip() or not got.strip():
        one, two = ((_drawn(text), role) for text, role in ((expected, "good"), (got, "bad")))
        return Marked((one,), (two,), False, not (expected + got).strip(), True)
    left, right = _TOKEN.findall(expected), _TOKEN.findall(got)
    first: list[Span] = []
    second: list[Span] = []
    for same, a, b in _pieces(left, right):
        if same:
            first.append((_shown(a), "plain"))
            second.append((_shown(b), "plain"))
        else:
            if a:
                first.append((f"[-{_drawn(a)}-]", "good"))
            if b:
                second.append((f"{{+{_drawn(b)}+}}", "bad"))
    if not any(text.strip() for text, role in first if role == "plain"):
        one, two = (_shown(expected), "good"), (_shown(got), "bad")
        return Marked((one,), (two,), False, False, True)
    spaces_only = "".join(expected.split()) == "".join(got.split())
    return Marked(tuple(first), tuple(second), False, spaces_only)


def _pieces(left: list[str], right: list[str]) -> Iterator[tuple[bool, str, str]]:
    """(same, text of the left, text of the right), in order."""
    head = 0
    while head < min(len(left), len(right)) and left[head] == right[head]:
        head += 1
    tail = 0
    room = min(len(left), len(right)) - head
    while tail < room and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    if head:
        yield True, "".join(left[:head]), "".join(right[:head])
    a, b = left[head : len(left) - tail], right[head : len(right) - tail]
    if len(a) * len(b) > MAX_PAIRS:
        yield False, "".join(a), "".join(b)
    elif a or b:
        yield from _joined(a, b)
    if tail:
        yield True, "".join(left[-tail:]), "".join(right[-tail:])


def _joined(a: list[str], b: list[str]) -> Iterator[tuple[bool, str, str]]:
    """As _pieces; what is the same but too short to be a help to the eye counts as different."""
    waiting = ["", ""]
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        one, two = "".join(a[a0:a1]), "".join(b[b0:b1])
        short = not one.strip() or (len(one) <= 2 and not any(map(str.isalnum, one)))
        island = tag == "equal" and a0 > 0 and a1 < len(a) and short
        if tag == "equal" and not island:
            if any(waiting):
                yield False, waiting[0], waiting[1]
                waiting = ["", ""]
            yield True, one, two
        else:
            waiting = [waiting[0] + one, waiting[1] + two]
    if any(waiting):
        yield False, waiting[0], waiting[1]


def _shown(text: str) -> str:
    return "\n".join(plain(line.replace("\t", "    ")) for line in text.split("\n"))


def _drawn(text: str) -> str:
    """A text inside a mark: white space is drawn where it stands alone or at an end."""
    core = text.strip()
    if not core:
        return "\n".join(map(plain, text.translate(_SPACES).split("\n")))
    start = text.index(core)
    ends = text[:start], text[start + len(core) :]
    before, after = ("\n".join(map(plain, e.translate(_SPACES).split("\n"))) for e in ends)
    return before + _shown(core) + after


# --- JSON, field by field ------------------------------------------------------------------

Sign = Literal["=", "≈", "≠", "−", "+"]
SIGNS: dict[str, str] = {
    "=": "the same",
    "≈": "the same to the scorer",
    "≠": "differs",
    "−": "missing in the answer",
    "+": "not asked for",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of both answers; ``None`` where it is not there. ``scored`` is False for a field
    that the scorer does not look at."""

    path: str
    expected: str | None
    got: str | None
    sign: Sign
    scored: bool = True


def fields(expected: str, got: str, scorer: str | None) -> list[Field] | None:
    """The fields of two JSON answers, or None where one is no object or list (then text is
    compared), or where they have too many fields."""
    left, right = parse_json(expected), parse_json(got)
    if not isinstance(left.value, dict | list) or not isinstance(right.value, dict | list):
        return None
    try:
        a, b = dict(_leaves(left.value)), dict(_leaves(right.value))
    except _TooMuch:
        return None
    found = []
    for path in [*a, *(path for path in b if path not in a)]:
        one, two = a.get(path, MISSING), b.get(path, MISSING)
        scored = not (scorer == "json_cmd" and path.split(".")[0] == "confidence")
        shown = [None if value is MISSING else _json(value) for value in (one, two)]
        found.append(Field(path, shown[0], shown[1], _sign(path, one, two), scored))
    return found


def _sign(path: str, expected: Any, got: Any) -> Sign:
    # Scorers are less strict with the fields of the answer itself than with what is inside them.
    top = "." not in path and "[" not in path
    if expected is MISSING:
        return "+"
    if got is MISSING:
        return "≈" if expected is None and top else "−"
    if same_json(expected, got):
        return "="
    return "≈" if top and same_field(expected, got) else "≠"


class _TooMuch(Exception):
    """More fields than a person looks at, or nested too deeply."""


def _leaves(value: Any, path: str = "", depth: int = 0) -> list[tuple[str, Any]]:
    if depth > _MAX_DEPTH:
        raise _TooMuch
    if isinstance(value, dict) and value:
        items = [(str(key), one) for key, one in value.items()]
    elif isinstance(value, list) and value:
        items = [(f"[{number}]", one) for number, one in enumerate(value)]
    else:
        return [(path or "(all)", value)]
    found: list[tuple[str, Any]] = []
    for key, one in items:
        found += _leaves(one, _below(path, key), depth + 1)
        if len(found) > MAX_FIELDS:
            raise _TooMuch
    return found


def _below(path: str, key: str) -> str:
    return path + key if not path or key.startswith("[") else f"{path}.{key}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
