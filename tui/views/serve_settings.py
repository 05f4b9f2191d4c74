"""How an answer is asked for: what was typed into the settings, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.serving.chat import Ask

MOST_TOKENS = 32_768
HOTTEST = 2.0


class SettingsError(ValueError):
    """A setting that cannot be used; a sentence."""


def ask_of(tokens: str, temperature: str, tools: Sequence[dict[str, Any]] = ()) -> Ask:
    """The settings of a question. ``tools`` are shown to the model."""
    extra = {"tools": list(tools)} if tools else {}
    return Ask(_tokens(tokens), _temperature(temperature), extra=extra)


def _tokens(text: str) -> int:
    try:
        number = int(text.strip().replace(",", ""))
    except ValueError:
        number = 0
    if not 1 <= number <= MOST_TOKENS:
        raise SettingsError(f"“max tokens” is a whole number from 1 to {MOST_TOKENS:,}.")
    return number


def _temperature(text: str) -> float:
    try:
        number = float(text.strip())
    except ValueError:
        number = -1.0
    if not 0 <= number <= HOTTEST:
        raise SettingsError(f"The temperature is a number from 0 to {HOTTEST:g}; 0 is greedy.")
    return number


def system_words(system: str | None, targets: str | None) -> str:
    """The system prompt in a few words."""
    if not system:
        return "none" if targets is None else "none (the target has one)"
    whose = "the target's" if system == targets else "your own"
    return f"{whose}, {len(system):,} characters"
