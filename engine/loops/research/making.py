"""Makes the loop of a research campaign: the protocol is read and checked, the repository looked
at, what is run agreed to, what the campaign begins from written down. Nothing runs yet."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from engine.agreed import agree, is_agreed
from engine.folder import FolderError, write_bytes_atomic
from engine.loops.folder import LoopFolder, create_loop, find_loops
from engine.loops.research import repository
from engine.loops.research.agent import agent_program
from engine.loops.research.history import baseline_failed
from engine.loops.research.tree_git import TreeError
from engine.loops.research.worktree import branch_name
from engine.protocols.checking import check_file
from engine.protocols.commands import commands_of
from engine.protocols.reading import ProtocolError, ReadProtocol, read_protocol
from engine.records.base import utc_now
from engine.records.loop import Limits, Loop, LoopKind, LoopPhase
from engine.records.research import PROTOCOL_FILE, Campaign, Proposer
from engine.workspace import Workspace

MORE_FOR_BASELINE = 2
"""The baseline gives the noise, and every try is held against it: it is measured more often."""

OWN = ("settings", "person", "command")
"""Proposers that are no teacher."""


class MakeError(Exception):
    """No campaign can be made of this; the text says why, a sentence a line."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks of a campaign. ``proposer``: ``settings``, ``person``, ``command`` (then
    ``argv`` are its words) or a teacher's name. ``tokens`` and ``usd`` bound what a teacher may
    cost; None is no bound."""

    tries: int = 20
    seeds: int = 3
    baseline_seeds: int | None = None
    confidence: float = 0.95
    hours: float | None = None
    proposer: str = "settings"
    argv: tuple[str, ...] = ()
    limit_s: float = 600.0
    disk_gb: float = 2.0
    """How much a try may add to its worktree and run, in units of 2**30 bytes."""
    goal: str | None = None
    tokens: int | None = None
    usd: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign that could be made, and what has to be agreed to first."""

    read: ReadProtocol
    repo: Path
    wish: Wish
    proposer: Proposer
    commands: tuple[str, ...]
    """What the protocol runs on this machine, setup first."""
    agreed: bool
    needs_git_init: bool
    warnings: tuple[str, ...] = ()


def plan_campaign(workspace: Workspace, protocol: Path, repo: Path | None, wish: Wish) -> Plan:
    """Look at everything, write nothing. MakeError with all that is wrong.

    ``repo`` None: the folder that the protocol lies in.
    """
    try:
        read = read_protocol(protocol)
    except ProtocolError as error:
        raise MakeError(str(error)) from error
    place = (repo or protocol.parent).resolve()
    if not place.is_dir():
        raise MakeError(f"There is no folder {place}. Name the repository with --repo.")
    findings = check_file(protocol, place)
    wrong = [one for one in findings if one.is_error]
    if wrong:
        lines = [one.line for one in wrong]
        lines.append(f"All of it: factory-tui protocol check {protocol} --repo {place}")
        raise MakeError("\n".join(lines))
    state = repository.look(place, read.protocol)
    if state.problem:
        raise MakeError(state.problem)
    return Plan(
        read=read,
        repo=place,
        wish=wish,
        proposer=_proposer(workspace, wish),
        commands=commands_of(read.protocol),
        agreed=is_agreed(workspace, read.agreed_as),
        needs_git_init=state.needs_init,
        warnings=(*(one.line for one in findings), *state.warnings),
    )


def _proposer(workspace: Workspace, wish: Wish) -> Proposer:
    goal, limit = wish.goal, wish.limit_s
    if wish.proposer == "command":
        if not wish.argv:
            raise MakeError('Give the command that proposes: --agent "COMMAND …".')
        return Proposer(kind="command", argv=list(wish.argv), limit_s=limit, goal=goal)
    if wish.argv:
        raise MakeError(f"--agent goes with --proposer command, not with {wish.proposer}.")
    if wish.proposer == "settings":
        return Proposer(kind="settings", limit_s=limit, goal=goal)
    if wish.proposer == "person":
        return Proposer(kind="person", limit_s=limit, goal=goal)
    from engine.teaching.errors import TeachingError
    from engine.teaching.naming import spec_for

    try:
        spec_for(wish.proposer, workspace)
    except TeachingError as error:
        raise MakeError(f"Proposers are {', '.join(OWN)}, or a teacher. {error}") from error
    return Proposer(kind="teacher", teacher=wish.proposer, limit_s=limit, goal=goal)


def agree_to(workspace: Workspace, plan: Plan) -> None:
    """Write down that the plan's commands were shown and agreed to; MakeError where it cannot."""
    try:
        agree(workspace, plan.read.agreed_as, plan.commands)
    except OSError as error:
        raise MakeError(f"The agreement cannot be written ({error.strerror}).") from error


def open_campaign(workspace: Workspace, plan: Plan) -> LoopFolder | None:
    """The newest campaign of this protocol and repository where it can go on: it has not completed,
    nor failed for a baseline that does not run, which no resume would change."""
    for folder in find_loops(workspace):
        with contextlib.suppress(FolderError, ValueError):  # a damaged loop is open for nobody
            loop = folder.loop()
            if loop.kind is not LoopKind.RESEARCH:
                continue
            campaign = Campaign.model_validate(loop.spec)
            same = campaign.protocol_sha256 == plan.read.sha256
            if same and (workspace.path / campaign.repo).resolve() == plan.repo:
                phase = folder.status().phase
                over = phase is LoopPhase.COMPLETED or (
                    phase is LoopPhase.FAILED and baseline_failed(folder)
                )
                return None if over else folder
    return None


def own_settings(folder: LoopFolder) -> str:
    """What a campaign was begun with, which goes on to hold, in words."""
    loop = folder.loop()
    campaign = Campaign.model_validate(loop.spec)
    tries, seeds, hours = loop.limits.iterations, campaign.seeds, loop.limits.hours
    words = [
        f"{tries} {'try' if tries == 1 else 'tries'}",
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}",
        f"confidence {campaign.confidence:g}",
        f"proposer {campaign.proposer.teacher or campaign.proposer.kind}",
    ]
    return ", ".join([*words, f"{hours:g} h"] if hours is not None else words)


def make_campaign(workspace: Workspace, plan: Plan) -> LoopFolder:
    """Create the loop's folder. MakeError where the commands were not agreed to, or it cannot be
    written. A folder that is no repository becomes one here."""
    if not is_agreed(workspace, plan.read.agreed_as):
        raise MakeError("The protocol's commands were not agreed to.")
    protocol, wish = plan.read.protocol, plan.wish
    try:
        if plan.needs_git_init:
            repository.initialise(plan.repo)
        state = repository.look(plan.repo, protocol)
        if state.problem or state.commit is None:
            raise MakeError(state.problem or f"{plan.repo} has no commit to begin from.")
        before = repository.results_before(plan.repo, protocol)
    except OSError as error:
        raise MakeError(f"{plan.repo}: {error.strerror or error}.") from error
    commit = state.commit
    name = protocol.meta.repo.name

    def make(loop_id: str) -> Loop:
        branch = branch_name(plan.repo, protocol.provenance.git_workflow.branch(loop_id))
        campaign = Campaign(
            protocol_sha256=plan.read.sha256,
            repo=workspace.relative(plan.repo),
            base_commit=commit,
            branch=branch,
            seeds=wish.seeds,
            baseline_seeds=wish.baseline_seeds or wish.seeds + MORE_FOR_BASELINE,
            confidence=wish.confidence,
            proposer=plan.proposer,
            disk_bytes=max(1, round(wish.disk_gb * 2**30)),
            results_before=before,
        )
        return Loop(
            loop_id=loop_id,
            kind=LoopKind.RESEARCH,
            target=name,
            target_dir=workspace.relative(plan.repo),
            created=utc_now(),
            seed=wish.seed,
            limits=Limits(
                iterations=wish.tries, hours=wish.hours, tokens=wish.tokens, usd=wish.usd
            ),
            planner=plan.proposer.teacher or plan.proposer.kind,
            data_from=None,
            commits=True,
            spec=campaign.model_dump(mode="json"),
        )

    try:
        for one in agent_program(plan.proposer):
            agree(workspace, one.sha256, [one.shown])  # it was typed
        folder = create_loop(workspace, make)
        write_bytes_atomic(folder.path / PROTOCOL_FILE, plan.read.data)
    except TreeError as error:
        raise MakeError(str(error)) from error
    except OSError as error:
        raise MakeError(
            f"The loop's folder cannot be written below {workspace.path}: {error.strerror}."
        ) from error
    return folder
