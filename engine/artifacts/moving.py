"""Moves a public artifact into another state, in its own text: comments and spacing stay."""

from __future__ import annotations

from engine.artifacts.registry import SUFFIX, RegistryError, read_artifact
from engine.checks.public.entry import Entry
from engine.folder import write_bytes_atomic
from engine.forge_edit import EditError, with_values
from engine.records.public import MAY_FOLLOW, STATE_ORDER, ArtifactState
from engine.workspace import Workspace


def may_follow(state: ArtifactState) -> list[ArtifactState]:
    """The states that may follow a state, as lists show them."""
    return [one for one in STATE_ORDER if one in MAY_FOLLOW[state]]


def move(workspace: Workspace, seen: Entry, state: ArtifactState) -> None:
    """Write ``state``, and the one of before as ``previous_state``.

    RegistryError where it may not follow, where the file is no artifact or is not what ``seen``
    says any more, and where its text cannot be changed so; OSError as it comes.
    """
    if seen.artifact is None:
        raise RegistryError(f"{seen.name} is no artifact yet. Mend it first, then its state.")
    before = seen.artifact.state
    if state not in MAY_FOLLOW[before]:
        raise RegistryError(f"{state.value} may not follow {before.value}.")
    now = read_artifact(workspace, seen.name.removeprefix("artifacts/").removesuffix(SUFFIX))
    if now.text != seen.text:
        raise RegistryError(f"{seen.name} was changed meanwhile. Look at it again, then move it.")
    try:
        text = with_values(seen.text, {"state": state.value, "previous_state": before.value})
    except EditError as error:
        raise RegistryError(f"{error} Write the state with an editor.") from error
    write_bytes_atomic(seen.path, text.encode("utf-8"))
