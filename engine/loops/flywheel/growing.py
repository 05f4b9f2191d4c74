"""Rows for what failed: asked for, let in through the door, put into canonical with their origin.

The failures are those of the dev suite, never gold's. The generator is told which slices failed, a
teacher also how; neither is shown a held-out row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.checks.contents import load
from engine.judge.gates import CANDIDATE
from engine.judge.leakage import normalise, prompt_key
from engine.loops.asking import asking
from engine.loops.flywheel import said
from engine.loops.flywheel.canonical import Line, add_each, read_lines, rows_of
from engine.loops.flywheel.dev import held_out
from engine.loops.flywheel.failing import described, slices_of
from engine.loops.flywheel.teachers import GENERATOR
from engine.loops.flywheel.writing import (
    NewRows,
    brief_of,
    door_of,
    from_generator,
    from_teacher,
)
from engine.records.evaluation import RowResult
from engine.records.loop import IterationData, IterationPlan, Origin
from engine.secrecy import key_names
from engine.target import Target
from engine.teaching.errors import TeachingError

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel

MOST = 5000
"""Rows that one iteration adds at the most."""

MOST_TAUGHT = 500
"""Rows that a teacher is asked for in one iteration at the most: they are paid for."""

ROUNDS = 3
"""How often a teacher is asked again for rows that were turned away."""

LISTED_FAILURES = 50
"""So many ids of failures stand in a row's origin."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``n`` rows for what failed among ``rows``, the answers of an iteration's run on dev."""

    iteration: int
    plan: IterationPlan
    rows: Sequence[RowResult]
    n: int

    @property
    def wrong(self) -> list[RowResult]:
        return [row for row in self.rows if not row.correct]

    @property
    def slices(self) -> list[str]:
        """The slices that the plan names, else those that failed. Only slices that there are: a
        generator knows no others."""
        named = self.plan.augment_focus or ""
        there = dict.fromkeys(row.slice for row in self.rows if row.slice)
        meant = [one for one in there if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", named, re.I)]
        return meant or slices_of(self.wrong)


def grow(wheel: Flywheel, iteration: int, plan: IterationPlan, run: Path) -> IterationData:
    """Add rows for the failures of ``run``; what an earlier attempt added counts and stays.

    CanonicalError and DevError where none could be had.
    """
    target = wheel.target
    name = target.forge.dataset.canonical
    if wheel.loop.data_from is None or name is None:
        return IterationData(note="Nobody writes rows in this loop.")
    path = target.file(name)
    lines = read_lines(path)
    count = sum(line.row is not None for line in lines)
    before = rows_of(lines, wheel.loop.loop_id, iteration)
    if before:
        return IterationData(
            added=len(before),
            asked=len(before),
            by=before[0].origin.by if before[0].origin else None,
            note="They had been added before the loop was interrupted.",
            canonical_rows=count,
        )
    _say_what_leaks(wheel, target, lines)
    verdict = wheel.verdict(iteration)
    if verdict is None or verdict.outcome == "crashed":
        why = "The run crashed, so nobody knows what it would fail on."
        return IterationData(note=why, canonical_rows=count)
    rows = _answers(run)
    wrong = [row for row in rows if not row.correct]
    if not wrong:
        return IterationData(note="Nothing failed on the dev suite.", canonical_rows=count)
    asked = _how_many(target, plan, wrong)
    if asked == 0:
        return IterationData(note="The plan wants no rows.", canonical_rows=count)
    found, origin = _written(wheel, target, lines, Wanted(iteration, plan, rows, asked))
    added = add_each(path, found.rows)
    if found.refused:
        counts = ", ".join(f"{count} {why}" for why, count in sorted(found.refused.items()))
        wheel.runner.message("door", f"Turned away at the door of canonical: {counts}.")
    return IterationData(
        added=added,
        asked=found.asked,
        refused=dict(found.refused),
        by=origin.by,
        focus=origin.focus,
        note=said.sentence(" ".join(found.said), brief_of(target).gold) if found.said else None,
        canonical_rows=sum(line.row is not None for line in read_lines(path)),
    )


def _answers(run: Path) -> Sequence[RowResult]:
    return load(run).rows.get(CANDIDATE, [])


def _how_many(target: Target, plan: IterationPlan, wrong: Sequence[RowResult]) -> int:
    if plan.augment_n is not None:
        return min(plan.augment_n, MOST)
    each = target.forge.flywheel.augment_per_failure
    return min(each * max(1, len(slices_of(wrong))), MOST)


def _say_what_leaks(wheel: Flywheel, target: Target, lines: Sequence[Line]) -> None:
    """Rows that somebody else put there stay: they are that person's to remove."""
    keys = {normalise(text) for _, text in held_out(target)}
    leaks = [line.number for line in lines if line.row and prompt_key(line.row) in keys]
    if leaks:
        wheel.runner.message(
            "leaks",
            f"{target.forge.dataset.canonical}: {len(leaks)} rows are held out (the first: line "
            f"{leaks[0]}). They are not trained on; remove them.",
            level="warning",
        )


def _written(
    wheel: Flywheel, target: Target, lines: Sequence[Line], wanted: Wanted
) -> tuple[NewRows, Origin]:
    """The rows, and the origin that they have in common. A generator takes the place of a teacher
    that gives none."""
    name = wheel.loop.data_from
    if name is None or name == GENERATOR:
        return _generated(wheel, target, lines, wanted)
    try:
        return _taught(wheel, target, lines, wanted, name)
    except TeachingError as error:
        if target.forge.factory.data.generator is None:
            raise
        why = said.sentence(str(error), brief_of(target).gold)
        text = f"{why} The generator writes the rows instead."
        wheel.runner.message("augment", text, level="warning")
        found, origin = _generated(wheel, target, lines, wanted)
        found.said.append(text)
        return found, origin


def _generated(
    wheel: Flywheel, target: Target, lines: Sequence[Line], wanted: Wanted
) -> tuple[NewRows, Origin]:
    wheel.check_agreed(target)
    # Far from any seed of a run and from the dev suite's.
    seed = wheel.loop.seed + 10_000_019 * wanted.iteration
    by, focus = str(target.forge.factory.data.generator), wanted.slices
    origin = _origin(wheel, wanted, by, ", ".join(focus))
    found = from_generator(
        target,
        wanted.n,
        door_of(target, lines),
        origin,
        focus=focus,
        seed=seed,
        check=wheel.runner.check_stop,
        named=key_names(wheel.runner.folder.workspace.path),
    )
    return found, origin


def _taught(
    wheel: Flywheel, target: Target, lines: Sequence[Line], wanted: Wanted, name: str
) -> tuple[NewRows, Origin]:
    """A teacher's rows. Those that were turned away are asked for again, as long as some come."""
    n = min(wanted.n, MOST_TAUGHT)
    door = door_of(target, lines)
    named = wanted.plan.augment_focus
    origin = _origin(wheel, wanted, name, named or ", ".join(wanted.slices))
    focus = "\n".join(part for part in (named, described(wanted.rows)) if part)
    found = NewRows(n)
    for _ in range(ROUNDS):
        known = [*lines, *(Line(0, b"", dict(row), by) for row, by in found.rows)]
        try:
            with asking(wheel.runner, name) as how:
                more = from_teacher(
                    target, n - len(found.rows), door, origin, how, focus=focus, known=known
                )
        except TeachingError as error:
            if not found.rows:
                raise
            found.said.append(str(error))
            break
        found.rows += more.rows
        found.refused.update(more.refused)
        found.said += [one for one in more.said if one not in found.said]
        if not more.rows or len(found.rows) >= n:
            break
    return found, origin


def _origin(wheel: Flywheel, wanted: Wanted, by: str, focus: str) -> Origin:
    return Origin(
        kind="augmented",
        by=by,
        focus=focus or None,
        failures=[row.id for row in wanted.wrong[:LISTED_FAILURES]],
        loop=wheel.loop.loop_id,
        iteration=wanted.iteration,
    )
