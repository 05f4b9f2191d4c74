"""What lets a row into the training data: once, and never near a gold prompt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from engine.judge.leaks import LeakIndex, Prompt, closest
from engine.records.leakage import LeakKind
from engine.work.chats import Row, normalise, prompt_of

PATIENCE, SPARE = 3, 64
"""After so many answers in a row without a new row a generator has no more; it is asked for at
least so many rows at a time."""

ROUNDS = 20
"""How often a generator is asked again when too many of its rows were left out."""


class Sieve:
    """Lets a row through once, and never one that comes near a gold prompt; counts the others.

    Each of ``indexes`` is a suite of its own: what most of its prompts share is no likeness.
    """

    def __init__(self, indexes: Sequence[LeakIndex]) -> None:
        self._indexes = indexes
        self._gold = {normalise(one.text) for index in indexes for one in index.gold}
        self._seen: set[str] = set()
        self.duplicates = 0
        self.refused: Counter[LeakKind] = Counter()

    @property
    def in_gold(self) -> int:
        """Rows that were refused because of a gold prompt, in whatever way."""
        return self.refused.total()

    def take(self, rows: Iterable[Row], limit: int | None = None) -> list[Row]:
        """The rows that pass, at most ``limit``; those after the limit are not looked at."""
        taken: list[Row] = []
        for row in rows:
            if limit is not None and len(taken) >= limit:
                break
            key = json.dumps(row["messages"], sort_keys=True)
            if key in self._seen:
                self.duplicates += 1
            elif kind := self._gold_in(prompt_of(row)):
                self.refused[kind] += 1
            else:
                self._seen.add(key)
                taken.append(row)
        return taken

    def _gold_in(self, prompt: str) -> LeakKind | None:
        row = Prompt("", 0, prompt)
        leak = closest(index.leak_in(row) for index in self._indexes)
        if leak is not None:
            return leak.kind
        # The marks within a number (1,000 and 1.000) make no other prompt either.
        return "normalised" if normalise(prompt) in self._gold else None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The rows of a generator that passed, and why there are not more of them."""

    rows: list[Row] = field(default_factory=list)
    repeated: int = 0
    """Rows that were there before."""
    refused: int = 0
    """Rows that came near a gold prompt."""

    @property
    def why_few(self) -> str:
        """What became of the others, in words."""
        return (
            f"of the others {self.repeated:,} were there before and {self.refused:,} came near a "
            "gold prompt"
        )


def draw(sieve: Sieve, ask: Callable[[int, int], list[Row]], count: int, seed: int) -> Drawn:
    """``count`` rows that pass the sieve, or fewer where the generator has no more.

    ``ask(n, seed)`` gives n rows; it is asked again, with other seeds, for what is missing.
    """
    rows: list[Row] = []
    before = sieve.duplicates, sieve.in_gold
    dry = 0
    for round_ in range(ROUNDS):
        missing = count - len(rows)
        if missing <= 0 or dry > PATIENCE:
            break
        # What comes may have come before: ask for some to spare, and for more after each answer
        # without anything new.
        wanted = missing if round_ == 0 else max(missing, SPARE) << dry
        # Seeds of one run must not be another run's: stride well past any seed a person types.
        fresh = sieve.take(ask(wanted, seed + round_ * 1_000_003), missing)
        dry = 0 if fresh else dry + 1
        rows += fresh
    return Drawn(rows, sieve.duplicates - before[0], sieve.in_gold - before[1])
