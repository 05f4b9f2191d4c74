"""Asks on the command line before something from a file is executed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from engine.cli.console import Exit, fail, narrate, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.plans.programs import Program
    from engine.workspace import Workspace

SAID_NO = "Nothing was run. What is run is agreed to once, and again when it changes."


def confirm(question: str, yes: bool) -> None:
    """Ask; ends with a sentence where the answer is no, or nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"{question} Nobody can be asked here: --yes agrees.", Exit.NO)
    if not typer.confirm(question, default=False, err=True):
        fail(SAID_NO, Exit.NO)


def agree_on(place: Workspace, target: Path, programs: Sequence[Program], yes: bool) -> None:
    """Show what a target would have executed, whole, and have it agreed to, or end."""
    from engine.plans.programs import agree_to

    if not programs:
        return
    narrate(f"{printable(target.name)} brings programs that run on this machine, as you:")
    for one in programs:
        narrate(f"    {printable(one.shown)}")
    narrate(f"  from {printable(str(target))}")
    confirm("Run them?", yes)
    try:
        agree_to(place, programs)
    except OSError as error:
        fail(f"That cannot be written down: {error.strerror or error}.")
