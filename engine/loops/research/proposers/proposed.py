"""What a proposer hands over, and why it could not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from engine.supervise.terminal import clean_line

DESCRIPTION = 200
"""So many characters of a description are kept: it is one cell of the results log."""

_HEAD = re.compile(r"^[#*_`>\-•\s\"']*(?:description[*_`\s]*:)?[*_`\s\"']*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proposed:
    """The tree is changed as this says. ``tokens`` and ``usd`` are None where nobody counted."""

    by: str
    description: str
    rationale: str | None = None
    tokens: int | None = None
    usd: float | None = None
    notes: tuple[str, ...] = ()
    """Sentences for a person: what was left out, what is not known."""


class ProposerError(Exception):
    """There is no proposal; the text says why, and what to do where something can be done.

    ``code`` names the kind. ``empty`` (nothing was changed) and ``apply`` (the change does not fit
    the files) are bad proposals, see ``rule``. The others are technical: ``start``, ``limit``,
    ``exit``, ``signal``, ``moved``, ``git``, ``files``, or the code of a TeachingError. The tree
    may be changed: whoever asked restores it.
    """

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def rule(self) -> Literal["empty", "apply"] | None:
        """The rule that a bad proposal broke, as in Violation; None for a technical failure."""
        if self.code == "empty":
            return "empty"
        return "apply" if self.code == "apply" else None


def one_line(text: str, limit: int = DESCRIPTION) -> str:
    """Any text as one harmless line: no control characters, no tabs, no colours; cut at ``limit``.

    Empty where nothing printable stands in it.
    """
    joined = " ".join(clean_line(one)[0] for one in text[: 20 * limit].splitlines())
    words = " ".join("".join(c if c.isprintable() else " " for c in joined).split())
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"


def description_of(text: str) -> str:
    """A description as a person would write it: one line, without the marks of a list, a heading or
    a quotation, and without the word ``description:`` before it."""
    line = one_line(text, 2 * DESCRIPTION)
    bare = _HEAD.sub("", line)
    marks = set(line[: len(line) - len(bare)])
    return one_line(bare.rstrip("".join(marks & set("*_`\"'")) + " "))
