"""Rows for what failed: asked for, let in through the door, put into canonical with their origin.

The failures are those of the dev suite, never gold's. The generator is told which slices failed, a
teacher also how; neither is shown a held-out row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checks.contents import load
from engine.judge.gates import CANDIDATE
from engine.loops.flywheel.canonical import add_rows, read_lines, rows_of
from engine.loops.flywheel.dev import DevError, ask_generator, held_out
from engine.loops.flywheel.door import Door
from engine.records.evaluation import RowResult
from engine.records.loop import IterationData, IterationPlan, Origin
from engine.target import Target

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel

GENERATOR = "generator"

ROUNDS = 3
"""How often a generator is asked again for rows that were turned away."""

MOST = 5000
"""Rows that one iteration adds at the most."""

LISTED_FAILURES = 50
"""So many ids of failures stand in a row's origin."""


def grow(wheel: Flywheel, iteration: int, plan: IterationPlan, run: Path) -> IterationData:
    """Add rows for the failures of ``run``; what an earlier attempt added counts and stays."""
    target = wheel.target
    name = target.forge.dataset.canonical
    if wheel.loop.data_from is None or name is None:
        return IterationData(note="Nobody writes rows in this loop.")
    path = target.file(name)
    before = rows_of(read_lines(path), wheel.loop.loop_id, iteration)
    if before:
        return IterationData(
            added=len(before),
            asked=len(before),
            by=before[0].origin.by if before[0].origin else None,
            note="They had been added before the loop was interrupted.",
            canonical_rows=_count(path),
        )
    verdict = wheel.verdict(iteration)
    if verdict is None or verdict.outcome == "crashed":
        return IterationData(note="The run crashed, so nobody knows what it would fail on.")
    wrong = failures(run)
    if not wrong:
        return IterationData(note="Nothing failed on the dev suite.", canonical_rows=_count(path))
    focus = slices_of(wrong) if plan.augment_focus is None else _words(plan.augment_focus)
    asked = plan.augment_n
    if asked is None:
        each = target.forge.flywheel.augment_per_failure
        asked = each * max(1, len(slices_of(wrong)))
    asked = min(asked, MOST)
    if wheel.loop.data_from != GENERATOR:
        raise DevError(f"{wheel.loop.data_from} is a teacher, and none can be asked here.")
    return _from_generator(wheel, target, path, iteration, wrong, focus, asked)


def failures(run: Path) -> list[RowResult]:
    """The rows of the run's dev evaluation that are wrong; none where they cannot be read."""
    return [row for row in load(run).rows.get(CANDIDATE, []) if not row.correct]


def slices_of(rows: list[RowResult]) -> list[str]:
    """The slices that failed, the most frequent first."""
    return [name for name, _ in Counter(row.slice for row in rows if row.slice).most_common()]


def _from_generator(
    wheel: Flywheel,
    target: Target,
    path: Path,
    iteration: int,
    wrong: list[RowResult],
    focus: list[str],
    asked: int,
) -> IterationData:
    lines = read_lines(path)
    door = Door(held_out(target), [line.row for line in lines if line.row is not None])
    taken: list[Mapping[str, Any]] = []
    refused: Counter[str] = Counter()
    # Far from any seed of a run and from the dev suite's; another one for each round.
    seed = wheel.loop.seed + 10_000_019 * iteration
    for round_ in range(ROUNDS):
        missing = asked - len(taken)
        if missing <= 0:
            break
        wheel.runner.check_stop()
        found = door.admit(ask_generator(target, missing, focus or None, seed + round_))
        taken += found.rows
        refused.update(found.counts)
    by = str(target.forge.factory.data.generator)
    origin = Origin(
        kind="augmented",
        by=by,
        seed=seed,
        focus=", ".join(focus) or None,
        failures=[row.id for row in wrong[:LISTED_FAILURES]],
        loop=wheel.loop.loop_id,
        iteration=iteration,
    )
    added = add_rows(path, taken, origin)
    if refused:
        said = ", ".join(f"{count} {why}" for why, count in sorted(refused.items()))
        wheel.runner.message("door", f"Turned away at the door of canonical: {said}.")
    return IterationData(
        added=added,
        asked=asked,
        refused=dict(refused),
        by=by,
        focus=origin.focus,
        canonical_rows=len(lines) + added,
    )


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


def _count(path: Path) -> int:
    return sum(line.row is not None for line in read_lines(path))
