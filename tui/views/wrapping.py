"""Breaks spans of text into lines of a width in terminal cells, at spaces where there are some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len

Span = tuple[str, str]
"""A text without control characters but line ends, and its role."""

Line = list[Span]


def wrap(spans: Iterable[Span], width: int, indent: int = 0) -> Iterator[Line]:
    """Lines of at most ``width`` cells, each after ``indent`` spaces. At least one line."""
    room = max(1, width - indent)
    pad: Line = [(" " * indent, "plain")] if indent else []
    for paragraph in _paragraphs(spans):
        for line in _wrapped(paragraph, room):
            yield [*pad, *line]


def _paragraphs(spans: Iterable[Span]) -> Iterator[Line]:
    line: Line = []
    for text, role in spans:
        first, *more = text.split("\n")
        if first:
            line.append((first, role))
        for piece in more:
            yield line
            line = [(piece, role)] if piece else []
    yield line


def _wrapped(spans: Line, room: int) -> Iterator[Line]:
    text = "".join(one for one, _ in spans)
    if cell_len(text) <= room:
        yield spans
        return
    start = 0
    for end in _breaks(text, room):
        yield _cut(spans, start, end)
        start = end


def _breaks(text: str, room: int) -> Iterator[int]:
    """Where each line ends: after the last space that fits, or where the room ends."""
    start, narrow = 0, text.isascii()
    while start < len(text):
        end = start + room if narrow else _fits(text, start, room)
        if end < len(text):
            space = text.rfind(" ", start, end + 1)
            if space > start:
                end = space + 1
        end = min(end, len(text))
        yield end
        start = end


def _fits(text: str, start: int, room: int) -> int:
    used, end = 0, start
    while end < len(text):
        used += cell_len(text[end])
        if used > room and end > start:
            break
        end += 1
    return end


def _cut(spans: Line, start: int, end: int) -> Line:
    """The part of a line between two offsets of its text."""
    found: Line = []
    offset = 0
    for text, role in spans:
        piece = text[max(0, start - offset) : max(0, end - offset)]
        if piece:
            found.append((piece, role))
        offset += len(text)
        if offset >= end:
            break
    return found
