"""The ledger: every prompt and every reply of teachers, in the folder of a run or a loop.

A line is written before a request is sent and another when it has ended, so that a call that
nobody heard the end of is not forgotten: it counts as what it may have cost. Secrets are hidden.
Any thread may write.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from engine.plain_file import open_plain
from engine.records.base import utc_now
from engine.records.loop import Spent
from engine.records.teaching import CallEnded, CallMade, Turn
from engine.secrecy import Hider
from engine.teaching.errors import TeachingError

LEDGER = "teachers.jsonl"

MAX_LINE_BYTES = 64 * 2**20


class Ledger:
    """Appends to one file. TeachingError (``ledger``) where that fails: what cannot be kept is not
    asked."""

    def __init__(self, path: Path, hide: Hider) -> None:
        self.path = path
        self.hide = hide
        self._lock = threading.Lock()

    def asked(self, turns: Sequence[Turn], **values: Any) -> CallMade:
        """Write down that a request is about to be sent."""
        made = CallMade(
            call=uuid4().hex[:12],
            t=utc_now(),
            turns=[Turn(role=one.role, content=self.hide(one.content)) for one in turns],
            prompt_sha256=hashlib.sha256(turns[0].content.encode("utf-8", "replace")).hexdigest(),
            **values,
        )
        self._append(made)
        return made

    def ended(self, ended: CallEnded) -> None:
        """Write down what became of it."""
        self._append(ended)

    def _append(self, record: CallMade | CallEnded) -> None:
        text = json.dumps(record.model_dump(mode="json"), ensure_ascii=False, allow_nan=False)
        line = text.encode("utf-8", "replace") + b"\n"
        try:
            with self._lock, self.path.open("a+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                if end:
                    file.seek(end - 1)
                    if file.read(1) != b"\n":
                        line = b"\n" + line  # a crash cut the last line off: it stays by itself
                file.write(line)
                os.fsync(file.fileno())
        except OSError as error:
            raise TeachingError(
                f"{self.path.name} cannot be written ({error.strerror}), so no teacher is asked.",
                "ledger",
            ) from error


def calls_in(path: Path) -> Iterator[tuple[CallMade, CallEnded | None]]:
    """Each call of a ledger, in the order in which they were made; None has no end written down.

    A file that is not there has no calls. A line that is none of ours, or cut off, is passed over.
    """
    made: dict[str, CallMade] = {}
    ended: dict[str, CallEnded] = {}
    for record in _records(path):
        if isinstance(record, CallMade):
            made[record.call] = record
        else:
            ended[record.call] = record
    for call, one in made.items():
        yield one, ended.get(call)


def spent_in(path: Path) -> Spent:
    """What a ledger's calls took; one without an end counts as all that was reserved for it."""
    spent = Spent()
    for made, ended in calls_in(path):
        spent.calls += 1
        spent.tokens += made.reserved_tokens if ended is None else ended.counted_tokens
        spent.usd += (made.reserved_usd or 0.0) if ended is None else ended.counted_usd
    return spent


def _records(path: Path) -> Iterator[CallMade | CallEnded]:
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise TeachingError(f"{path.name} cannot be read ({error.strerror}).", "ledger") from error
    with file:
        while line := file.readline(MAX_LINE_BYTES):
            try:
                value = json.loads(line)
                kind = value.get("kind") if isinstance(value, dict) else None
                if kind == "asked":
                    yield CallMade.model_validate(value)
                elif kind == "answered":
                    yield CallEnded.model_validate(value)
            except (ValueError, ValidationError, RecursionError):
                continue
