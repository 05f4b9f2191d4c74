"""Public artifacts and what is known of where they lie, findings out. Pure."""

from __future__ import annotations

from engine.checks.finding import Finding, Severity
from engine.checks.public import (
    breadth,
    claims,
    competition,
    keys,
    numbers,
    parts,
    places,
    states,
    texts,
)
from engine.checks.public.around import Around
from engine.checks.public.entry import Entry

RULES = (
    parts.rules,
    states.rules,
    numbers.rules,
    competition.rules,
    claims.rules,
    breadth.rules,
    places.rules,
    texts.rules,
    keys.rules,
)


def check_artifact(entry: Entry, around: Around) -> list[Finding]:
    """Every finding, errors first, then by line. A file that is no artifact is told why alone."""
    found = list(entry.problems)
    if entry.artifact is not None:
        for rule in RULES:
            found += rule(entry, entry.artifact, around)
    order = list(Severity)
    return sorted(dict.fromkeys(found), key=lambda one: (order.index(one.severity), one.line))
