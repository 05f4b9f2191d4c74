"""An experiment protocol and what is known about where it would run in, findings out."""

from __future__ import annotations

from dataclasses import replace

from engine.checks.documents import Document
from engine.checks.finding import Finding, Severity
from engine.checks.protocol import commands, limits, metrics, provenance, surface
from engine.checks.protocol.around import Around
from engine.records.protocol import Protocol

RULES = (surface.rules, commands.rules, limits.rules, metrics.rules, provenance.rules)


def check_protocol(document: Document, around: Around) -> list[Finding]:
    """Every finding, errors first. A document of the wrong form is told its form alone.

    Runs the patterns of the protocol against texts, each under a time limit; no other effects.
    """
    found = [_of_form(one) for one in document.problems]
    if isinstance(document.record, Protocol):
        for rule in RULES:
            found += rule(document.name, document.record, around)
    order = list(Severity)
    return sorted(dict.fromkeys(found), key=lambda one: order.index(one.severity))


def _of_form(finding: Finding) -> Finding:
    """A finding on the form, in a protocol's words. All of them are errors: a key that stands twice
    could have two readers run two different commands."""
    if finding.pointer == "/schemaKind":
        return replace(
            finding,
            rule="protocol-kind",
            severity=Severity.ERROR,
            fix='An experiment protocol says "schemaKind": "protocol". Is it another document?',
        )
    if finding.pointer == "/protocolVersion":
        return replace(
            finding,
            rule="protocol-version",
            severity=Severity.ERROR,
            fix='Version "1.0" is what is read here. Write the protocol in that version.',
        )
    return replace(finding, severity=Severity.ERROR)
