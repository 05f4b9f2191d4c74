"""The outward form of files: what reads the same to us and may not to another program."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, info, warning
from engine.judge.comparison import ROUNDING

# As engine.folder's atomic write names its temporary files.
_TEMPORARY = re.compile(r"\.(?P<of>[^/]+)\.[a-z0-9_]{8}")


def line_ends(contents: RunContents) -> Iterator[Finding]:
    """Records are UTF-8 without a mark, with line feeds alone."""
    for name, document in contents.documents.items():
        if document.marked:
            yield warning(
                "byte-mark",
                name,
                "",
                f"{name} begins with a byte order mark, which other JSON readers refuse.",
                f"Save {name} as UTF-8 without one.",
            )
        if document.text is not None and "\r\n" in document.text:
            yield info(
                "line-ends",
                name,
                "",
                f"{name} has the line ends of Windows.",
                f"Save {name} with line feeds alone.",
            )


def left_over(contents: RunContents) -> Iterator[Finding]:
    """No temporary file is left of a write that was cut short."""
    if contents.supervisor_alive:
        return
    for name in sorted(contents.names):
        if (of := temporary_of(name)) is not None:
            yield info(
                "left-over",
                name,
                "",
                f"{name} is what a write of {of} that was cut short left behind.",
                "Remove it: nothing reads it.",
            )


def temporary_of(name: str) -> str | None:
    """The file that a temporary one was to become; None for any other name."""
    match = _TEMPORARY.fullmatch(name)
    return match["of"] if match and match["of"].endswith((".json", ".jsonl", ".md")) else None


def uncounted(contents: RunContents) -> Iterator[Finding]:
    """An evaluation says how many examples it scored; where its rows are its own, they say."""
    for file, record in contents.evals.items():
        rows = contents.rows.get(file)
        if record.n is not None or not rows:
            continue
        if abs(math.fsum(row.score for row in rows) / len(rows) - record.score) <= ROUNDING:
            yield info(
                "rows-uncounted",
                file,
                "",
                f"{file} does not say how many examples were scored; its rows are {len(rows)}.",
                f'Add "n": {len(rows)}.',
            )
