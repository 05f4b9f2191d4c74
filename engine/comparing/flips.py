"""The examples that one run answers better or worse than another, with their texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.comparing.difference import mismatch, rows_problem
from engine.comparing.evidence import RunEvidence
from engine.comparing.scored import SuiteScore, rows_with

MAX_FLIPS = 2_000
"""Flips of one suite whose texts are read; the rows files hold them all."""

MAX_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Flip:
    """An example that the run answers better (fixed) or worse (broken) than the reference.

    ``scores`` are those of every compared run, in their order; None where it has no such row.
    """

    kind: Literal["fixed", "broken"]
    suite: str
    id: str
    scores: tuple[float | None, ...]
    prompt: str = ""
    expected: str = ""
    before: str = ""
    after: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SuiteFlips:
    """The flips of one suite, broken ones first; ``problem`` says why there are none to see."""

    suite: str
    n: int = 0
    fixed: int = 0
    broken: int = 0
    flips: tuple[Flip, ...] = ()
    problem: str | None = None


def find_flips(
    reference: RunEvidence, run: RunEvidence, runs: Sequence[RunEvidence]
) -> list[SuiteFlips]:
    """The flips of ``run`` against ``reference``, suite by suite, without their texts. Pure."""
    return [
        _of_suite(reference.score_on(score.suite), score, runs)
        for score in run.scores
        if reference.score_on(score.suite) is not None
    ]


def _of_suite(
    reference: SuiteScore | None, score: SuiteScore, runs: Sequence[RunEvidence]
) -> SuiteFlips:
    assert reference is not None
    problem = mismatch(reference, score)
    if problem is None and (why := rows_problem(reference, score)) is not None:
        problem = f"The rows cannot be paired: {why}."
    if problem is not None or reference.answers is None or score.answers is None:
        return SuiteFlips(score.suite, problem=problem)
    sign = 1 if score.direction == "higher" else -1
    before, after = reference.answers.scores, score.answers.scores
    fixed = [key for key in after if sign * (after[key] - before[key]) > 0]
    broken = [key for key in after if sign * (after[key] - before[key]) < 0]
    others = [run.score_on(score.suite) for run in runs]
    tables = [
        one.answers.scores
        if one is not None
        and one.answers is not None
        and mismatch(reference, one) is None
        and rows_problem(reference, one) is None
        else {}
        for one in others
    ]

    def flips(kind: Literal["fixed", "broken"], keys: Sequence[str]) -> list[Flip]:
        return [
            Flip(kind, score.suite, key, tuple(table.get(key) for table in tables))
            for key in keys[:MAX_FLIPS]
        ]

    found = tuple(flips("broken", broken) + flips("fixed", fixed))
    return SuiteFlips(score.suite, len(after), len(fixed), len(broken), found)


def with_texts(found: SuiteFlips, reference: RunEvidence, run: RunEvidence) -> SuiteFlips:
    """The same with prompt, expected answer and both answers, read from the rows files."""
    ids = [flip.id for flip in found.flips]
    old = _texts(reference.path, reference.score_on(found.suite), ids)
    new = _texts(run.path, run.score_on(found.suite), ids)
    flips = tuple(
        Flip(
            flip.kind,
            flip.suite,
            flip.id,
            flip.scores,
            _text(new.get(flip.id, {}).get("prompt")),
            _text(new.get(flip.id, {}).get("expected")),
            _text(old.get(flip.id, {}).get("got")),
            _text(new.get(flip.id, {}).get("got")),
            _text(new.get(flip.id, {}).get("error")) or None,
        )
        for flip in found.flips
    )
    return SuiteFlips(found.suite, found.n, found.fixed, found.broken, flips, found.problem)


def _texts(path: Path, score: SuiteScore | None, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {} if score is None else rows_with(path, score.rows_file, ids)


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""
