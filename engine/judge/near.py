"""Finds training prompts that are nearly a gold prompt: shared runs of characters, and containment.

Only the gold side is indexed, so the time grows with the training rows and hardly with the gold:
some 50 microseconds for a row of 170 characters (``benchmarks/leakage.py``). That is seconds for
100,000 rows, too long for a screen: it belongs into a child or a thread.
Nothing is sampled or hashed (no MinHash): with one small side the exact answer is as fast, and the
same rows always give the same hits.

How alike two texts are is the Jaccard similarity of their sets of character 5-grams, after all but
letters and digits became single spaces. Two things that a template does to it are undone:

- **What many gold prompts share is no likeness.** 5-grams that stand in over 2 % of the gold
  prompts (and in at least 4) are the template. The similarity is the smaller one of that of the
  whole texts and that of what is left without the template.
- **Another number is another question.** "Climb to 40 m" is not nearly "climb to 45 m". Texts whose
  numbers, or signs of arithmetic between two numbers, differ are not compared, unless
  ``numbers_matter`` is off.

A gold prompt of at least 5 words and 20 characters that stands whole in a longer training text is
a hit too, whatever its share of it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

Kind = Literal["near", "inside"]

GRAM = 5
THRESHOLD = 0.7
TEMPLATE_SHARE = 0.02
TEMPLATE_LEAST = 4
INSIDE_WORDS = 5
INSIDE_CHARACTERS = 20

_NO_WORD = re.compile(r"[\W_]+")
_NUMBER = re.compile(
    r"\d+(?:[.,]\d+)*"
    r"|(?<=\d)\s*[+*×÷=<>%]\s*(?=\d)"  # 3 + 4 is another question than 3 * 4
    r"|(?<=\d)\s+[-−/]\s+(?=\d)"  # but 10-20 may be written 10/20
)


@dataclass(frozen=True, slots=True)
class NearSettings:
    """What decides about a near hit; belongs into the record beside the hits.

    ``threshold`` in (0, 1] is the least similarity: at 0.7 one other word in a short sentence is
    still near. ``gram`` is the length of the runs of characters.
    """

    threshold: float = THRESHOLD
    gram: int = GRAM
    template_share: float = TEMPLATE_SHARE
    numbers_matter: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"a similarity lies above 0 and up to 1, not at {self.threshold}")
        if self.gram < 1:
            raise ValueError(f"a run of {self.gram} characters is too short")
        if not 0 < self.template_share <= 1:
            raise ValueError(f"a share lies above 0 and up to 1, not at {self.template_share}")


def plain(text: str) -> str:
    """Letters and digits of a normalised text, with one space for all between."""
    return _NO_WORD.sub(" ", text).strip()


def numbers(text: str) -> tuple[str, ...]:
    """The numbers in a text and the signs of arithmetic between them, sorted: what makes a
    template's question another one."""
    return tuple(sorted(one.strip() for one in _NUMBER.findall(text)))


def grams(text: str, size: int = GRAM) -> set[str]:
    """The runs of ``size`` characters of a plain text with a space before and after it.

    A shorter text is one run; a text without a letter or digit has none.
    """
    if not text:
        return set()
    padded = f" {text} "
    return {padded[i : i + size] for i in range(max(1, len(padded) - size + 1))}


def jaccard(one: set[str], other: set[str]) -> float:
    """The share of what is in both of what is in either, in [0, 1]; 0 for two empty sets."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


@dataclass(frozen=True, slots=True)
class _Gold:
    whole: set[str]
    own: set[str]
    text: str


@dataclass(frozen=True, slots=True)
class _Probes:
    """``runs`` again are the keys of ``places``: sets meet faster than a set and keys do."""

    runs: set[str]
    places: dict[str, list[int]]


class NearIndex:
    """The gold prompts (normalised texts), ready to be asked which of them a text comes near."""

    def __init__(self, gold: Sequence[str], settings: NearSettings | None = None) -> None:
        self.settings = settings or NearSettings()
        size = self.settings.gram
        texts = [plain(text) for text in gold]
        sets = [grams(text, size) for text in texts]
        spread = Counter(gram for one in sets for gram in one)
        often = max(TEMPLATE_LEAST, math.ceil(self.settings.template_share * len(gold)) + 1)
        self._template = {gram for gram, count in spread.items() if count >= often}
        self._gold = [
            _Gold(one, one - self._template, text) for one, text in zip(sets, texts, strict=True)
        ]
        # By their numbers: which gold prompts to look at closer.
        self._near: dict[tuple[str, ...], _Probes] = {}
        self._hits_needed: list[int] = []
        for place, one in enumerate(self._gold):
            compared = sorted(one.own or one.whole, key=lambda gram: (spread[gram], gram))
            count, hits = self._probes(len(compared))
            self._hits_needed.append(hits)
            probes = self._near.setdefault(self._numbers(gold[place]), _Probes(set(), {}))
            probes.runs.update(compared[:count])
            for gram in compared[:count]:
                probes.places.setdefault(gram, []).append(place)
        self._inside: dict[str, list[int]] = {}
        windows = [set(_windows(text)) for text in texts]
        common = Counter(window for one in windows for window in one)
        for place, some in enumerate(windows):
            if some and len(texts[place]) >= INSIDE_CHARACTERS:
                rarest = min(some, key=lambda window: (common[window], window))
                self._inside.setdefault(rarest, []).append(place)
        self._anchors = set(self._inside)

    def matches(self, text: str) -> list[tuple[int, Kind, float]]:
        """(place in the gold, kind, similarity in [0, 1]) for each gold prompt that ``text``, a
        normalised one, comes near; in the gold's order. One that is both is ``inside``."""
        bare = plain(text)
        found: dict[int, tuple[int, Kind, float]] = {}
        for window in self._anchors.intersection(_windows(bare)) if self._anchors else ():
            for place in self._inside[window]:
                held = self._gold[place].text
                if len(held) < len(bare) and f" {held} " in f" {bare} ":
                    similarity = self._similarity(place, grams(bare, self.settings.gram))
                    found[place] = (place, "inside", similarity)
        for place, similarity in self._close(text, bare):
            found.setdefault(place, (place, "near", similarity))
        return sorted(found.values())

    def _close(self, text: str, bare: str) -> Iterator[tuple[int, float]]:
        probes = self._near.get(self._numbers(text))
        if probes is None:
            return
        whole = grams(bare, self.settings.gram)
        least = self.settings.threshold
        hits = Counter(chain.from_iterable(map(probes.places.__getitem__, whole & probes.runs)))
        for place, count in hits.items():
            if count < self._hits_needed[place]:
                continue
            size = len(self._gold[place].whole)
            if min(size, len(whole)) < least * max(size, len(whole)):
                continue  # sets of so different sizes cannot be so alike
            similarity = self._similarity(place, whole)
            if similarity >= least:
                yield place, similarity

    def _similarity(self, place: int, whole: set[str]) -> float:
        one = self._gold[place]
        similarity = jaccard(one.whole, whole)
        if similarity < self.settings.threshold or not one.own or not self._template:
            return similarity
        return min(similarity, jaccard(one.own, whole - self._template))

    def _numbers(self, text: str) -> tuple[str, ...]:
        return numbers(text) if self.settings.numbers_matter else ()

    def _probes(self, count: int) -> tuple[int, int]:
        """(how many of its ``count`` runs, rarest first, a text is looked up by, how many of these
        must be met) so that none is missed.

        A text as alike as the threshold t asks has at least t of these runs and lacks ``count``
        less that many. Of any that many plus k it has k (S. Chaudhuri, V. Ganti and R. Kaushik,
        ICDE 2006, with k = 1). A larger k asks for more look-ups and spares comparisons.
        """
        must = math.ceil(self.settings.threshold * count - 1e-9)
        hits = max(1, must // 10)
        return min(count, count - must + hits), hits


def _windows(text: str) -> list[str]:
    words = text.split(" ")
    spans = range(len(words) - INSIDE_WORDS + 1)
    return [" ".join(words[i : i + INSIDE_WORDS]) for i in spans]
