"""``report.md`` of a package: the run's report without the rows that it was judged on.

A suite whose rows anybody can read is soon in somebody's training data, and measures nothing then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.publish.examples_section import EXAMPLES
from engine.publish.markdown import table

_HEAD = table(EXAMPLES, [])[0]
_COUNTED = re.compile(r"The first \d+ of \d+:")
_INSTEAD = "The examples are in the run's own report: rows that it was judged on are not published."


def public_report(text: str) -> str:
    """The report with a sentence in the place of each table of examples."""
    return "\n".join(_lines(text.split("\n")))


def _lines(lines: list[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        if line == _HEAD:
            inside = True
            yield _INSTEAD
        inside = inside and line.startswith("|")
        if not inside and not _COUNTED.fullmatch(line):
            yield line
