"""Do the tables of report.md still say what they were made to say? Pure.

A person may add to a report whatever they like. What is found here is a row of a table of ours
whose numbers are others than the records give: somebody typed them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error
from engine.checks.fingerprint import MADE_FROM, fingerprint
from engine.publish.report import render_report

_NUMBER = re.compile(r"[+−-]?\d[\d,]*(?:\.\d+)?")
_SECTIONS = ("## Data", "## Eval", "## Slice Metrics", "## Performance", "## Failures")
"""What is made from the records of the run alone. What other runs and the files around it have to
do with the rest may change while the report is right."""

_MOST = 20
"""Rows that are named, each as a finding."""


def edited_numbers(contents: RunContents) -> Iterator[Finding]:
    """Each row of a table that has other numbers than the records give.

    Only where the records are those that the report was made from: else all of it is older, which
    a rule says.
    """
    report = contents.report
    if report is None or f"{MADE_FROM}{fingerprint(contents)}" not in report:
        return
    lines = report.split("\n")
    there = set(lines)
    lost: dict[str, list[str]] = {}
    for _, line in _rows(render_report(contents).split("\n")):
        if line not in there:
            lost.setdefault(_without_numbers(line), []).append(line)
    count = 0
    for number, line in _rows(lines):
        meant = lost.get(_without_numbers(line))
        if not meant:
            continue
        wanted = meant.pop(0)
        count += 1
        if count <= _MOST:
            yield _finding(contents, number, line, wanted)


def _finding(contents: RunContents, number: int, line: str, wanted: str) -> Finding:
    said = next(
        (
            (has, gives)
            for has, gives in zip(_NUMBER.findall(line), _NUMBER.findall(wanted), strict=False)
            if has != gives
        ),
        ("other numbers", "others"),
    )
    name = line.strip("| ").partition(" |")[0] or "the row"
    return error(
        "report-edited",
        "report.md",
        "",
        f"Line {number} of report.md says {said[0]} in the row of {name}; the records give "
        f"{said[1]}.",
        f"Make the report anew: factory-tui report {contents.run_id}",
        line=number,
    )


def _rows(lines: list[str]) -> Iterator[tuple[int, str]]:
    """(line number, line) of the rows of tables in the sections that count."""
    here = False
    for number, line in enumerate(lines, start=1):
        if line.startswith("## "):
            here = line.startswith(_SECTIONS)
        elif here and line.startswith("|") and _NUMBER.search(line):
            yield number, line


def _without_numbers(line: str) -> str:
    return _NUMBER.sub("#", line)
