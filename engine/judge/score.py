"""What a scorer says of one answer, and the few ways to say it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.judge.answers import Answer


@dataclass(frozen=True, slots=True)
class Score:
    """How one answer did.

    ``score`` is in [0, 1] and ``correct`` whether it counts as right. ``error`` says in
    words why it is not. ``parsed`` is whether the answer was in the asked format at all,
    ``prose`` whether words stood around or instead of it, ``forbidden`` whether it holds a
    command that no answer may hold.
    """

    score: float
    correct: bool
    error: str | None = None
    parsed: bool = True
    prose: bool = False
    forbidden: bool = False


class ScorerError(ValueError):
    """A scorer or an option that does not exist, or what a scorer needs and was not given."""


EMPTY = "the answer is empty"


def right(*, prose: bool = False) -> Score:
    """A right answer; ``prose`` where words stand beside it that do not make it wrong."""
    return Score(1.0, True, None, True, prose)


def wrong(error: str, *, parsed: bool = True, prose: bool = False) -> Score:
    """A wrong answer, and why."""
    return Score(0.0, False, error, parsed, prose)


def partly(share: float, error: str, *, prose: bool = False) -> Score:
    """An answer that is right by ``share`` in [0, 1]; only the whole, 1, counts as correct."""
    return right(prose=prose) if share >= 1.0 else Score(share, False, error, True, prose)


def empty() -> Score:
    """No answer at all."""
    return wrong(EMPTY, parsed=False)


def unreadable(answer: Answer) -> Score:
    """An answer that is not JSON where JSON was asked for."""
    return wrong(answer.error or "the answer cannot be read", parsed=False, prose=answer.prose)
