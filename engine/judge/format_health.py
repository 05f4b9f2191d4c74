"""Format health: how many answers were in the asked form, beside how many were right.

A score says how often a model is right; these rates say whether it answers in the form that a
program can read, and whether the token limit cut it off. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.judge.output_scorers import prose_around
from engine.judge.scorers import needs, score


@dataclass(frozen=True, slots=True)
class Manners:
    """One answer's form; None is what is not known of it, which is not the same as no."""

    parsed: bool | None
    prose: bool | None
    cut_off: bool | None
    empty: bool | None


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``n`` answers, ``n`` those of which it is known; at least one."""

    count: int
    n: int

    @property
    def share(self) -> float:
        """In [0, 1]."""
        return self.count / self.n


@dataclass(frozen=True, slots=True)
class FormatHealth:
    """The rates over a suite's answers; None where it is known of no answer."""

    parsed: Rate | None
    prose: Rate | None
    cut_off: Rate | None
    empty: Rate | None

    def shares(self) -> dict[str, float]:
        """The known rates as a record's ``format`` holds them; an unknown one is left out."""
        rates = {
            "parsed": self.parsed,
            "prose": self.prose,
            "empty": self.empty,
            "cut_off": self.cut_off,
        }
        return {name: rate.share for name, rate in rates.items() if rate is not None}


def health(answers: Iterable[Manners]) -> FormatHealth:
    """The rates over answers. No answers give no rates."""
    every = list(answers)
    return FormatHealth(
        _rate(one.parsed for one in every),
        _rate(one.prose for one in every),
        _rate(one.cut_off for one in every),
        _rate(one.empty for one in every),
    )


def parse_rate(answers: Iterable[Manners]) -> Rate | None:
    """How many answers were in the asked form at all."""
    return _rate(one.parsed for one in answers)


def prose_rate(answers: Iterable[Manners]) -> Rate | None:
    """How many answers had words around or instead of what was asked for."""
    return _rate(one.prose for one in answers)


def cut_off_rate(answers: Iterable[Manners]) -> Rate | None:
    """How many answers the token limit ended."""
    return _rate(one.cut_off for one in answers)


def empty_rate(answers: Iterable[Manners]) -> Rate | None:
    """How many answers held nothing but white space."""
    return _rate(one.empty for one in answers)


def _rate(values: Iterable[bool | None]) -> Rate | None:
    known = [value for value in values if value is not None]
    return Rate(sum(known), len(known)) if known else None


def manners(
    scorer: str,
    expected: str,
    got: str | None,
    *,
    tokens: int | None = None,
    max_new_tokens: int | None = None,
    cut_off: bool | None = None,
    **options: Any,
) -> Manners:
    """The form of one answer, seen from its texts alone, as the rows of a run hold them.

    ``cut_off`` is what the generation said; where it did not, an answer of as many ``tokens`` as
    were allowed counts as cut off, and without both numbers it is not known. Nothing is known of an
    answer that is None. A scorer that needs more than texts, and was not given it, says nothing of
    ``parsed``; prose is then seen by ``clean_output``'s rules.
    """
    if got is None:
        return Manners(None, None, cut_off, None)
    empty = not got.strip()
    if cut_off is None and tokens is not None and max_new_tokens is not None:
        cut_off = tokens >= max_new_tokens
    if needs(scorer) - set(options):
        prose = False if empty else prose_around(got, expected) is not None
        return Manners(False if empty else None, prose, cut_off, empty)
    found = score(scorer, expected, got, **options)
    return Manners(found.parsed and not empty, found.prose, cut_off, empty)
