"""Rows that are written for a target, by its generator or by a teacher: through the door, each with
its origin. Nothing is put anywhere here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.judge.leakage import normalise, prompt_key
from engine.loops.asking import Asking
from engine.loops.flywheel.canonical import (
    BY_HAND,
    Line,
    add_rows,
    read_lines,
    seeds_to_take,
)
from engine.loops.flywheel.dev import ask_generator, held_out
from engine.loops.flywheel.door import Admitted, Door
from engine.plain_file import read_plain
from engine.records.loop import Origin
from engine.target import Target
from engine.teaching.blocking import with_teacher
from engine.teaching.gold import Gold
from engine.teaching.ledger import calls_in
from engine.teaching.rows import BATCH, SHOWN_EXAMPLES, generate_rows
from engine.teaching.tasks import Brief

MAX_TEXT_BYTES = 4 * 2**20

ROUNDS = 3
"""How often a generator is asked again for rows that were turned away."""

Row = Mapping[str, Any]


def _go_on() -> None:
    """Nobody wants it to stop."""


@dataclass(slots=True)
class NewRows:
    """``rows`` may go in. ``asked`` is how many were wanted, ``refused`` how many were turned away
    at the door, by why; ``said`` holds a sentence for each thing that a person should know."""

    asked: int
    rows: list[tuple[Row, Origin]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)


def brief_of(target: Target, but: str | None = None) -> Brief:
    """What a teacher is told of a target; no held-out row may stand in its prompts. ``but`` names a
    file whose rows it may see after all (a planner sees what failed on dev)."""
    return Brief(
        background=text_of(target, "BACKGROUND.md"),
        mission=text_of(target, "mission.md"),
        system_prompt=text_of(target, "system_prompt.md"),
        scorer=target.primary.scorer or target.forge.eval.scorer,
        gold=Gold(normalise(text) for _, text in held_out(target, but=but)),
    )


def text_of(target: Target, name: str) -> str:
    """A document of the target; empty where there is none."""
    try:
        return read_plain(target.file(name), MAX_TEXT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def door_of(target: Target, lines: Iterable[Line]) -> Door:
    """The door of a target before the file that has these lines."""
    return Door(held_out(target), [line.row for line in lines if line.row is not None])


def from_generator(
    target: Target,
    n: int,
    door: Door,
    origin: Origin,
    *,
    focus: Sequence[str] = (),
    seed: int = 0,
    check: Callable[[], None] = _go_on,
    named: Iterable[str],
) -> NewRows:
    """Up to ``n`` rows of the target's generator; other seeds are drawn for those turned away.

    ``named`` are the variables that hold keys of the workspace: it does not get them. DevError
    where the target has none, or it fails.
    """
    found = NewRows(n)
    names = tuple(named)
    by = origin.model_copy(update={"seed": seed})
    for number in range(ROUNDS):
        missing = n - len(found.rows)
        if missing <= 0:
            break
        check()
        rows = ask_generator(target, missing, focus or None, seed + number, named=names)
        admitted = door.admit(rows)
        found.rows += [(row, by) for row in admitted.rows[:missing]]
        found.refused.update(admitted.counts)
    return found


def from_teacher(
    target: Target,
    n: int,
    door: Door,
    origin: Origin,
    asking: Asking,
    *,
    focus: str = "",
    known: Iterable[Line] = (),
    batch: int = BATCH,
) -> NewRows:
    """Up to ``n`` rows of a teacher; each origin has the hash of the prompt that it answered.

    ``known`` are lines that are there: some of those by hand are its examples, and it is not paid
    for writing one of them again. TeachingError where none came.
    """
    lines = [line for line in known if line.row is not None]
    brief = brief_of(target)
    examples = examples_of(lines, brief.gold)
    keys = [key for line in lines if (key := prompt_key(line.row)) is not None]
    asking.ledger.parent.mkdir(parents=True, exist_ok=True)
    written = with_teacher(
        asking.teacher,
        asking.ledger,
        lambda teacher: generate_rows(
            teacher, brief, n, examples=examples, focus=focus, known=keys, batch=batch
        ),
        workspace=asking.workspace,
        target=target.path,
        budget=asking.budget,
        check=asking.check,
    )
    prompts = {made.call: made.prompt_sha256 for made, _ in calls_in(asking.ledger)}
    found = NewRows(n, said=[*written.notes, *written.left_out])
    for row, call in zip(written.rows, written.call_of, strict=True):
        admitted = door.admit([row])
        found.refused.update(admitted.counts)
        by = origin.model_copy(update={"prompt_sha256": prompts.get(call)})
        found.rows += [(one, by) for one in admitted.rows]
    return found


def examples_of(lines: Iterable[Line], gold: Gold) -> list[Row]:
    """Rows that show a teacher what is wanted: people's own, of every category by turns."""
    by_category: dict[str, list[Row]] = {}
    for line in lines:
        if line.row is None or line.kind not in (BY_HAND, "seed") or gold.holds(line.row):
            continue
        row = {name: value for name, value in line.row.items() if name != "origin"}
        by_category.setdefault(str(row.get("category")), []).append(row)
    depth = max(map(len, by_category.values()), default=0)
    turns = [rows[at] for at in range(depth) for rows in by_category.values() if at < len(rows)]
    return turns[:SHOWN_EXAMPLES]


def take_seeds(target: Target) -> Admitted:
    """Put the rows of the seed file into canonical where they are not there yet, through the door.
    CanonicalError as in ``add_rows``."""
    seed, canonical = target.forge.dataset.seed, target.forge.dataset.canonical
    if seed is None or canonical is None:
        return Admitted([])
    path, source = target.file(canonical), target.file(seed)
    admitted = door_of(target, read_lines(path)).admit(seeds_to_take(path, source))
    add_rows(path, admitted.rows, Origin(kind="seed", by=source.name))
    return admitted
