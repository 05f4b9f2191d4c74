"""What a teacher says, before it goes where people, other programs or git see it.

A reply may hold escape codes, marks of Markdown, a held-out row, or a megabyte. What is kept is
plain words of a bounded length. Pure.
"""

from __future__ import annotations

import re
from typing import Any

from engine.supervise.terminal import clean_line
from engine.teaching.errors import TeachingError
from engine.teaching.gold import Gold

LINE = 300
"""Characters of a hypothesis, a focus, a name."""

TEXT = 4000
"""Characters of a rationale, and of what an iteration may add to BACKGROUND.md."""

SENTENCE = 600
"""Characters of what is said about a reply."""

VALUE = 80
"""Characters of a value of a patch that was refused."""

_HEADING = re.compile(r"^\s*#{1,6}\s+")
_COMMENT = re.compile(r"<!--|-->|^\s*(?:```|~~~).*$")


def line(what: str, text: str | None, gold: Gold, limit: int = LINE) -> tuple[str | None, str]:
    """A text as one line, None where nothing of it is left; and a sentence for what was taken out,
    empty where nothing was."""
    clean, said = paragraphs(what, text, gold, limit)
    return (" ".join(clean.split()) or None if clean else None), said


def paragraphs(
    what: str, text: str | None, gold: Gold, limit: int = TEXT
) -> tuple[str | None, str]:
    """A text over several lines; otherwise as ``line``.

    Headings and comments of Markdown become plain: nobody may write what looks like a section or a
    mark of this program.
    """
    if not text:
        return None, ""
    lines = [_plain(one) for one in text[: 4 * limit].splitlines()]
    clean = "\n".join(one for one in lines if one).strip()
    try:
        kept, notes = gold.without(what, clean)
        # Lines apart may be one question.
        if gold.is_in(kept):
            kept, notes = "", [what]
    except TeachingError:
        kept, notes = "", [what]
    said = f"{what} of the plan held a held-out row, which was taken out." if notes else ""
    if len(kept) > limit:
        kept = kept[: limit - 1].rstrip() + "…"
    return kept.strip() or None, said


def sentence(text: str, gold: Gold) -> str:
    """What a teacher or its reading had to say, as people may see it: it may quote the reply."""
    shown, _ = line("A sentence", text, gold, SENTENCE)
    return shown or "What was said about the reply quotes a held-out row, and is not repeated."


def value(given: Any, gold: Gold, limit: int = VALUE) -> Any:
    """A value of a patch as a record may show it: a number or truth value as it is, anything else
    as a short text."""
    if given is None or isinstance(given, bool | int | float):
        return given
    try:
        text = given if isinstance(given, str) else repr(given)
    except RecursionError:
        text = "nested too deeply"
    shown, _ = line("A value", text, gold, limit)
    return shown or "…"


def _plain(text: str) -> str:
    clean, _ = clean_line(text)
    clean = "".join(one if one.isprintable() else " " for one in clean)
    return _HEADING.sub("", _COMMENT.sub("", clean)).rstrip()
