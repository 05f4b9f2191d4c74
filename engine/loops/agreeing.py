"""What a loop would have executed on this machine, and whether somebody agreed to it.

A loop runs for days, and its target may change meanwhile. A runner is detached and cannot ask: it
ends with a sentence, and whoever starts it again is asked.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from engine.agreed import is_agreed
from engine.folder import FolderError
from engine.loops.folder import LoopFolder
from engine.loops.research.agent import agent_program
from engine.loops.runner import LoopFailed
from engine.plans.programs import Program, not_agreed
from engine.plans.stage_programs import in_short
from engine.protocols.commands import commands_of
from engine.protocols.reading import read_protocol
from engine.records.loop import LoopKind
from engine.records.research import PROTOCOL_FILE, Campaign
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace


def place_of(folder: LoopFolder) -> Path:
    """The target, or repository, that a loop works on. FolderError."""
    return (folder.workspace.path / folder.loop().target_dir).resolve()


def loop_not_agreed(folder: LoopFolder) -> list[Program]:
    """What has to be agreed to before the loop goes on. FolderError, TargetError, ProtocolError and
    OSError where its files cannot be read."""
    if folder.loop().kind is LoopKind.FLYWHEEL:
        return not_agreed(folder.workspace, load_target(place_of(folder)))
    read = read_protocol(folder.path / PROTOCOL_FILE)
    try:
        proposer = Campaign.model_validate(folder.loop().spec).proposer
    except ValidationError as error:
        raise FolderError(folder.path / "loop.json", "is no campaign's") from error
    protocol = Program(" ; ".join(commands_of(read.protocol)), read.agreed_as)
    programs = [protocol, *agent_program(proposer)]
    return [one for one in programs if not is_agreed(folder.workspace, one.sha256)]


def check_agreed(workspace: Workspace, target: Target, loop_id: str) -> None:
    """LoopFailed where the target brings what nobody agreed to: it was changed since."""
    try:
        programs = not_agreed(workspace, target)
    except (TargetError, OSError) as error:
        raise LoopFailed(str(error), "Mend the target, then: resume.") from error
    if programs:
        raise LoopFailed(
            f"{target.path.name} executes what nobody agreed to here: {in_short(programs)}.",
            f"Look at it, then: factory-tui loop resume {loop_id} asks (--yes agrees).",
        )
