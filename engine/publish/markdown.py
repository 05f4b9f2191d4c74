"""Text into Markdown: whatever a model wrote stays text, in one line, and does nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_PUNCTUATION = re.compile(r"[\\`*_\[\]<>|~#&!$]")
_PLACES = re.compile(r"(https?|ftp)(:)(?=//)|(www)(\.)", re.IGNORECASE)


def clip(text: str, length: int) -> str:
    """At most ``length`` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def visible(text: str) -> str:
    """Control characters as their pictures, and invisible or direction-changing ones as �."""
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    code = ord(char)
    if char == "\n":
        return "⏎"
    if char == "\t":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return "�" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char


def escape(text: str) -> str:
    """``text`` as inline Markdown that reads as itself: no markup, HTML, link or new line."""
    text = _PUNCTUATION.sub(lambda match: "\\" + match[0], visible(text))
    return _PLACES.sub(lambda match: (match[1] or match[3]) + "\\" + (match[2] or match[4]), text)


def paragraph(text: str) -> str:
    """``text`` as one paragraph: what would begin a list or a rule is escaped as well."""
    line = escape(" ".join(text.split()))
    return re.sub(r"^([-+=]|\d+[.)])", lambda match: match[0][:-1] + "\\" + match[0][-1], line)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> list[str]:
    """The lines of a table. Cells come escaped; the last ``numbers`` columns stand to the right."""
    left = len(header) - numbers
    lines = [_row(header), _row(["---"] * left + ["---:"] * numbers)]
    lines += [_row(row) for row in rows]
    return lines


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
