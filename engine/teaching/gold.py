"""Keeps gold rows out of prompts: what a teacher has seen it may write down as training data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.judge.leakage import normalise, prompt_key, prompt_text
from engine.judge.near import NearIndex
from engine.teaching.errors import TeachingError

_LISTED = 5


class Gold:
    """The gold prompts, as keys (``engine.judge.leakage.prompt_key``); knows what holds one."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = [key for key in dict.fromkeys(keys) if key]
        self._known = set(self._keys)
        self._near = NearIndex(self._keys)

    @classmethod
    def of(cls, rows: Iterable[Any]) -> Gold:
        """Of gold rows in any of the forms that are read."""
        return cls(key for row in rows if (key := prompt_key(row)) is not None)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def holds(self, row: Any) -> bool:
        """Whether a row's prompt is a gold prompt, nearly one, or has one inside."""
        text = prompt_text(row)
        return text is not None and self.is_in(text)

    def is_in(self, text: str) -> bool:
        """Whether a text is a gold prompt, nearly one, or has one of some length inside."""
        key = normalise(text)
        return key in self._known or bool(self._near.matches(key))

    def refuse(self, what: str, rows: Sequence[Any]) -> None:
        """TeachingError (``gold``) that names the places, from 1, of the rows that are gold."""
        places = [number for number, row in enumerate(rows, 1) if self.holds(row)]
        if places:
            shown = ", ".join(map(str, places[:_LISTED]))
            more = f" and {len(places) - _LISTED} more" if len(places) > _LISTED else ""
            are = "is a gold row" if len(places) == 1 else "are gold rows"
            raise TeachingError(
                f"Of the {what}, number {shown}{more} {are}, or nearly. Gold rows are never shown "
                "to a teacher: take them out first.",
                "gold",
            )

    def without(self, what: str, text: str) -> tuple[str, list[str]]:
        """``text`` without the lines that hold a gold prompt, and a sentence for each of them.

        TeachingError (``gold``) where one still stands in it, over several lines.
        """
        kept, notes = [], []
        for number, line in enumerate(text.splitlines(), 1):
            if self._keys and line.strip() and self._line(line):
                notes.append(f"{what}, line {number} holds a gold row and was not shown.")
            else:
                kept.append(line)
        clean = "\n".join(kept)
        key = normalise(clean)
        inside = any(kind == "inside" for _, kind, _ in self._near.matches(key))
        if inside or key in self._known:
            raise TeachingError(
                f"{what} holds a gold row over several lines. Gold rows are never shown to a "
                "teacher: take it out first.",
                "gold",
            )
        return clean, notes

    def _line(self, line: str) -> bool:
        """A document says of single words what they mean, gold or not: these may stand there."""
        quoted = (normalise(part) for part in line.split('"')[1::2])
        return self.is_in(line) or any(
            part in self._known for part in quoted if len(part.split()) > 1
        )
