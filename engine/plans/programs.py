"""What a target brings that a run would execute here, and whether somebody agreed to it.

Commands of ``forge.yaml``, and Python of the target's own. Each is agreed to by itself, by the hash
of what would run: a change of one asks again for that one. The same is asked of the stages of a
plan, which may come from elsewhere too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.agreed import Kind, agree, hash_of, is_agreed
from engine.compute.hosts import HostsError, parse
from engine.plans.named_files import CannotAgree
from engine.plans.stage_programs import (
    SCORER,
    Program,
    command_program,
    each_of,
    hosts_program,
    programs_of_stage,
    source_program,
    tasks_program,
)
from engine.records.plan import Stage
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.target import Target

__all__ = ["CannotAgree", "Program", "agree_to", "not_agreed", "not_agreed_of", "programs_of"]


def programs_of(workspace: Workspace, target: Target) -> list[Program]:
    """What a run of this target executes that the target brings; TargetError for a file outside of
    it or a stage that is none, OSError for a file that cannot be read."""
    from engine.target import TargetError

    try:
        return each_of(_programs(workspace, target))
    except CannotAgree as error:
        raise TargetError(f"{target.path.name}/forge.yaml: {error}") from error


def _programs(workspace: Workspace, target: Target) -> Iterator[Program]:
    from engine.plans.stages import command_stages

    factory = target.forge.factory
    for stage in command_stages(target):
        yield command_program(workspace, target.path, stage)
    if (generator := factory.data.generator) is not None:
        yield from source_program(Kind.GENERATOR, target.file(generator))
    yield from source_program(Kind.SCORER, target.file(SCORER))
    if factory.suites.lm_eval:
        yield from tasks_program(target.path)
    try:
        yield from hosts_program(parse(target.forge.compute.hosts or []))
    except HostsError:
        return  # names that are none are said when the run is planned


def not_agreed(workspace: Workspace, target: Target) -> list[Program]:
    """Those that nobody agreed to in this workspace; what comes with this program needs no word."""
    return _open(workspace, programs_of(workspace, target))


def not_agreed_of(
    workspace: Workspace, target: Path, stages: Sequence[Stage], run: Path | None = None
) -> list[Program]:
    """The same for stages of a plan, whose target is the folder ``target`` and whose run is ``run``
    where there is one. CannotAgree, OSError."""
    found = (one for stage in stages for one in programs_of_stage(workspace, target, stage, run))
    return _open(workspace, each_of(found))


def _open(workspace: Workspace, programs: Sequence[Program]) -> list[Program]:
    return [
        one
        for one in programs
        if not is_agreed(workspace, one.sha256) and one.sha256 not in _of_the_samples()
    ]


def agree_to(workspace: Workspace, programs: Iterable[Program]) -> None:
    """Write down that these were shown and agreed to. OSError as it comes."""
    for one in programs:
        agree(workspace, one.sha256, [one.shown])


@cache
def _of_the_samples() -> frozenset[str]:
    from engine.samples import samples_dir

    try:
        files = [one.read_bytes() for one in samples_dir().glob("targets/*/*.py")]
    except OSError:
        return frozenset()
    return frozenset(hash_of(kind, one) for kind in (Kind.GENERATOR, Kind.SCORER) for one in files)
