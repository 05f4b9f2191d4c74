"""The event log: whole lines, numbered without gaps."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, warning

_SHOWN = 3


def events(contents: RunContents) -> Iterator[Finding]:
    """Lines that are no event, and numbers that are missing or stand twice."""
    seen = contents.events
    if seen is None:
        return
    if seen.broken:
        lines = ", ".join(map(str, seen.broken[:_SHOWN]))
        more = "…" if len(seen.broken) > _SHOWN else ""
        yield warning(
            "events-broken",
            "events.jsonl",
            "",
            f"events.jsonl has {_count(len(seen.broken), 'line')} that is no event "
            f"(line {lines}{more}); a crash may have cut it off.",
            "Nothing to do: readers pass over it.",
            line=seen.broken[0],
        )
    for line, wanted, found in seen.gaps[:_SHOWN]:
        yield error(
            "events-gap",
            "events.jsonl",
            "",
            f"events.jsonl jumps at line {line}: number {found} stands where {wanted} belongs, "
            "so events were lost, changed or added.",
            "Restore events.jsonl from a copy; it is only ever appended to.",
            line=line,
        )
    if seen.unfinished and contents.supervisor_alive is not True:
        yield warning(
            "events-broken",
            "events.jsonl",
            "",
            "The last line of events.jsonl has no end: a crash cut it off.",
            "Nothing to do: resuming the run ends the line.",
            line=seen.lines,
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
