"""Where a campaign writes: the results log, the branch and the baseline's log."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.finding import Finding, error, warning
from engine.checks.protocol.around import Around
from engine.globs import matches, why_outside
from engine.records.protocol import Protocol

_COLUMNS = ("commit", "status", "description")


def rules(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    provenance = protocol.provenance
    yield from _written(file, protocol, "/provenance/resultsLog/path", provenance.results_log.path)
    if provenance.baseline_artifact_path is not None:
        pointer = "/provenance/baselineArtifactPath"
        yield from _written(file, protocol, pointer, provenance.baseline_artifact_path)
    yield from _columns(file, protocol)
    pattern = provenance.git_workflow.branch_pattern
    if why := why_no_branch(provenance.git_workflow.branch("x")):
        yield error(
            "protocol-branch",
            file,
            "/provenance/gitWorkflow/branchPattern",
            f"git refuses a branch that begins with {pattern!r}: it {why}.",
            'Write the beginning of a branch\'s name, as "research/".',
        )


def _written(file: str, protocol: Protocol, pointer: str, path: str) -> Iterator[Finding]:
    """A file that the campaign writes lies in the repository and is not a try's to change."""
    if why := why_outside(path):
        yield error(
            "protocol-path-outside",
            file,
            pointer,
            f"{path!r} {why}.",
            "Write it from the root of the repository.",
        )
        return
    surface = protocol.mutable_surface
    if matches(path, protocol.immutable_harness.paths):
        yield error(
            "protocol-log-harness",
            file,
            pointer,
            f"{path} is part of the harness, which must not change, and the campaign writes it.",
            "Give it another path.",
        )
    elif matches(path, surface.allowed_globs) and not matches(path, surface.forbidden_globs):
        yield error(
            "protocol-log-mutable",
            file,
            pointer,
            f"{path} may be changed by a try, which could rewrite its own history.",
            f"Add {path} to forbiddenGlobs, or narrow allowedGlobs.",
        )


def _columns(file: str, protocol: Protocol) -> Iterator[Finding]:
    columns, metric = protocol.provenance.results_log.columns, protocol.measurement.primary_metric
    pointer = "/provenance/resultsLog/columns"
    missing = [one for one in (*_COLUMNS, metric.name) if one not in columns]
    for name in missing:
        what = "the primary metric" if name == metric.name else "a column of every results log"
        yield warning(
            "protocol-columns",
            file,
            pointer,
            f"The results log has no column {name}, {what}.",
            f"Add {name} to columns.",
        )
    for name in sorted({one for one in columns if columns.count(one) > 1}):
        yield error(
            "protocol-columns",
            file,
            pointer,
            f"The results log has the column {name} twice.",
            "Keep one of them.",
        )
    for index, name in enumerate(columns):
        if re.search(r"[\t\r\n]", name):
            yield error(
                "protocol-columns",
                file,
                f"{pointer}/{index}",
                f"The column {name!r} holds a tab or a line break, which end a column.",
                "Give it a name without.",
            )


def why_no_branch(name: str) -> str | None:
    """Why git refuses a branch of this name; None where it takes it.

    The rules of ``git check-ref-format --branch``.
    """
    if re.search(r"[\x00-\x20\x7f~^:?*\[\\]", name):
        return "holds a space or one of ~ ^ : ? * [ \\"
    if ".." in name or "@{" in name:
        return "holds .. or @{"
    if name.startswith("-"):
        return "begins with -"
    if any(not part for part in name.split("/")):
        return "has an empty part between its slashes"
    if any(part.startswith(".") or part.endswith(".lock") for part in name.split("/")):
        return "has a part that begins with . or ends in .lock"
    if name.endswith("."):
        return "ends in ."
    return "is @ alone" if name == "@" else None
