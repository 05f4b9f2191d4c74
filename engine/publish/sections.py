"""The sections of a Markdown text: where each heading's part begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what belongs to it: lines ``start`` (from 0) up to, but without, ``end``."""

    level: int
    title: str
    start: int
    end: int


@cache
def reader() -> MarkdownIt:
    """The reader of Markdown that screen and page share. HTML in a text is text."""
    from markdown_it import MarkdownIt  # not for the way to first paint

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def sections(text: str) -> list[Section]:
    """The sections in their order; each ends where the next of its level or above begins."""
    tokens = reader().parse(text)
    found: list[tuple[int, str, int]] = []
    for token, inline in pairwise(tokens):
        # Headings inside quotes and lists are no sections of the text.
        if token.type == "heading_open" and token.level == 0 and token.map is not None:
            words = "".join(
                child.content for child in inline.children or [] if child.type in _WORDS
            )
            found.append((int(token.tag[1:]), words, token.map[0]))
    last = text.count("\n") + 1
    made = []
    for number, (level, title, start) in enumerate(found):
        ends = (line for other, _, line in found[number + 1 :] if other <= level)
        made.append(Section(level, title, start, next(ends, last)))
    return made


_WORDS = frozenset({"text", "text_special", "code_inline", "softbreak"})


def section_at(found: list[Section], line: int) -> Section | None:
    """The innermost section that a line (from 0) belongs to; None above the first heading."""
    here = [one for one in found if one.start <= line < one.end]
    return here[-1] if here else None


def text_of(text: str, section: Section) -> str:
    """A section as it stands in the text, with one line end after it."""
    return "\n".join(text.split("\n")[section.start : section.end]).rstrip() + "\n"
