"""A person asks for rows: who writes them, where they go, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.loops.asking import Asking
from engine.loops.flywheel.canonical import Line, add_each, read_lines
from engine.loops.flywheel.dev import FILE as DEV
from engine.loops.flywheel.writing import (
    NewRows,
    door_of,
    from_generator,
    from_teacher,
)
from engine.project.output import OUTPUT
from engine.records.loop import Origin, Spent
from engine.secrecy import key_names
from engine.target import Target, TargetError
from engine.teaching.budget import Budget, Caps
from engine.teaching.errors import TeachingError
from engine.teaching.ledger import LEDGER
from engine.teaching.rows import BATCH
from engine.workspace import Workspace

SEED = 40_000_003
"""The first seed of rows that a person asks a generator for; the rows that are there are added, so
that the next time gives others."""

NO_TEACHER = ("extra", "key")
"""Why a teacher that forge.yaml names by default cannot be asked on a machine that has none."""


class GrowthError(Exception):
    """No rows can be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted. ``focus`` is for a teacher, ``slices`` for a generator. ``teacher`` None is
    what forge.yaml names, and where it cannot be asked the generator; ``generator``: that alone."""

    n: int
    kind: str
    focus: str = ""
    slices: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    teacher: str | None = None
    generator: bool = False
    batch: int = BATCH
    output: str | None = None
    caps: Caps = field(default_factory=Caps)


@dataclass(frozen=True, slots=True)
class Grown:
    """What came: ``added`` rows in ``path``, by whom, what was turned away, what a teacher took."""

    path: Path
    added: int
    asked: int
    by: str
    refused: dict[str, int]
    said: list[str]
    spent: Spent


def grow(
    target: Target,
    wish: Wish,
    workspace: Workspace | None,
    heard: Callable[[str], None] = lambda sentence: None,
) -> Grown:
    """Have rows written and put them into canonical, or into ``wish.output``.

    GrowthError, TeachingError, DevError, CanonicalError: nothing was added then.
    """
    path = destination(target, wish.output)
    lines = _there(target, path)
    budget = Budget(wish.caps)
    if wish.generator:
        found, by = _by_generator(target, wish, workspace, lines)
    else:
        found, by = _by_teacher(target, wish, workspace, lines, budget, heard)
    added = add_each(path, found.rows)
    return Grown(path, added, wish.n, by, dict(found.refused), found.said, budget.spent)


def destination(target: Target, output: str | None) -> Path:
    """Where rows go. GrowthError for a file that is not for training rows."""
    name = output if output is not None else target.forge.dataset.canonical
    if name is None:
        raise GrowthError(
            f"{target.path.name}/forge.yaml: dataset.canonical names no file. Name one with "
            "--output."
        )
    path = Path(name).expanduser()
    path = (path if path.is_absolute() else target.path / path).resolve()
    if path.suffix != ".jsonl":
        raise GrowthError(f"{name} is no .jsonl file: rows are written as JSON lines.")
    held = {ref.file for ref in target.held_out} | {target.forge.dataset.gold, DEV}
    try:
        if path in {target.file(one) for one in held}:
            raise GrowthError(f"{name} is held out: no training row goes there.")
    except TargetError as error:
        raise GrowthError(str(error)) from error
    return path


def ledger_of(target: Target) -> Path:
    """Where the calls of a person's commands are kept, in every word."""
    return target.path / OUTPUT / LEDGER


def _there(target: Target, path: Path) -> list[Line]:
    """The rows that are there already, and those of the seed file."""
    dataset = target.forge.dataset
    files = {path, *(target.file(name) for name in (dataset.canonical, dataset.seed) if name)}
    return [line for file in sorted(files) for line in read_lines(file)]


def _by_generator(
    target: Target, wish: Wish, workspace: Workspace | None, lines: list[Line]
) -> tuple[NewRows, str]:
    by = str(target.forge.factory.data.generator)
    found = from_generator(
        target,
        wish.n,
        door_of(target, lines),
        _origin(wish, by),
        focus=wish.slices,
        seed=SEED + len(lines),
        named=key_names(workspace.path if workspace else None),
    )
    return found, by


def _by_teacher(
    target: Target,
    wish: Wish,
    workspace: Workspace | None,
    lines: list[Line],
    budget: Budget,
    heard: Callable[[str], None],
) -> tuple[NewRows, str]:
    name = wish.teacher or target.forge.flywheel.datagen_model
    asking = Asking(name, ledger_of(target), workspace, budget)
    try:
        found = from_teacher(
            target,
            wish.n,
            door_of(target, lines),
            _origin(wish, name),
            asking,
            focus=wish.focus,
            known=lines,
            batch=wish.batch,
        )
    except TeachingError as error:
        instead = wish.teacher is None and target.forge.factory.data.generator is not None
        if not instead or error.code not in NO_TEACHER or wish.kind == "patched":
            raise
        heard(f"{error} {target.forge.factory.data.generator} writes the rows instead.")
        return _by_generator(target, wish, workspace, lines)
    return found, name


def _origin(wish: Wish, by: str) -> Origin:
    return Origin.model_validate(
        {
            "kind": wish.kind,
            "by": by,
            "focus": wish.focus or ", ".join(wish.slices) or None,
            "failures": wish.failures,
        }
    )
