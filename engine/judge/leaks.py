"""Which gold prompts stand in the training rows: to the letter, normalised, or nearly.

Pure: it is handed the rows with the place each one has. What it finds names the rows of both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.judge.leakage import normalise, prompt_text
from engine.judge.near import NearIndex, NearSettings
from engine.records.leakage import LeakHit, LeakKind, SuiteLeaks

IN_WORDS: dict[LeakKind, str] = {
    "exact": "to the letter",
    "normalised": "but for case and spaces",
    "inside": "with more around it",
    "near": "nearly",
}
"""How a gold prompt stands in a training row, the closest kind first."""

_CLOSEST = tuple(IN_WORDS)

RECORDED = 50
"""Hits of one suite that a record lists; all are counted."""


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

    kind: LeakKind
    gold: Prompt
    training: Prompt
    similarity: float
    others: int = 0

    @property
    def hit(self) -> LeakHit:
        """As the record has it, without any text."""
        return LeakHit(
            kind=self.kind,
            gold=self.gold.place,
            training=self.training.place,
            similarity=round(self.similarity, 4),
            others=self.others,
            shown=self.gold.shown,
        )

    @property
    def sentence(self) -> str:
        """Names both rows."""
        return sentence(self.hit)


def sentence(hit: LeakHit) -> str:
    """A hit in words: both rows, how alike they are, how many more there are."""
    how = {
        "exact": "stands to the letter in",
        "normalised": "stands, but for case and spaces, in",
        "inside": "stands whole within",
        "near": f"is {100 * hit.similarity:.0f} % alike to",
    }[hit.kind]
    more = f" and {hit.others} more" if hit.others else ""
    shown = "; the data generator was shown it" if hit.shown else ""
    return f"{hit.gold} {how} {hit.training}{more}{shown}."


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What was compared, how, and what leaked, in the gold's order."""

    gold_rows: int
    training_rows: int
    settings: NearSettings
    leaks: tuple[Leak, ...] = field(default=())
    shown: int = 0
    """Gold rows that a data generator was shown, leaked or not."""

    def of_suite(self, suite: str, file: str, sha256: str) -> SuiteLeaks:
        """For the record: how much of the suite leaked and the first hits, without any text."""
        return SuiteLeaks(
            suite=suite,
            file=file,
            sha256=sha256,
            rows=self.gold_rows,
            count=len(self.leaks),
            hits=[leak.hit for leak in self.leaks[:RECORDED]],
            shown=self.shown,
        )


def prompts_of(file: str, rows: Iterable[tuple[int, Any]]) -> list[Prompt]:
    """The prompts of parsed rows, each with its line; a row without a prompt is left out."""
    found = []
    for line, row in rows:
        text = prompt_text(row)
        if text and text.strip():
            found.append(Prompt(file, line, text))
    return found


def marked(gold: Iterable[Prompt], shown: Iterable[str]) -> list[Prompt]:
    """The gold prompts, those marked that stand among the prompts a data generator was ``shown``
    (but for case, white space and the form of their characters)."""
    keys = {normalise(text) for text in shown}
    return [replace(one, shown=one.shown or normalise(one.text) in keys) for one in gold]


def find_leaks(
    gold: Sequence[Prompt], training: Iterable[Prompt], settings: NearSettings | None = None
) -> LeakReport:
    """Compare every training prompt with every gold prompt; each gold prompt is found once at most.

    The closest training row is named: first by kind (exact, normalised, inside, near), then by
    similarity, then the one that comes first.
    """
    return LeakIndex(gold, settings).search(training)


class LeakIndex:
    """The prompts of one suite, ready to be asked which of them a training prompt comes near."""

    def __init__(self, gold: Sequence[Prompt], settings: NearSettings | None = None) -> None:
        self.gold = gold
        self.settings = settings or NearSettings()
        keys = [normalise(one.text) for one in gold]
        self._near = NearIndex(keys, self.settings)
        self._places: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            if key:
                self._places.setdefault(key, []).append(place)
        self._known: dict[str, list[tuple[int, LeakKind, float]]] = {}

    def hits(self, text: str) -> list[tuple[int, LeakKind, float]]:
        """(place in the gold, kind, similarity in [0, 1]) for each gold prompt that leaks in a
        training prompt."""
        key = normalise(text)
        known = self._known.get(key)
        if known is None:
            known = self._hits_of(key)
            if len(self._known) < _REMEMBERED:
                self._known[key] = known
        return [
            (place, "exact" if kind == "normalised" and text == self.gold[place].text else kind, at)
            for place, kind, at in known
        ]

    def _hits_of(self, key: str) -> list[tuple[int, LeakKind, float]]:
        same = self._places.get(key, [])
        hits: list[tuple[int, LeakKind, float]] = [(place, "normalised", 1.0) for place in same]
        return hits + [one for one in self._near.matches(key) if one[0] not in same]

    def leak_in(self, row: Prompt) -> Leak | None:
        """The gold prompt that leaks most closely in one training prompt, or None."""
        return closest(
            Leak(kind, self.gold[place], row, at) for place, kind, at in self.hits(row.text)
        )

    def search(self, training: Iterable[Prompt]) -> LeakReport:
        """What of the gold leaks in these training prompts; see `find_leaks`."""
        best: dict[int, tuple[Leak, int]] = {}
        rows = 0
        for row in training:
            rows += 1
            for place, kind, similarity in self.hits(row.text):
                leak = Leak(kind, self.gold[place], row, similarity)
                before, times = best.get(place, (leak, 0))
                best[place] = (min(before, leak, key=_closeness), times + 1)
        leaks = tuple(
            Leak(leak.kind, leak.gold, leak.training, leak.similarity, times - 1)
            for _, (leak, times) in sorted(best.items())
        )
        shown = sum(one.shown for one in self.gold)
        return LeakReport(len(self.gold), rows, self.settings, leaks, shown)


_REMEMBERED = 200_000
"""Generators repeat themselves: the answer for so many different texts is kept."""


def counted(kinds: Mapping[LeakKind, int]) -> str:
    """How many rows leak in which way: "1 to the letter, 3 nearly"; empty where none does."""
    return ", ".join(f"{kinds[kind]:,} {how}" for kind, how in IN_WORDS.items() if kinds.get(kind))


def closest(leaks: Iterable[Leak | None]) -> Leak | None:
    """The closest of some leaks, the first of those that are alike; None where there is none."""
    return min((leak for leak in leaks if leak is not None), key=_closeness, default=None)


def _closeness(leak: Leak) -> tuple[int, float]:
    return _CLOSEST.index(leak.kind), -leak.similarity
