"""What a win cost elsewhere is said beside it, with its number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.finding import Finding
from engine.checks.public.around import Around
from engine.checks.public.cells import is_number
from engine.checks.public.entry import Entry
from engine.records.public import PublicArtifact

_BREADTH = re.compile(r"breadth|regression|out[- ]of[- ]domain|general|kept|other tasks", re.I)


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    yield from _in_tables(entry, artifact)
    yield from _in_runs(entry, artifact, around)


def _in_tables(entry: Entry, artifact: PublicArtifact) -> Iterator[Finding]:
    """A table shows that breadth fell, and the copy above it is silent."""
    for number, table in enumerate(artifact.evidence):
        for index, row in enumerate(table.rows):
            numbers = [one.value for one in row.cells if is_number(one.value)]
            if len(numbers) < 2 or not _BREADTH.search(f"{table.title} {row.label}"):
                continue
            before, after = float(numbers[0] or 0), float(numbers[-1] or 0)
            if after < before and not _is_said(artifact, after):
                yield entry.warning(
                    "breadth-unsaid",
                    f"/evidence/{number}/rows/{index}",
                    f"{row.label[:80]} fell from {before:g} to {after:g}, and neither summary, "
                    "headline nor limits say so.",
                    f"Say it in the summary or in limits, with the number: {before:g} to "
                    f"{after:g}.",
                )


def _in_runs(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    """A run's record says that breadth fell, and no cell shows it."""
    shown = {
        (one.record or "").partition("#")[0]
        for table in artifact.evidence
        for row in table.rows
        for one in row.cells
    }
    for number, run in enumerate(artifact.runs):
        seen = around.runs.get(run)
        for fall in seen.falls if seen is not None else ():
            if fall.file not in shown:
                yield entry.warning(
                    "breadth-hidden",
                    f"/runs/{number}",
                    f"{fall.suite[:80]} fell from {fall.before:.3g} to {fall.after:.3g} in {run}, "
                    "and no table shows it.",
                    f"Add a row with record: {fall.file}#/score.",
                )


def _is_said(artifact: PublicArtifact, after: float) -> bool:
    said = [artifact.summary, artifact.headline_label or "", artifact.public_value]
    said += artifact.limits
    forms = {f"{after:g}", f"{after:.2f}", f"{after:.3f}", f"{100 * after:g}", f"{100 * after:.1f}"}
    return any(
        re.search(rf"(?<![\d.]){re.escape(form)}(?![\d])", text) for text in said for form in forms
    )
