"""Several runs compared with one of them: scores suite by suite, and why some cannot be. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.comparing.difference import Difference, difference
from engine.comparing.evidence import RunEvidence
from engine.comparing.scored import Role, SuiteScore
from engine.comparing.settings import SettingRow, differing

Clashing = Literal["suite", "examples", "scorer", "direction"]


@dataclass(frozen=True, slots=True)
class Clash:
    """Runs whose scores on a suite cannot be compared, grouped by what they were measured with."""

    suite: str
    what: Clashing
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    """(name of the suite, hash, scorer or direction; the run ids)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One run on one suite: its score, and that against the reference's."""

    run_id: str
    score: SuiteScore | None
    against: Difference | None
    """None for the reference itself."""


@dataclass(frozen=True, slots=True)
class SuiteTable:
    """One suite over all runs, in their order; ``base`` is the reference's base model on it."""

    suite: str
    role: Role
    base: SuiteScore | None
    standings: tuple[Standing, ...]

    @property
    def known(self) -> SuiteScore:
        """The first record of this suite: its metric, n, direction."""
        return next(one.score for one in self.standings if one.score is not None)


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything that records say of some runs; curves come from their events."""

    runs: tuple[RunEvidence, ...]
    reference: str
    settings: tuple[SettingRow, ...]
    clashes: tuple[Clash, ...]
    suites: tuple[SuiteTable, ...]

    def run(self, run_id: str) -> RunEvidence | None:
        return next((one for one in self.runs if one.run_id == run_id), None)


def compare(runs: Sequence[RunEvidence], reference: str) -> Compared:
    """Compare runs (with their rows read) with the one of that id, or else with the first."""
    known = {run.run_id: run for run in runs}
    against = known.get(reference) or runs[0]
    return Compared(
        runs=tuple(runs),
        reference=against.run_id,
        settings=tuple(differing([run.settings for run in runs])),
        clashes=tuple(find_clashes(runs)),
        suites=tuple(_tables(runs, against)),
    )


def find_clashes(runs: Sequence[RunEvidence]) -> list[Clash]:
    """What makes scores incomparable: another primary suite, other examples, another scorer."""
    clashes = []
    primaries = _grouped(runs, lambda run: run.primary.suite if run.primary else None)
    if len(primaries) > 1:
        clashes.append(Clash("the primary suite", "suite", primaries))
    for suite in _suite_names(runs):
        for what, ask in _QUESTIONS:
            groups = _grouped(runs, lambda run, s=suite, a=ask: _ask(run.score_on(s), a))  # type: ignore[misc]
            if len(groups) > 1:
                clashes.append(Clash(suite, what, groups))
    return clashes


_QUESTIONS: tuple[tuple[Clashing, Callable[[SuiteScore], str | None]], ...] = (
    ("examples", lambda score: score.sha256),
    ("scorer", lambda score: score.scorer),
    ("direction", lambda score: score.direction),
)


def _ask(score: SuiteScore | None, question: Callable[[SuiteScore], str | None]) -> str | None:
    return None if score is None else question(score)


def _grouped(
    runs: Sequence[RunEvidence], ask: Callable[[RunEvidence], str | None]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    groups: dict[str, list[str]] = {}
    for run in runs:
        answer = ask(run)
        if answer is not None:
            groups.setdefault(answer, []).append(run.run_id)
    return tuple((answer, tuple(ids)) for answer, ids in groups.items())


def _suite_names(runs: Iterable[RunEvidence]) -> list[str]:
    """Every suite that any run was scored on, primary suites first."""
    names: dict[str, Role] = {}
    for run in runs:
        for score in run.scores:
            names.setdefault(score.suite, score.role)
    return sorted(names, key=lambda name: names[name] != "primary")


def _tables(runs: Sequence[RunEvidence], against: RunEvidence) -> Iterable[SuiteTable]:
    for suite in _suite_names(runs):
        reference = against.score_on(suite)
        standings = []
        for run in runs:
            score = run.score_on(suite)
            itself = run.run_id == against.run_id
            standings.append(
                Standing(run.run_id, score, None if itself else difference(reference, score))
            )
        role = next(one.score.role for one in standings if one.score is not None)
        base = next((one for one in against.base if one.suite == suite), None)
        yield SuiteTable(suite, role, base, tuple(standings))
