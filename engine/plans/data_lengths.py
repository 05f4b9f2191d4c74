"""How many tokens a target's rows have for its model: by its tokenizer, asked in a child."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.costs.forecast import Lengths
from engine.helper import ask
from engine.models import ModelOnDisk
from engine.target import Target

SECONDS = 20.0
"""How long rows are counted, at most: some hundred thousand tokens a second."""

TIMEOUT_S = 90.0
_MAX_PROMPT_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class TokenCount:
    """What the tokenizer counted. ``line`` is that of the longest row; ``whole`` says that the
    child is done, ``cut`` that it stopped before the end of the file."""

    rows: int
    tokens: int
    longest: int
    line: int
    over: int
    limit: int
    cut: bool = False
    whole: bool = False

    @property
    def lengths(self) -> Lengths | None:
        """For an estimate; None where no row was counted."""
        if not self.rows:
            return None
        return Lengths(self.tokens / self.rows, self.longest, "counted")


def count_tokens(
    target: Target,
    file: Path,
    model: ModelOnDisk,
    heard: Callable[[TokenCount], None] = lambda count: None,
    stopped: Callable[[], bool] = lambda: False,
    *,
    named: Iterable[str],
) -> TokenCount:
    """Count the rows of a file, in a child that gets no keys, ``named`` ones neither. Blocks: for a
    thread. HelperError where the tokenizer cannot."""
    limit = target.forge.model.max_seq_len
    request = {
        "model": str(model.path),
        "file": str(file),
        "system_prompt": _system_prompt(target),
        "max_seq_len": limit,
        "seconds": SECONDS,
    }

    def count(message: dict[str, Any], *, whole: bool) -> TokenCount:
        rows, tokens, longest, line, over = (
            int(message[name]) for name in ("rows", "tokens", "longest", "line", "over")
        )
        return TokenCount(
            rows, tokens, longest, line, over, limit, cut=message["cut"] is True, whole=whole
        )

    def hear(message: dict[str, Any]) -> None:
        if message.get("kind") == "counted":
            heard(count(message, whole=False))

    said = ask("engine.work.lengths", request, hear, stopped, TIMEOUT_S, named=named)
    return count(said, whole=True)


def _system_prompt(target: Target) -> str | None:
    try:
        with (target.path / "system_prompt.md").open("rb") as file:
            text = file.read(_MAX_PROMPT_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return None
    return text or None
