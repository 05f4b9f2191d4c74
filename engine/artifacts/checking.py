"""Checks the public artifacts of a workspace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.artifacts.around import files_below, look_around
from engine.artifacts.inputs import Inputs
from engine.artifacts.registry import find_artifacts
from engine.checks.finding import Finding, Severity
from engine.checks.public import check_artifact
from engine.checks.public.around import Around
from engine.checks.public.entry import Entry
from engine.checks.public.places import folder_rules
from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Checked:
    """An artifact with all that was found, errors first."""

    entry: Entry
    around: Around
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """No finding is an error."""
        return is_ok(self.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity is Severity.ERROR)


def check_entries(workspace: Workspace, entries: Iterable[Entry]) -> list[Checked]:
    """Each of some artifacts checked; a record that several name is read once."""
    known = Inputs(workspace.path)
    return [_checked(workspace, one, known) for one in entries]


def check_entry(workspace: Workspace, entry: Entry) -> Checked:
    return _checked(workspace, entry, Inputs(workspace.path))


def check_all(workspace: Workspace) -> tuple[list[Checked], list[Finding]]:
    """Every artifact checked, and what else lies in ``artifacts/`` that should not. OSError where
    the directory cannot be listed."""
    checked = check_entries(workspace, find_artifacts(workspace))
    folder = workspace.artifacts_dir
    files = files_below(folder) if folder.is_dir() else ()
    return checked, list(folder_rules("artifacts", files))


def is_ok(findings: Iterable[Finding]) -> bool:
    return not any(one.severity is Severity.ERROR for one in findings)


def _checked(workspace: Workspace, entry: Entry, inputs: Inputs) -> Checked:
    around = look_around(workspace, entry, inputs)
    return Checked(entry, around, tuple(check_artifact(entry, around)))
