"""The findings of a run by file: which file is in order, what is wrong with the others. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.checks.finding import Finding, Severity
from engine.checks.pointers import line_of
from tui.views.cells import Cell, Tone

FOLDER = "the folder"
"""What stands for findings that are about no file."""

ORDER = (
    "",
    "config.json",
    "dataset.json",
    "plan.json",
    "run-status.json",
    "eval-baseline.json",
    "eval-candidate.json",
    "eval-regression-baseline.json",
    "eval-regression-candidate.json",
    "artifact.json",
    "decision.json",
    "provenance.json",
    "report.md",
    "events.jsonl",
    "train.log",
)
"""The files of a run in the order in which it makes them; others follow by name."""

_SIGNS: dict[Severity, tuple[str, Tone]] = {
    Severity.ERROR: ("✘", "bad"),
    Severity.WARNING: ("⚠", "warn"),
    Severity.INFO: ("·", "muted"),
}


def sign(severity: Severity) -> Cell:
    """The sign of a finding."""
    return Cell(*_SIGNS[severity])


@dataclass(slots=True)
class FileGroup:
    """A file with what was found in it; ``name`` is empty for the folder itself."""

    name: str
    exists: bool
    findings: list[Finding] = field(default_factory=list)

    @property
    def sign(self) -> Cell:
        """✘ with an error, ⚠ with a warning, else ✔."""
        for severity in (Severity.ERROR, Severity.WARNING):
            if any(finding.severity is severity for finding in self.findings):
                return sign(severity)
        return Cell("✔", "good") if self.exists else Cell("·", "muted")


def group(findings: Iterable[Finding], names: Iterable[str]) -> list[FileGroup]:
    """Every file of the folder and every file that a finding is about, in the order of a run."""
    groups = {name: FileGroup(name, exists=True) for name in names}
    for finding in findings:
        name = finding.file
        groups.setdefault(name, FileGroup(name, exists=not name)).findings.append(finding)
    rank = {name: index for index, name in enumerate(ORDER)}
    return sorted(groups.values(), key=lambda one: (rank.get(one.name, len(rank)), one.name))


def matching(groups: Sequence[FileGroup], text: str) -> list[FileGroup]:
    """The files and findings that hold a text in name, message or rule; all without one.

    A file whose name holds it keeps all its findings.
    """
    wanted = text.strip().casefold()
    if not wanted:
        return list(groups)
    found = []
    for one in groups:
        kept = one.findings
        if wanted not in (one.name or FOLDER).casefold():
            kept = [f for f in kept if wanted in f"{f.message} {f.rule}".casefold()]
            if not kept:
                continue
        found.append(FileGroup(one.name, one.exists, list(kept)))
    return found


def verdict(findings: Sequence[Finding]) -> Cell:
    """The findings in one line."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    parts = []
    if errors:
        parts.append(f"{errors} error" + ("s" if errors > 1 else ""))
    if warnings:
        parts.append(f"{warnings} warning" + ("s" if warnings > 1 else ""))
    if not parts:
        return Cell("✔ valid", "good")
    return Cell(("✘ " if errors else "⚠ ") + ", ".join(parts), "bad" if errors else "warn")


def line_in(finding: Finding, text: str) -> int | None:
    """The line (from 1) of a file's text that a finding is about; None where it has none."""
    if finding.line:
        return finding.line
    if finding.file.endswith(".jsonl"):
        index = finding.pointer.split("/")[1] if finding.pointer.startswith("/") else ""
        return int(index) + 1 if index.isdigit() and int(index) <= text.count("\n") else None
    if not finding.file.endswith(".json") or not text:
        return None
    return line_of(text, finding.pointer) if finding.pointer else _broken_line(text)


def _broken_line(text: str) -> int | None:
    """The line at which a text stops being JSON; None where it does not."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        end = len(text.rstrip())
        return text.count("\n", 0, min(error.pos, max(0, end - 1))) + 1
    except (RecursionError, ValueError):
        return 1
    return None


def place_like(
    finding: Finding | None, file: str, places: Sequence[tuple[str, Finding | None]]
) -> int | None:
    """Where the cursor belongs in another list of places: on the same finding, else on what is
    most like it in the same file; None where nothing of the file is left."""

    def likeness(place: tuple[str, Finding | None]) -> int:
        other_file, other = place
        if other_file != file:
            return 0
        if other == finding:
            return 5
        if finding is None or other is None:
            return 1
        if other.rule == finding.rule:
            return 4 if (other.pointer, other.line) == (finding.pointer, finding.line) else 3
        return 2

    best = max(range(len(places)), key=lambda at: likeness(places[at]), default=None)
    return best if best is not None and likeness(places[best]) else None
