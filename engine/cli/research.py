"""The command of a research campaign: begin one by a protocol, or go on with an open one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.agreeing import confirm
from engine.cli.console import (
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    printable,
)

if TYPE_CHECKING:
    from engine.loops.folder import LoopFolder
    from engine.loops.research.making import Plan
    from engine.workspace import Workspace


def research(
    protocol: Annotated[Path, typer.Argument(help="The experiment protocol, a JSON file.")],
    repo: Annotated[
        Path | None,
        typer.Option(help="The repository.", show_default="the folder that the protocol lies in"),
    ] = None,
    workspace: WorkspaceOption = None,
    tries: Annotated[int, typer.Option(min=1, help="So many tries at most.")] = 20,
    seeds: Annotated[
        int, typer.Option(min=1, help="So many measurements of a try before it can be kept.")
    ] = 3,
    baseline_seeds: Annotated[
        int | None,
        typer.Option(min=1, help="And of the baseline.", show_default="two more than of a try"),
    ] = None,
    confidence: Annotated[
        float,
        typer.Option(
            help="How probable it must be that a kept try is better.", min=0.51, max=0.999
        ),
    ] = 0.95,
    hours: Annotated[
        float | None, typer.Option(min=0.01, help="End after so many hours of work.")
    ] = None,
    proposer: Annotated[
        str,
        typer.Option(
            help="Who proposes: settings (built in), person, command, or a teacher's name."
        ),
    ] = "settings",
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent",
            help="The command that proposes: it is told the rules on stdin, in the worktree.",
        ),
    ] = None,
    agent_limit: Annotated[
        float, typer.Option(min=1, help="Seconds that one proposal may take.")
    ] = 600.0,
    disk: Annotated[
        float, typer.Option(min=0.001, help="GiB that a try may write before it is stopped.")
    ] = 2.0,
    goal: Annotated[
        str | None, typer.Option(help="What is wanted, in a sentence, for whoever proposes.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="End once a teacher has no room in so many tokens.")
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option(min=0, help="The same in US dollars, where prices are known.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the first measurement; of proposals.")] = 0,
    new: Annotated[
        bool, typer.Option("--new", help="Begin a new campaign, also where one is open.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree to the protocol's commands without being asked.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return at once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search a training recipe under the rules of a protocol: propose, measure, keep or discard.

    An open campaign of the same protocol and repository goes on where it was. It works in a
    worktree of its own; the checkout stays as it is. Ctrl-C leaves it running.
    """
    from engine.cli.loop_follow import start_loop
    from engine.loops.research.making import (
        MakeError,
        Wish,
        open_campaign,
        own_settings,
        plan_campaign,
    )

    place = _workspace(workspace, protocol)
    wish = Wish(
        tries=tries,
        seeds=seeds,
        baseline_seeds=baseline_seeds,
        confidence=confidence,
        hours=hours,
        proposer="command" if agent and proposer == "settings" else proposer,
        argv=tuple(_words(agent)),
        limit_s=agent_limit,
        disk_gb=disk,
        goal=goal,
        tokens=max_tokens,
        usd=max_usd,
        seed=seed,
    )
    try:
        plan = plan_campaign(place, protocol, repo, wish)
        for warning in plan.warnings:
            narrate(f"  ⚠ {printable(warning)}")
        folder = None if new else open_campaign(place, plan)
        if folder is not None:
            _agree(place, plan, yes)
            narrate(
                f"{folder.loop_id} is open and goes on where it was, with its own settings: "
                f"{own_settings(folder)}. (--new begins another.)"
            )
        else:
            folder = _make(place, plan, yes)
    except MakeError as error:
        fail(str(error))
    start_loop(folder, detach=detach, as_json=as_json)


def _words(agent: str | None) -> list[str]:
    try:
        return shlex.split(agent) if agent else []
    except ValueError as error:
        fail(f"--agent: {error}.")


def _workspace(option: Path | None, protocol: Path) -> Workspace:
    """The workspace that was named, else the nearest of the protocol, else of here."""
    from engine.workspace import Workspace, WorkspaceError

    if option is None:
        try:
            return Workspace.find(protocol.resolve().parent)
        except WorkspaceError:
            return open_workspace(None)
    return open_workspace(option)


def _make(place: Workspace, plan: Plan, yes: bool) -> LoopFolder:
    """The campaign's folder, once its commands are agreed to; a plain folder becomes a repository
    first, when that is agreed to too."""
    from engine.loops.research.making import make_campaign

    if plan.needs_git_init:
        confirm(
            f"{plan.repo.name} is no git repository. A campaign needs one: make it one, with a "
            "first commit of what is in it?",
            yes,
        )
    _agree(place, plan, yes)
    return make_campaign(place, plan)


def _agree(place: Workspace, plan: Plan, yes: bool) -> None:
    from engine.loops.research.making import agree_to

    if not plan.agreed:
        narrate("The protocol runs these commands on this machine, as you:")
        for command in plan.commands:
            narrate(f"    {printable(command)}")
        narrate(f"  in a worktree of {plan.repo}.")
        confirm("Run them?", yes)
        agree_to(place, plan)
