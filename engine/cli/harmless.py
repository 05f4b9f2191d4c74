"""What is printed cannot do anything to a terminal: the last gate, behind all that commands print.

Commands clean what they take from files, models and logs themselves, where they know how it is to
look. What one of them forgets (a path, the text of an exception) is caught here: signs that a
terminal obeys, or that turn the writing direction round, are shown as U+FFFD.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control signs of both sets but for line end and tab, signs of direction, line separators,
halves of surrogate pairs, and invisible tags."""


def harmless(text: str) -> str:
    """The text with what a terminal would obey shown as U+FFFD; lines and tabs stay."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON in which whatever a terminal would obey is escaped: the value is the same."""
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, default=str, indent=indent, separators=separators)
    return escaped(text)


def escaped(text: str) -> str:
    """The text of a JSON document, with whatever a terminal would obey escaped in its strings."""
    return _OBEYED.sub(lambda found: json.dumps(found[0])[1:-1], text)


class _Gate:
    """A text stream that writes only what is harmless; in all else it is the stream behind it."""

    def __init__(self, stream: TextIO) -> None:
        self.behind = stream

    def write(self, text: str) -> int:
        self.behind.write(harmless(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


def guard() -> None:
    """Put the gate before stdout and stderr of this process, once."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Gate):
            setattr(sys, name, cast(TextIO, _Gate(stream)))


def write_over(text: str) -> None:
    """Write ``text`` over the last line of stderr, which is a terminal; "" clears it."""
    stream = sys.stderr.behind if isinstance(sys.stderr, _Gate) else sys.stderr
    stream.write(f"\r\x1b[2K{harmless(text)}")
    stream.flush()
