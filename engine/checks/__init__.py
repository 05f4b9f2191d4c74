"""Validation: a folder's contents in, findings out. All of them, not only the first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.checks.contents import RunContents
    from engine.checks.finding import Finding


def run(contents: RunContents) -> list[Finding]:
    """Every finding of every rule, errors first, then by file and pointer. Does no I/O."""
    # The rules import this package's modules; importing them here keeps that from being a circle.
    from engine.checks.finding import Severity
    from engine.checks.rules import ALL

    order = list(Severity)
    found = dict.fromkeys(finding for rule in ALL for finding in rule(contents))
    return sorted(
        found,
        key=lambda one: (order.index(one.severity), one.file, _in_order(one.pointer), one.line),
    )


def _in_order(pointer: str) -> list[tuple[int, str]]:
    """A pointer's parts, so that the second item of a list comes before the tenth."""
    return [(len(part) if part.isdigit() else 0, part) for part in pointer.split("/")]


def check_folder(path: Path) -> list[Finding]:
    """Read the run folder ``path`` and check it. OSError only where it cannot be listed."""
    from engine.checks.contents import load

    return run(load(path))
