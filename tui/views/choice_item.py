"""One of a few choices that stand side by side."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from tui.views.cells import Tone


@dataclass(frozen=True, slots=True)
class Item:
    """One choice: ``key`` is drawn before the label, ``count`` after it; ``state`` is "" or
    "chosen" or "offered", each with a sign of its own."""

    name: str
    label: str
    key: str = ""
    count: str = ""
    state: str = ""

    @property
    def parts(self) -> list[tuple[str, Tone]]:
        """The item as texts with what they mean."""
        signs: dict[str, tuple[str, Tone]] = {"chosen": ("▸", "strong"), "offered": ("?", "warn")}
        sign, tone = signs.get(self.state, (" ", "plain"))
        key: list[tuple[str, Tone]] = [(self.key + " ", "accent")] if self.key else []
        count: list[tuple[str, Tone]] = [(" " + self.count, "muted")] if self.count else []
        return [(sign, tone), *key, (self.label, tone), *count]

    @property
    def size(self) -> int:
        return sum(cell_len(text) for text, _ in self.parts)
