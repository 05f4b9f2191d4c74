"""Does the gold set stand in the training data? Pure: compares prompts that it is handed."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

_PROMPTS = ("prompt", "prompt_text", "question")


def prompt_text(row: Any) -> str | None:
    """The text of all turns before the answer but the system's, as it stands; None for a row
    that is no object. The answer plays no part: a question with a wrong answer leaks as well.
    """
    if not isinstance(row, Mapping):
        return None
    texts: list[str] = []
    if isinstance(turns := row.get("messages"), list):
        if turns and _role(turns[-1]) in (None, "assistant"):
            turns = turns[:-1]  # the answer; a row that expects calls or words may end before it
        for turn in turns:
            if isinstance(turn, Mapping) and turn.get("role") != "system":
                texts.append(_text(turn.get("content", "")))
    else:
        texts.extend(_text(row[key]) for key in _PROMPTS if key in row)
    return "\n".join(texts)


def _role(turn: Any) -> Any:
    return turn.get("role") if isinstance(turn, Mapping) else None


def _text(value: Any) -> str:
    """As the data stage and the suites read it: an object is its JSON text."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def prompt_key(row: Any) -> str | None:
    """What makes two rows the same question, or None for a row without a prompt.

    ``prompt_text`` in one Unicode form, in lower case, with white space squeezed.
    """
    text = prompt_text(row)
    return None if text is None else normalise(text) or None


def normalise(text: str) -> str:
    """Text with the differences removed that no model would stumble over."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
