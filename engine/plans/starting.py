"""From a target to a run that runs: draft, create, launch, with one kind of error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from engine.compute.of_plan import hosts_that_cannot
from engine.folder import RunFolder
from engine.plans.planning import Draft, create, draft
from engine.plans.programs import Program, not_agreed
from engine.plans.stage_programs import in_short
from engine.supervise.launch import LaunchError, launch
from engine.target import TargetError
from engine.workspace import Workspace


class StartError(Exception):
    """A run that could not be started; the text says what is wrong, a sentence a line."""


class NotAgreed(StartError):
    """The target brings ``programs`` that nobody agreed to have run here: show them, ask, begin
    again."""

    def __init__(self, target: Path, programs: list[Program]) -> None:
        super().__init__(
            f"{target.name} brings programs that were not agreed to: "
            f"{in_short(programs)}. factory-tui run {target.name} asks."
        )
        self.target = target
        self.programs = programs


def start(
    workspace: Workspace,
    target: Path,
    overrides: Iterable[str] = (),
    seed: int | None = None,
    parent: str | None = None,
    hypothesis: str | None = None,
    told: Callable[[str], None] = lambda sentence: None,
) -> RunFolder:
    """Create a run of a target and start its supervisor. StartError says why it cannot be.

    ``told`` hears before it starts of what will leave this machine, and of what is done in another
    way than forge.yaml says.
    """
    try:
        drafted = draft(workspace, target, overrides, seed, parent, hypothesis)
    except TargetError as error:
        raise StartError(str(error)) from error
    for sentence in (*drafted.notes, *drafted.sends):
        told(sentence)
    return start_draft(workspace, drafted)


def start_draft(workspace: Workspace, drafted: Draft) -> RunFolder:
    """Create the run of a draft and start its supervisor. StartError says why it cannot be;
    NotAgreed where what the target brings has to be agreed to first."""
    try:
        programs = not_agreed(workspace, drafted.target)
    except (TargetError, OSError) as error:
        raise StartError(str(error)) from error
    if programs:
        raise NotAgreed(drafted.target.path, programs)
    if wrong := hosts_that_cannot(drafted.plan):
        raise StartError("\n".join(f"compute.hosts: {one}" for one in wrong))
    try:
        folder = create(workspace, drafted)
    except OSError as error:
        raise StartError(
            f"The run's folder cannot be written below {workspace.runs_dir}: {error.strerror}."
        ) from error
    try:
        launch(folder.path)
    except LaunchError as error:
        raise StartError(str(error)) from error
    return folder
