"""Reads an experiment protocol: its bytes, their hash, and the document; or a sentence why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.agreed import Kind, hash_of
from engine.checks.documents import Document, document_of
from engine.plain_file import open_plain
from engine.records.protocol import Protocol

MAX_BYTES = 2**20
"""No protocol is larger."""


class ProtocolError(Exception):
    """A file that is no protocol; the text says which, where and why."""


@dataclass(frozen=True, slots=True)
class ReadProtocol:
    """A protocol as it was read. ``sha256`` is of ``data``, the bytes of the file."""

    path: Path
    data: bytes
    sha256: str
    protocol: Protocol
    document: Document

    @property
    def agreed_as(self) -> str:
        """The hash by which its commands are agreed to."""
        return hash_of(Kind.PROTOCOL, self.data)


def read_protocol(path: Path) -> ReadProtocol:
    """The protocol of a file; ProtocolError says every thing that is wrong with its form."""
    data = read_protocol_bytes(path)
    document = read_document(path.name, data)
    wrong = [one.message for one in document.problems]
    if wrong or not isinstance(document.record, Protocol) or document.sha256 is None:
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        raise ProtocolError(f"{' '.join(wrong[:3])}{more} → factory-tui protocol check {path}")
    return ReadProtocol(path, data, document.sha256, document.record, document)


def read_protocol_bytes(path: Path) -> bytes:
    """The bytes of a protocol's file. ProtocolError where it is not there, cannot be read, is no
    ordinary file or is larger than ``MAX_BYTES``."""
    try:
        with open_plain(path) as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ProtocolError(f"There is no file {path}.") from error
    except OSError as error:
        raise ProtocolError(f"{path} cannot be read ({error.strerror or error}).") from error
    if len(data) > MAX_BYTES:
        raise ProtocolError(
            f"{path} is larger than {MAX_BYTES // 2**20} MB; no protocol is. Is it another file?"
        )
    return data


def read_document(name: str, data: bytes) -> Document:
    """What the bytes hold, with all that is wrong with their form. A key that stands twice counts
    as wrong: two readers would run two different commands."""
    return document_of(name, data, Protocol)
