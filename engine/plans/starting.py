"""From a target to a run that runs: draft, create, launch, with one kind of error."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.folder import RunFolder
from engine.plans.planning import Draft, create, draft
from engine.supervise.launch import LaunchError, launch
from engine.target import TargetError
from engine.workspace import Workspace


class StartError(Exception):
    """A run that could not be started; the text says what is wrong, a sentence a line."""


def start(
    workspace: Workspace,
    target: Path,
    overrides: Iterable[str] = (),
    seed: int | None = None,
    parent: str | None = None,
    hypothesis: str | None = None,
) -> RunFolder:
    """Create a run of a target and start its supervisor. StartError says why it cannot be."""
    try:
        return start_draft(workspace, draft(workspace, target, overrides, seed, parent, hypothesis))
    except TargetError as error:
        raise StartError(str(error)) from error


def start_draft(workspace: Workspace, drafted: Draft) -> RunFolder:
    """Create the run of a draft and start its supervisor. StartError says why it cannot be."""
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
