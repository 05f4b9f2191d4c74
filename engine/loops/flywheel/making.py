"""Makes the loop of a flywheel: its limits, its dev suite, and what is locked while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.folder import sha256_file
from engine.loops import commits
from engine.loops.flywheel.dev import DevError, dev_suite
from engine.loops.flywheel.teachers import planner_of, writer_of
from engine.loops.folder import LoopFolder, create_loop
from engine.records.base import utc_now
from engine.records.loop import Limits, Loop, LoopKind
from engine.secrecy import key_names
from engine.target import Target, TargetError, load_target
from engine.teaching.errors import TeachingError
from engine.workspace import Workspace

LOCKED_BESIDE = ("scorer.py", "system_prompt.md")
"""Files of a target that belong to its ruler."""

PLATEAU = 5
"""So many iterations in a row without a better one end a loop, unless it is told otherwise."""


class MakeError(Exception):
    """No loop can be made of this target; the text says why, a sentence a line."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks of a flywheel. None: what forge.yaml or the defaults say.

    ``planner`` is ``settings`` (as is None), ``teacher`` (the one of forge.yaml) or a teacher's
    name, ``data_from`` ``generator``, ``teacher``, ``none`` or a name. ``tokens`` and ``usd`` (US
    dollars) bound what teachers may cost in all; None is no bound.
    """

    iterations: int | None = None
    seed: int = 0
    approve: bool = False
    commits: bool = False
    skip_training: bool = False
    plateau: int | None = PLATEAU
    hours: float | None = None
    gold_every: int | None = None
    planner: str | None = None
    data_from: str | None = None
    tokens: int | None = None
    usd: float | None = None


def make_flywheel(workspace: Workspace, target_path: Path, wish: Wish) -> LoopFolder:
    """Create the loop's folder; nothing runs yet. MakeError with all that is wrong."""
    try:
        target = load_target(target_path)
    except TargetError as error:
        raise MakeError(str(error)) from error
    _check(target)
    try:
        planner = planner_of(target, wish.planner, workspace)
        data_from = writer_of(target, wish.data_from, workspace)
    except TeachingError as error:
        raise MakeError(str(error)) from error
    dirty = commits.dirty(target.path) if wish.commits else frozenset()
    try:
        dev = dev_suite(target, wish.seed, named=key_names(workspace.path))
        locked = {name: sha256_file(target.file(name)) for name in _ruler(target, dev.file)}
    except (DevError, TargetError) as error:
        raise MakeError(str(error)) from error
    except OSError as error:
        raise MakeError(f"{target.path.name}: {error.strerror or error}.") from error
    limits = Limits(
        iterations=wish.iterations or target.forge.flywheel.max_iterations,
        target_score=target.forge.eval.target_accuracy,
        plateau=wish.plateau,
        hours=wish.hours,
        tokens=wish.tokens,
        usd=wish.usd,
    )

    def make(loop_id: str) -> Loop:
        return Loop(
            loop_id=loop_id,
            kind=LoopKind.FLYWHEEL,
            target=target.name,
            target_dir=workspace.relative(target.path),
            created=utc_now(),
            seed=wish.seed,
            limits=limits,
            planner=planner,
            data_from=data_from,
            approve=wish.approve,
            commits=wish.commits,
            skip_first_training=wish.skip_training,
            gold_every=wish.gold_every,
            locked=locked,
            dev=dev,
            target_dirty=sorted(dirty or ()),
        )

    try:
        return create_loop(workspace, make)
    except OSError as error:
        raise MakeError(
            f"The loop's folder cannot be written below {workspace.path}: {error.strerror}."
        ) from error


def _check(target: Target) -> None:
    if not target.forge.dataset.canonical:
        raise MakeError(
            f"{target.path.name}/forge.yaml: dataset.canonical names no file: a flywheel grows it."
        )
    for ref in target.held_out:
        if not target.file(ref.file).is_file():
            raise MakeError(f"{target.path.name}: the suite {ref.name} ({ref.file}) is missing.")


def _ruler(target: Target, dev: str) -> Iterable[str]:
    """The files that scores are made with."""
    names = {ref.file for ref in target.held_out} | {target.forge.dataset.gold, dev}
    names |= {name for name in LOCKED_BESIDE if (target.path / name).is_file()}
    return sorted(name for name in names if target.file(name).is_file())
