"""Which gold prompts stand in the training rows: to the letter, normalised, or nearly.

Pure: it is handed the rows with the place each one has. What it finds names the rows of both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from engine.judge.leakage import normalise, prompt_text
from engine.judge.near import NearIndex, NearSettings

Kind = Literal["exact", "normalised", "near", "inside"]
_CLOSEST = ("exact", "normalised", "inside", "near")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt and where it stands: ``file`` as a record names it, ``line`` from 1.

    ``shown`` marks a row that a data generator was shown as an example: what comes back of it is
    no chance.
    """

    file: str
    line: int
    text: str
    shown: bool = False

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Leak:
    """One gold prompt that leaked: the closest training row, and how many more there are.

    ``kind`` is ``exact`` (to the letter), ``normalised`` (but for case, white space and the form of
    its characters), ``inside`` (whole within a longer text) or ``near``. ``similarity`` is in
    [0, 1]; 1 for the first two.
    """

    kind: Kind
    gold: Prompt
    training: Prompt
    similarity: float
    others: int = 0

    @property
    def sentence(self) -> str:
        """Names both rows."""
        how = {
            "exact": "stands to the letter in",
            "normalised": "stands, but for case and spaces, in",
            "inside": "stands whole within",
            "near": f"is {100 * self.similarity:.0f} % alike to",
        }[self.kind]
        more = f" and {self.others} more" if self.others else ""
        shown = "; the data generator was shown it" if self.gold.shown else ""
        return f"{self.gold.place} {how} {self.training.place}{more}{shown}."


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What was compared, how, and what leaked, in the gold's order."""

    gold_rows: int
    training_rows: int
    settings: NearSettings
    leaks: tuple[Leak, ...] = field(default=())

    def count(self, kind: Kind) -> int:
        """How many gold prompts leaked in this way (each counts once, as the closest kind)."""
        return sum(leak.kind == kind for leak in self.leaks)

    def as_plain(self) -> dict[str, Any]:
        """Plain values for a record: the settings with the hits, without the prompts' text."""
        return {
            "gold_rows": self.gold_rows,
            "training_rows": self.training_rows,
            "near": asdict(self.settings),
            "leaks": [
                {
                    "kind": leak.kind,
                    "gold": leak.gold.place,
                    "training": leak.training.place,
                    "similarity": round(leak.similarity, 4),
                    "others": leak.others,
                    "shown": leak.gold.shown,
                }
                for leak in self.leaks
            ],
        }


def prompts_of(file: str, rows: Iterable[tuple[int, Any]]) -> list[Prompt]:
    """The prompts of parsed rows, each with its line; a row without a prompt is left out."""
    found = []
    for line, row in rows:
        text = prompt_text(row)
        if text and text.strip():
            found.append(Prompt(file, line, text))
    return found


def find_leaks(
    gold: Sequence[Prompt], training: Iterable[Prompt], settings: NearSettings | None = None
) -> LeakReport:
    """Compare every training prompt with every gold prompt; each gold prompt is found once at most.

    The closest training row is named: first by kind (exact, normalised, inside, near), then by
    similarity, then the one that comes first.
    """
    chosen = settings or NearSettings()
    keys = [normalise(one.text) for one in gold]
    index = NearIndex(keys, chosen)
    places: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        if key:
            places.setdefault(key, []).append(place)
    best: dict[int, tuple[Leak, int]] = {}
    known: dict[str, list[tuple[int, Kind, float]]] = {}
    rows = 0
    for row in training:
        rows += 1
        key = normalise(row.text)
        hits = known.get(key)
        if hits is None:
            hits = _hits(key, index, places)
            if len(known) < _REMEMBERED:
                known[key] = hits
        for place, kind, similarity in hits:
            if kind == "normalised" and row.text == gold[place].text:
                kind = "exact"
            leak = Leak(kind, gold[place], row, similarity)
            before, times = best.get(place, (leak, 0))
            best[place] = (min(before, leak, key=_closeness), times + 1)
    leaks = tuple(
        Leak(leak.kind, leak.gold, leak.training, leak.similarity, times - 1)
        for _, (leak, times) in sorted(best.items())
    )
    return LeakReport(len(gold), rows, chosen, leaks)


_REMEMBERED = 200_000
"""Generators repeat themselves: the answer for so many different texts is kept."""


def _hits(
    key: str, index: NearIndex, places: dict[str, list[int]]
) -> list[tuple[int, Kind, float]]:
    same = places.get(key, [])
    hits: list[tuple[int, Kind, float]] = [(place, "normalised", 1.0) for place in same]
    hits += [one for one in index.matches(key) if one[0] not in same]
    return hits


def _closeness(leak: Leak) -> tuple[int, float]:
    return _CLOSEST.index(leak.kind), -leak.similarity
