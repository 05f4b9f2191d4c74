"""What was found in a public artifact, as lines with the place each is about. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.checks.finding import Finding
from tui.views.entries import Entry, clipped, entry, sentence
from tui.views.findings_view import sign
from tui.views.plain import plain

MOST = 500
"""More findings than these are counted."""


def finding_lines(findings: Sequence[Finding], width: int) -> list[Entry]:
    """Where, what and what to do of each; the key is its number in ``findings``."""
    if not findings:
        return sentence("✔ Nothing was found that is wrong.", width - 1, "good", " ")
    lines: list[Entry] = []
    for number, one in enumerate(findings[:MOST]):
        mark = sign(one.severity)
        where = f"line {one.line}" if one.line else "the file"
        place = plain(one.pointer, clip=120)
        row = [(f" {mark.text} ", mark.tone), (where, "strong"), (f"  {place}  ", "muted"),
               (one.rule, "faint")]  # fmt: skip
        lines.append(Entry(clipped(row, width), key=str(number)))
        if not number or findings[number - 1].file != one.file:
            lines += sentence(plain(one.file, clip=200), width - 1, "muted", "   ")
        lines += sentence(plain(one.message, clip=1500), width - 1, "plain", "   ")
        lines += sentence("→ " + plain(one.fix, clip=1500), width - 1, "accent", "   ")
        lines.append(entry(("", "plain")))
    if len(findings) > MOST:
        lines.append(entry((f" and {len(findings) - MOST:,} more", "muted")))
    return lines
