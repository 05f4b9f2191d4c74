"""Commands on runs: start, watch, cancel, resume, list, show."""

from __future__ import annotations

import contextlib
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine import numbers
from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import RunSummary, summarise
from engine.cli.console import (
    Exit,
    JsonOption,
    RunArgument,
    WorkspaceOption,
    fail,
    narrate,
    not_there,
    open_workspace,
    option_for,
    print_json,
    print_table,
    printable,
    run_path,
)
from engine.cli.telling import as_dict, state_of
from engine.remote import mirrors

if TYPE_CHECKING:
    from engine.folder import RunFolder
    from engine.workspace import Workspace

CANCEL_WAIT_S = 30.0
"""How long `cancel` waits for the worker to save and end before it returns."""


def run(
    target: Annotated[str, typer.Argument(help="A target of the workspace, or a folder.")],
    workspace: WorkspaceOption = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", "-s", help="Override a setting of forge.yaml: training.learning_rate=1e-4"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of data, model and batches.")] = None,
    hosts: Annotated[
        str | None,
        typer.Option(help="Train on several machines, as localhost,mac-b; this one among them."),
    ] = None,
    parent: Annotated[
        str | None, typer.Option(help="The run that this one follows: its id.")
    ] = None,
    hypothesis: Annotated[
        str | None, typer.Option(help="What this run is to show, in a sentence.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree to the target's programs without being asked.")
    ] = False,
    where: Annotated[
        str | None,
        typer.Option(help="auto: on the first free machine of [queue] hosts in factory.toml."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return at once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train and evaluate a target: creates a run and follows it to its end."""
    from engine.cli.follow import follow

    wanted = [*(sets or ()), *with_hosts(hosts)]
    _check_where(where, workspace, hosts, parent)
    place = open_workspace(workspace)
    if (root := mirrors.root_of(place.path)) is not None:
        _run_elsewhere(root, target, wanted, seed, parent, hypothesis, detach, as_json)
        return
    with not_there():
        path = place.target_path(target)
        follows = None if parent is None else place.run_path(parent).name
    there = None
    with contextlib.ExitStack() as choosing:
        if where is not None:
            from engine.cli.where import sent

            there = choosing.enter_context(sent(place, path, wanted, seed, hypothesis))
        if there is None:
            folder = _run_here(place, path, wanted, seed, follows, hypothesis, yes)
    if there is not None:
        _follow_elsewhere(there, detach, as_json)
        return
    if detach:
        narrate(f"It runs on its own. Watch it: factory-tui watch {folder.run_id}")
        if as_json:
            print_json({"run": folder.run_id, "path": str(folder.path)})
        else:
            print(folder.run_id)
        return
    follow(folder.path, as_json=as_json)


def _run_here(
    place: Workspace,
    target: Path,
    sets: list[str],
    seed: int | None,
    parent: str | None,
    hypothesis: str | None,
    yes: bool,
) -> RunFolder:
    """Start the run on this machine, once what the target executes is agreed to."""
    from engine.cli.agreeing import agree_on
    from engine.plans.starting import NotAgreed, StartError, start

    try:
        try:
            return start(place, target, sets, seed, parent, hypothesis, narrate)
        except NotAgreed as first:
            agree_on(place, target, first.programs, yes)
            return start(place, target, sets, seed, parent, hypothesis)
    except StartError as error:
        fail(str(error))


def _run_elsewhere(
    root: Path,
    target: str,
    sets: list[str],
    seed: int | None,
    parent: str | None,
    hypothesis: str | None,
    detach: bool,
    as_json: bool,
) -> None:
    """Have the run started at the machine of the workspace, and follow it by its copy."""
    from engine.remote.asked import started
    from engine.remote.asking import AskedInVain

    try:
        run_id, said = started(root, target, sets, seed, parent, hypothesis)
    except AskedInVain as error:
        fail(str(error))
    for line in said:
        narrate(line)
    _follow_elsewhere(root / "runs" / run_id, detach, as_json)


def _follow_elsewhere(path: Path, detach: bool, as_json: bool) -> None:
    """Follow a run of a copy, or only name it."""
    from engine.cli.follow import follow

    if detach:
        if as_json:
            print_json({"run": path.name, "path": str(path)})
        else:
            print(path.name)
        return
    _wait_for(path)
    follow(path, as_json=as_json)


def _check_where(
    where: str | None, workspace: Path | None, hosts: str | None, parent: str | None
) -> None:
    """``--where`` is auto, and chooses for a run that any of the machines could take."""
    if where is None:
        return
    if where != "auto":
        fail(f"--where is auto, not {where}. For one machine: -w ssh://host/path", Exit.USAGE)
    if workspace is not None and str(workspace).startswith("ssh:"):
        fail("--where auto chooses from here; -w ssh://… has chosen already.", Exit.USAGE)
    for option, given in (("--hosts", hosts), ("--parent", parent)):
        if given is not None:
            fail(f"{option} speaks of this machine, so --where auto cannot be used.", Exit.USAGE)


def _wait_for(path: Path) -> None:
    """A run that began elsewhere is in the copy a moment later, and its supervisor after that:
    before, it looks like one that nobody started, or like a dead one."""
    if mirrors.root_of(path) is None:
        return
    until = time.monotonic() + CANCEL_WAIT_S
    while not _has_begun(path) and time.monotonic() < until:
        time.sleep(0.1)


def _has_begun(path: Path) -> bool:
    if not (path / "run-status.json").exists():
        return False
    seen = summarise(path)
    return seen.liveness in ("running", "waiting") or (
        seen.liveness == "idle" and seen.phase != "created"
    )


def with_hosts(hosts: str | None) -> list[str]:
    """``--hosts a,b`` as the override that it is short for."""
    if hosts is None:
        return []
    names = [one.strip() for one in hosts.split(",") if one.strip()]
    return [f"compute.hosts={json.dumps(names)}"]


def watch(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    events: Annotated[
        bool, typer.Option("--events", help="Print every event as a line of JSON.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Follow a run until it ends or waits for a decision. Ctrl-C leaves it running."""
    from engine.cli.follow import follow

    follow(run_path(workspace, run), events=events, as_json=as_json)


def cancel(run: RunArgument, workspace: WorkspaceOption = None) -> None:
    """Stop a run: its worker saves a checkpoint, then the run is cancelled."""
    from engine.supervise.launch import LaunchError
    from engine.supervise.launch import cancel as cancel_run

    path = run_path(workspace, run)
    try:
        status = cancel_run(path, wait_s=CANCEL_WAIT_S)
    except LaunchError as error:
        fail(str(error), Exit.NO)
    there = f"{path.name}{option_for(path)}"
    if status.phase.final:
        narrate(f"{path.name} is {status.phase}. Go on with it: factory-tui resume {there}")
    else:
        narrate(
            f"{path.name} was told to stop and is still {status.phase}: it saves first. "
            f"Watch it: factory-tui watch {there}"
        )


def resume(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree to what it executes without being asked.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return at once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Go on with a run that died, was cancelled or failed, from its last checkpoint."""
    from engine.cli.agreeing import agree_on
    from engine.cli.follow import follow
    from engine.supervise.launch import LaunchError
    from engine.supervise.resume import AgreeFirst
    from engine.supervise.resume import resume as resume_run
    from engine.workspace import Workspace

    path = run_path(workspace, run)
    try:
        try:
            resumed = resume_run(path)
        except AgreeFirst as first:
            agree_on(Workspace.of_run(path), first.target, first.programs, yes)
            resumed = resume_run(path)
    except LaunchError as error:
        fail(str(error), Exit.NO)
    if resumed != path:
        narrate(f"{path.name} is final; {resumed.name} goes on from where it was.")
    if detach:
        print(resumed.name)
        return
    _wait_for(resumed)
    follow(resumed, as_json=as_json)


def list_runs(
    workspace: WorkspaceOption = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--filter", "-f", help="As in the screen: target:sql decision:ship score>0.8 age<7d"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The runs of the workspace, newest first."""
    from engine.cli.where import tell_sent

    place = open_workspace(workspace)
    tell_sent(place)
    summaries = all_runs(place)
    if query:
        from engine.catalogue.run_facts import facts
        from engine.catalogue.run_filter import FilterError, parse

        try:
            wanted = parse(query)
        except FilterError as error:
            fail(f"{query}\n{error.marked()}\n{error.message}", Exit.USAGE)
        now = datetime.now(UTC)
        summaries = [summary for summary in summaries if wanted.matches(facts(summary, now))]
    if as_json:
        print_json([as_dict(summary) for summary in summaries])
        return
    if not summaries:
        narrate(f"No runs in {place.runs_dir}. Start one: factory-tui run TARGET")
        return
    header = ("RUN", "STATE", "PRIMARY", "Δ", "BREADTH", "PEAK", "DECISION")
    print_table(header, [_row(summary) for summary in summaries])
    if any(summary.historical for summary in summaries):
        narrate(f"{numbers.HISTORICAL} taken from an earlier measurement")


def _row(run: RunSummary) -> tuple[str, ...]:
    breadth = run.breadth_delta_pp
    return (
        printable(run.run_id),
        state_of(run),
        f"{numbers.score(run.primary_baseline)}{run.mark('primary_baseline')} → "
        f"{numbers.score(run.primary_candidate)}{run.mark('primary_candidate')}",
        numbers.change(run.primary_delta, run.primary_baseline, run.primary_candidate),
        numbers.points(None if breadth is None else breadth / 100),
        numbers.size(run.peak_bytes),
        printable(run.decision or "") + (" (routed)" if run.routed else ""),
    )


def show(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Everything that a run concluded: gates, numbers, decision, files."""
    from engine.cli.showing import describe

    path = run_path(workspace, run)
    described = describe(path)
    if as_json:
        print_json(described.as_json())
    else:
        print(described.as_text())
