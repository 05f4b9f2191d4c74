"""Checks a protocol's file against this machine and a repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.checks.documents import Document
from engine.checks.finding import Finding, Severity
from engine.checks.protocol import check_protocol
from engine.protocols.around import look_around
from engine.protocols.reading import read_document, read_protocol_bytes
from engine.records.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding as a campaign tells it, in a line."""

    finding: Finding

    @property
    def is_error(self) -> bool:
        return self.finding.severity is Severity.ERROR

    @property
    def line(self) -> str:
        return f"{self.finding.pointer or '/'}: {self.finding.message} {self.finding.fix}"


def check_file(path: Path, repo: Path | None) -> list[Remark]:
    """All that is wrong or worth a look, errors first, notes left out. ProtocolError where a file
    cannot be read."""
    _, findings = findings_of(path, repo)
    return [Remark(one) for one in findings if one.severity is not Severity.INFO]


def findings_of(path: Path, repo: Path | None) -> tuple[Document, list[Finding]]:
    """The document as found, and every finding. ProtocolError where it or ``repo`` cannot be
    read."""
    document = read_document(path.name, read_protocol_bytes(path))
    record = document.record if isinstance(document.record, Protocol) else None
    return document, check_protocol(document, look_around(record, repo))
