"""Cuts raw text into rows of at most so many tokens, at paragraphs, lines, sentences, words.

A helper child (see ``engine.work.helper``), asked by ``engine.project.corpus``. Request::

    {"model": DIR, "files": [PATH, …], "max_tokens": N}

Each row comes as a message ``row`` with its ``text`` and the place of its file in the list. Texts
are ``.txt`` and ``.md`` files whole, and the ``"text"`` of each line of a ``.jsonl``; no row holds
parts of two of them. Nothing but white space at the seams is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.plain_file import read_plain
from engine.work import helper
from engine.work.helper import Send
from engine.work.own_code import TOKENIZER
from engine.work.runtime import Refusal

MAX_BYTES = 2**30

SEAMS = (r"(?<=\n)\s*\n", r"\n", r"(?<=[.!?;])\s+", r"\s+")
"""Where a text may be cut, the best places first."""

LONG_TOKEN = 16
"""A text of more characters a token is cut without being counted first."""

Count = Callable[[str], int]


def answer(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """``rows``, ``tokens``, and ``broken``: lines of .jsonl files that hold no text."""
    from mlx_lm.utils import load_tokenizer

    try:
        tokenizer = load_tokenizer(Path(request["model"]), TOKENIZER)
    except (OSError, ValueError, KeyError, TypeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise Refusal(f"The model's tokenizer cannot be loaded ({first}).") from error

    def count(text: str) -> int:
        return len(tokenizer.encode(text))

    rows = tokens = broken = 0
    for place, name in enumerate(request["files"]):
        for text in _texts(Path(name)):
            if text is None:
                broken += 1
                continue
            for piece in pieces(text, int(request["max_tokens"]), count):
                rows, tokens = rows + 1, tokens + count(piece)
                send("row", text=piece, file=place)
    return {"rows": rows, "tokens": tokens, "broken": broken}


def _texts(file: Path) -> Iterator[str | None]:
    """The texts of a file; None for a line that holds none."""
    try:
        data = read_plain(file, MAX_BYTES)
    except OSError as error:
        raise Refusal(f"{file.name} cannot be read ({error.strerror or error}).") from error
    if file.suffix != ".jsonl":
        yield data.decode("utf-8-sig", "replace")
        return
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        text = row.get("text") if isinstance(row, dict) else None
        yield text if isinstance(text, str) else None


def pieces(text: str, most: int, count: Count, seams: tuple[str, ...] = SEAMS) -> Iterator[str]:
    """``text`` in pieces of at most ``most`` tokens, as few as a look from the left gives."""
    text = text.strip()
    if not text:
        return
    if len(text) <= most * LONG_TOKEN and count(text) <= most:
        yield text
        return
    if not seams:
        half = len(text) // 2
        if not half:  # one character that has more tokens than there is room for
            yield text
            return
        yield from pieces(text[:half], most, count, ())
        yield from pieces(text[half:], most, count, ())
        return
    held, tokens = "", 0
    for part in _parts(text, seams[0]):
        # Together they have no more tokens than apart, so nothing is counted twice.
        size = count(part) if len(part) <= most * LONG_TOKEN else most + 1
        if held and tokens + size <= most:
            held, tokens = held + part, tokens + size
            continue
        yield from pieces(held, most, count, seams[1:])
        held, tokens = part, size
    yield from pieces(held, most, count, seams[1:])


def _parts(text: str, seam: str) -> Iterator[str]:
    """The text cut after each seam; together they are the text."""
    start = 0
    for found in re.finditer(seam, text):
        if found.end() > start:
            yield text[start : found.end()]
            start = found.end()
    if start < len(text):
        yield text[start:]


if __name__ == "__main__":
    helper.serve(answer)
