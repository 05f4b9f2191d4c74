"""Commands on this machine: doctor, demo."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import Exit, JsonOption, WorkspaceOption, fail, narrate, print_json
from engine.workspace import Workspace, WorkspaceError

MARKS = {"ok": "✔", "note": "·", "wrong": "✘"}


def doctor(
    workspace: WorkspaceOption = None,
    hosts: Annotated[
        str | None,
        typer.Option(
            help="Look at these machines as well, as localhost,mac-b. None named: those "
            "of factory.toml."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What is installed, which accelerator, memory and disk, what is wrong and what mends it."""
    from engine.compute.checking import HostFinding
    from engine.compute.of_workspace import examine_hosts
    from engine.doctor import Finding, examine

    try:
        place = workspace or Workspace.find(Path.cwd()).path
    except WorkspaceError:
        place = None
    findings = []
    looks: Iterator[Finding | HostFinding] = itertools.chain(
        examine(place), examine_hosts(place, hosts)
    )
    for finding in looks:
        findings.append(finding)
        if not as_json:
            print(f"{MARKS[finding.state]} {finding.what:<14} {finding.text}")
            if finding.fix:
                print(f"  {'':<14} → {finding.fix}")
    if as_json:
        print_json([vars(finding) for finding in findings])
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(int(Exit.NO))


def demo(
    directory: Annotated[
        Path, typer.Option("--dir", help="Where the copy of the samples goes.")
    ] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Another seed gives other numbers.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Train the demo's specialist on a copy of the samples; in a terminal, on the screen."""
    from engine.cli.follow import follow
    from engine.plans.starting import StartError, start
    from engine.samples import copy_samples

    try:
        place = copy_samples(directory)
    except OSError as error:
        fail(f"The samples cannot be copied to {directory}: {error.strerror or error}.")
    narrate(f"A workspace with the samples: {directory}")
    try:
        folder = start(place, place.target_path("drone-router"), seed=seed)
    except StartError as error:
        fail(str(error))
    follow(folder.path, as_json=as_json)
