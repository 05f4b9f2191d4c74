"""What the prompts of all tasks have in common: what is known of the target, and its form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.judge.scorers import ScorerError, needs
from engine.teaching.errors import TeachingError
from engine.teaching.gold import Gold

MAX_TEXT = 40_000
"""So many characters of a document are shown: its beginning and its end."""

NOTHING = "(nothing)"


@dataclass(frozen=True, slots=True)
class Brief:
    """What a teacher is told of a target. ``gold`` are the rows that it must not see."""

    background: str = ""
    mission: str = ""
    system_prompt: str = ""
    scorer: str = "json_cmd"
    gold: Gold = field(default_factory=Gold)

    def texts(self, **more: tuple[str, str]) -> tuple[dict[str, str], list[str]]:
        """The documents for a prompt, and ``more`` (what each is called, and its text), without the
        lines that hold gold rows; and a sentence for each line that was left out.

        TeachingError (``gold``) where that does not help."""
        named = {
            "background": ("BACKGROUND.md", self.background),
            "mission": ("mission.md", self.mission),
            "system_prompt": ("system_prompt.md", self.system_prompt),
            **more,
        }
        values, notes = {}, []
        for name, (what, text) in named.items():
            clean, left_out = self.gold.without(what, text)
            values[name] = shortened(clean) or NOTHING
            notes += left_out
        return values, notes

    @property
    def form(self) -> str:
        """What the scorer asks of an answer, in words; nothing where any text will do."""
        if self.scorer == "json_cmd":
            return (
                'The answer is one JSON object with a "cmd", written as a string: no prose, no '
                "code fence."
            )
        if self.scorer.startswith("json_"):
            return "The answer is JSON, written as a string: no prose, no code fence."
        if self.scorer == "numeric":
            return "The answer is a number."
        return ""

    def check_writable(self) -> None:
        """TeachingError (``task``) for a scorer whose rows are more than a question and a text."""
        try:
            more = needs(self.scorer) - {"scorer_file"}
        except ScorerError as error:
            raise TeachingError(f"No rows can be written: {error}.", "task") from error
        if more or self.scorer in ("tool_calls", "keywords", "forbidden"):
            raise TeachingError(
                f"Teachers write questions with a text as the answer. Rows for the scorer "
                f"{self.scorer} hold more than that, and are not written by one yet.",
                "task",
            )


def shortened(text: str, limit: int = MAX_TEXT) -> str:
    """A document as it is shown: whole, or its head and tail with a mark between."""
    text = text.strip()
    if len(text) <= limit:
        return text
    half = limit // 2
    mark = f"[… {len(text) - 2 * half:,} characters are left out here …]"
    return f"{text[:half]}\n{mark}\n{text[-half:]}"


def lines_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as JSON lines."""
    return "\n".join(json.dumps(row, ensure_ascii=False, default=str) for row in rows) or NOTHING
