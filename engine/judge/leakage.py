"""Does the gold set stand in the training data? Pure: compares prompts that it is handed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any


def prompt_text(row: Any) -> str | None:
    """The text of all turns before the answer but the system's, as it stands; None for a row
    that is no object. The answer plays no part: a question with a wrong answer leaks as well.
    """
    if not isinstance(row, Mapping):
        return None
    texts: list[str] = []
    if isinstance(turns := row.get("messages"), list):
        for turn in turns[:-1]:
            if isinstance(turn, Mapping) and turn.get("role") != "system":
                texts.append(str(turn.get("content", "")))
    else:
        texts.extend(str(row[key]) for key in ("prompt", "question") if key in row)
    return "\n".join(texts)


def prompt_key(row: Any) -> str | None:
    """What makes two rows the same question, or None for a row without a prompt.

    ``prompt_text`` in one Unicode form, in lower case, with white space squeezed.
    """
    text = prompt_text(row)
    return None if text is None else normalise(text) or None


def normalise(text: str) -> str:
    """Text with the differences removed that no model would stumble over."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def leaked(gold: Iterable[str], trained_on: Iterable[str]) -> list[str]:
    """The gold prompts (as keys) that stand among the training prompts, in gold's order."""
    seen = set(trained_on)
    return [key for key in dict.fromkeys(gold) if key in seen]
