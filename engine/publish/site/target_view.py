"""A target's runs that ended, oldest first, and where the marks of their scores lie."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from engine.artifacts.inputs import Inputs
from engine.catalogue.summary import FILES, RunSummary
from engine.numbers import NOT_RECORDED, points, score

ENDED = ("decided", "failed", "cancelled")
MARKS = 60
"""How many runs a picture shows: the newest."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    run_id: str
    date: str
    before: str
    after: str
    change: str
    n: str
    decision: str
    card: str | None


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the score of a run lies, in per cent of the picture from its left and upper edge."""

    x: float
    y: float
    shipped: bool
    name: str


@dataclass(frozen=True, slots=True)
class Picture:
    marks: tuple[Mark, ...]
    top: str
    bottom: str
    description: str
    left_out: int

    @property
    def lines(self) -> list[tuple[Mark, Mark]]:
        return list(zip(self.marks, self.marks[1:], strict=False))


@dataclass(frozen=True, slots=True)
class TargetView:
    name: str
    address: str
    rows: tuple[HistoryRow, ...]
    """Newest first."""
    picture: Picture | None
    lower_is_better: bool
    artifacts: tuple[tuple[str, str], ...]
    """Title and address of the public artifacts of this target."""
    historical: bool


def ended(run: RunSummary) -> bool:
    """Whether nothing about the run changes any more: it was decided, it failed or was stopped."""
    return run.decision is not None or run.phase in ENDED


def target_view(
    name: str,
    address: str,
    runs: Iterable[RunSummary],
    inputs: Inputs,
    cards: dict[str, str],
    artifacts: tuple[tuple[str, str], ...],
) -> TargetView:
    """``runs``: those of the target that ended, in any order."""
    ordered = sorted(runs, key=lambda one: (one.created is not None, one.created, one.run_id))
    for run in ordered:
        for file in sorted(FILES):
            inputs.read(f"runs/{run.run_id}/{file}")
    return TargetView(
        name,
        address,
        tuple(_row(one, cards) for one in reversed(ordered)),
        _picture(ordered),
        bool(ordered) and ordered[-1].direction == "lower",
        artifacts,
        any(one.historical for one in ordered),
    )


def _row(run: RunSummary, cards: dict[str, str]) -> HistoryRow:
    before, after = run.primary_baseline, run.primary_candidate
    return HistoryRow(
        run.run_id,
        run.created.date().isoformat() if run.created else NOT_RECORDED,
        score(before, NOT_RECORDED) + run.mark("primary_baseline"),
        score(after, NOT_RECORDED) + run.mark("primary_candidate"),
        _change(run),
        f"{run.n:,}" if run.n is not None else NOT_RECORDED,
        run.decided_as or run.phase or NOT_RECORDED,
        cards.get(run.run_id),
    )


def _change(run: RunSummary) -> str:
    delta = run.primary_delta
    if delta is None:
        return NOT_RECORDED
    if _share(run.primary_baseline) and _share(run.primary_candidate):
        return points(delta).replace("pp", " pp")
    return f"{delta:+.3f}".replace("-", "−")


def _share(value: float | None) -> bool:
    return value is not None and 0 <= value <= 1


def _picture(runs: list[RunSummary]) -> Picture | None:
    """The candidate's primary score over the runs that have one; None for fewer than two."""
    known = [(one, one.primary_candidate) for one in runs]
    scored = [(run, value) for run, value in known if value is not None and math.isfinite(value)]
    shown = scored[-MARKS:]
    if len(shown) < 2:
        return None
    values = [value for _, value in shown]
    low, high = (0.0, 1.0) if all(map(_share, values)) else (min(values), max(values))
    room = high - low or 1.0
    marks = tuple(
        Mark(
            round(100 * number / (len(shown) - 1), 3),
            round(100 * (high - value) / room, 3),
            run.decision == "ship",
            f"{run.run_id}: {score(value)}, {run.decided_as or run.phase or 'not decided'}",
        )
        for number, (run, value) in enumerate(shown)
    )
    best = min(values) if runs[-1].direction == "lower" else max(values)
    return Picture(
        marks,
        f"{high:.3g}",
        f"{low:.3g}",
        f"{len(shown)} runs, oldest first: from {score(values[0])} to {score(values[-1])}, "
        f"best {score(best)}.",
        len(scored) - len(shown),
    )
