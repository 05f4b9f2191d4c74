"""Messages on a line: a JSON object, its line's end, and as many bytes as its ``bytes`` says."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

MAX_HEAD = 64 * 2**20
"""The longest head: what the copying end holds of ten thousand runs is some 12 MB."""
MAX_BODY = 16 * 2**20


class LineError(Exception):
    """What came is not what two ends of a line say to each other, or the line ended."""


def send(out: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    """Write one message; OSError (BrokenPipeError) where nobody reads."""
    if body:
        head = {**head, "bytes": len(body)}
    text = json.dumps(head, ensure_ascii=True, separators=(",", ":"))
    out.write(text.encode() + b"\n" + body)


def receive(source: BinaryIO, most: int = MAX_HEAD) -> tuple[dict[str, Any], bytes]:
    """The next message. LineError for an end, half a message, and what is none."""
    line = source.readline(most)
    if not line:
        raise LineError("the connection ended")
    if not line.endswith(b"\n"):
        raise LineError("the connection ended in the middle of a message")
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        raise LineError("what came is no message of a factory-tui") from None
    if not isinstance(head, dict):
        raise LineError("what came is no message of a factory-tui")
    length = head.get("bytes", 0)
    if type(length) is not int or not 0 <= length <= MAX_BODY:
        raise LineError("a message announces more than fits into one")
    body = source.read(length) if length else b""
    if len(body) != length:
        raise LineError("the connection ended in the middle of a message")
    return head, body
