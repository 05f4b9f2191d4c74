"""The door into canonical: no row comes in that equals, or nearly equals, a row to be judged by.

Every way in goes through here: seed rows, a generator's, a teacher's, patches by hand. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.judge.leakage import normalise, prompt_text
from engine.judge.near import NearIndex, NearSettings

SHOWN = 5
"""So many refusals are kept whole; all are counted."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A row that was turned away: its place in what came, why, and which held-out row it is."""

    place: int
    why: str
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """``rows`` may go in. ``counts`` says how many were turned away, by why: "held out" (to the
    letter, or but for case and spaces), "nearly held out", "there already", "no prompt"."""

    rows: list[Mapping[str, Any]]
    counts: dict[str, int] = field(default_factory=dict)
    turned: tuple[Turned, ...] = ()

    @property
    def sentence(self) -> str | None:
        """What was turned away, None where nothing was."""
        if not self.counts:
            return None
        said = ", ".join(f"{count} {why}" for why, count in sorted(self.counts.items()))
        first = next((one.against for one in self.turned if one.against), None)
        example = f" (first: {first})" if first else ""
        return f"Turned away at the door: {said}{example}."


class Door:
    """Knows the held-out prompts and what stands in canonical already."""

    def __init__(
        self,
        held_out: Sequence[tuple[str, str]],
        known: Iterable[Mapping[str, Any]] = (),
        settings: NearSettings | None = None,
    ) -> None:
        """``held_out`` are (place, prompt text), the place as ``gold.jsonl:12``."""
        keys = [normalise(text) for _, text in held_out]
        self._places = [place for place, _ in held_out]
        self._index = NearIndex(keys, settings or NearSettings())
        self._exact = {key: place for place, key in reversed(list(enumerate(keys))) if key}
        self._known = {_identity(row) for row in known}

    def admit(self, rows: Iterable[Mapping[str, Any]]) -> Admitted:
        """Sort rows into those that may go in and those that may not; each goes in once."""
        taken: list[Mapping[str, Any]] = []
        counts: Counter[str] = Counter()
        turned: list[Turned] = []
        for place, row in enumerate(rows):
            why, against = self._why_not(row)
            if why is None:
                self._known.add(_identity(row))
                taken.append(row)
                continue
            counts[why] += 1
            if len(turned) < SHOWN:
                turned.append(Turned(place, why, against))
        return Admitted(taken, dict(counts), tuple(turned))

    def _why_not(self, row: Mapping[str, Any]) -> tuple[str | None, str | None]:
        text = prompt_text(row)
        key = normalise(text) if text else ""
        if not key:
            return "no prompt", None
        if key in self._exact:
            return "held out", self._places[self._exact[key]]
        if near := self._index.matches(key):
            return "nearly held out", self._places[near[0][0]]
        if _identity(row) in self._known:
            return "there already", None
        return None, None


def _identity(row: Mapping[str, Any]) -> str:
    """What makes two rows one: the question, normalised. Two answers to it would fight."""
    return normalise(prompt_text(row) or "")
