"""A proposal by a person: the loop waits until a change was submitted.

``proposal.json`` of the loop holds it, with the change as a diff, so that it is safe whatever
becomes of the worktree. The iteration that takes it up moves it into its own folder first: a runner
that is killed finds it there again, and it is taken up once.
"""

from __future__ import annotations

from pydantic import Field

from engine.folder import FolderError, read_record, write_bytes_atomic, write_json_atomic
from engine.loops.folder import LoopFolder
from engine.loops.launch import alive, launch_loop
from engine.loops.research.acts import ActError
from engine.loops.research.proposers.checkout import apply_to, open_worktree, summary_of
from engine.loops.research.proposers.proposed import Proposed, description_of
from engine.loops.research.tree_git import TreeError
from engine.loops.research.worktree import Worktree
from engine.loops.runner import LoopPaused
from engine.protocols.reading import ProtocolError
from engine.records.base import Record, Text, UtcTime, utc_now
from engine.records.loop import LoopKind
from engine.records.research import WORKTREE, Campaign
from engine.supervise.launch import LaunchError

FILE = "proposal.json"
DRAFT = "draft.diff"
"""A person's change that was begun and not submitted, kept while the worktree is needed. One that
comes while an older one is kept has a number as well."""


class PersonProposal(Record):
    """``proposal.json``. ``base`` is the commit that the diff is against."""

    description: Text
    diff: str = Field(min_length=1)
    base: Text
    submitted: UtcTime = Field(default_factory=utc_now)


def by_person(folder: LoopFolder, iteration: int, worktree: Worktree) -> Proposed:
    """Put the submitted change into the worktree, which is clean and at the best.

    LoopPaused where none is there; ProposerError (``apply``) where the best has changed so that it
    does not fit any more: it stays in the iteration's folder.
    """
    taken = folder.iteration(iteration) / FILE
    if not taken.exists():
        if not (folder.path / FILE).exists():
            raise LoopPaused(
                f"It waits for a change by a person: factory-tui loop edit {folder.loop_id}"
            )
        taken.parent.mkdir(parents=True, exist_ok=True)
        (folder.path / FILE).replace(taken)
    proposal = read_record(taken, PersonProposal)
    apply_to(worktree, proposal.diff)
    return Proposed(by="person", description=proposal.description)


def submit(folder: LoopFolder, description: str, *, start: bool = True) -> str:
    """Take what was changed in the worktree as the next proposal, and go on with the campaign.

    Returns what is changed, in words. A proposal that waits already is replaced. ActError where
    nothing was changed or described, or the campaign is at work in the worktree.
    """
    check_waits(folder)
    words = description_of(description)
    if not words:
        raise ActError("Describe the change in a line: it stands in the results log.")
    try:
        worktree = open_worktree(folder)
        diff = worktree.diff()
        if not diff:
            raise ActError(f"No file differs from the best. Change one in {worktree.path}.")
        proposal = PersonProposal(description=words, diff=diff.decode(), base=worktree.head())
        write_json_atomic(folder.path / FILE, proposal)
        (folder.path / DRAFT).unlink(missing_ok=True)
        if start:
            launch_loop(folder)
    except UnicodeDecodeError as error:
        raise ActError("A file that was changed is no UTF-8 text. Save it as UTF-8.") from error
    except (OSError, FolderError, LaunchError, ProtocolError, TreeError, ValueError) as error:
        raise ActError(f"{folder.loop_id}: {error}") from error
    return summary_of(diff)


def check_waits(folder: LoopFolder) -> None:
    """ActError unless this is a campaign whose tries a person proposes, and nobody works in its
    worktree."""
    try:
        loop, status = folder.loop(), folder.status()
        if loop.kind is not LoopKind.RESEARCH:
            raise ActError(f"{folder.loop_id} is no research campaign.")
        if Campaign.model_validate(loop.spec).proposer.kind != "person":
            raise ActError(
                f"The tries of {folder.loop_id} are not proposed by a person. Begin a campaign "
                "with --proposer person."
            )
    except (FolderError, ValueError) as error:
        raise ActError(f"{folder.loop_id}: {error}") from error
    if alive(status) == "running":
        raise ActError(f"{folder.loop_id} is at work. Wait until it asks for a change.")
    if not (folder.path / WORKTREE).is_dir():
        raise ActError(f"{folder.loop_id} has no worktree yet. Start it: the baseline comes first.")


def keep_draft(folder: LoopFolder, iteration: int) -> bool:
    """Before a runner restores the worktree for an iteration: keep what a person has changed there
    and not submitted. Whether there was something.

    Once the iteration has a proposal, what differs is the try, and nobody's draft.
    """
    begun = folder.iteration(iteration)
    if (begun / FILE).exists() or (begun / "plan.json").exists():
        return False
    if not (folder.path / WORKTREE).is_dir():
        return False
    diff = open_worktree(folder).diff()
    if not diff or diff == _submitted(folder):
        return False
    path, number = folder.path / DRAFT, 2
    while path.exists() and path.read_bytes() != diff:
        path, number = folder.path / f"draft-{number}.diff", number + 1
    write_bytes_atomic(path, diff)
    return True


def _submitted(folder: LoopFolder) -> bytes | None:
    path = folder.path / FILE
    return read_record(path, PersonProposal).diff.encode() if path.exists() else None


def take_up_draft(folder: LoopFolder) -> bool:
    """Put a draft back into a worktree that nobody has changed since; whether there was one that
    still fits. One that does not stays where it is."""
    path = folder.path / DRAFT
    if not path.exists():
        return False
    worktree = open_worktree(folder)
    if not worktree.is_clean() or worktree.apply(path.read_bytes()) is not None:
        return False
    path.unlink()
    return True
