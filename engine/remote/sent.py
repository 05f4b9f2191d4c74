"""What was started on other machines from here, and what is known here of how it goes.

A line in ``.factory/queue/sent.jsonl`` for each, and one more when it is seen to be over. It is a
note for people: the run's records are over there, and nobody is asked here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from engine.plain_file import read_plain
from engine.records.base import Record, UtcTime, utc_now
from engine.records.status import RunStatus
from engine.remote import mirrors
from engine.remote.address import Address, AddressError, parse
from engine.remote.travelling import is_run_id

GONE = "gone"
"""How a run ended that is not there any more."""
_MAX_BYTES = 4 * 2**20


class Sent(Record):
    """A run that was started on another machine from here."""

    run: str
    target: str
    address: str
    when: UtcTime


class Ended(Record):
    """A run that was sent is over: ``ended`` is its last phase, or GONE."""

    run: str
    address: str
    ended: str
    when: UtcTime


def write_down(workspace: Path, line: Sent | Ended) -> None:
    """Add a line. OSError as it comes."""
    path = path_of(workspace)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "ab", buffering=0) as file:
        file.write(line.model_dump_json().encode() + b"\n")


def going_on(workspace: Path) -> list[tuple[Sent, Address, RunStatus | None]]:
    """The sent runs that have not ended as far as is known here, in the order sent.

    The status is what the copy of that machine was last told; None where it was told nothing.
    A line that cannot be read is passed over.
    """
    return [
        (sent, address, _told(address, sent.run))
        for sent, address in _open(workspace)
        if _how_it_ended(sent, address) is None
    ]


def note_ends(workspace: Path) -> None:
    """Write down which of them are over, so that it stays known when the copy or the run is
    deleted. OSError as it comes."""
    for sent, address in _open(workspace):
        if (how := _how_it_ended(sent, address)) is not None:
            write_down(
                workspace, Ended(run=sent.run, address=sent.address, ended=how, when=utc_now())
            )


def _how_it_ended(sent: Sent, address: Address) -> str | None:
    """The final phase that the copy knows, GONE where it was up to date after the run was sent and
    lacks it, else None."""
    if (status := _told(address, sent.run)) is not None:
        return str(status.phase) if status.phase.final else None
    root = mirrors.path_of(address)
    try:
        told = (root / ".factory" / mirrors.LINE_FILE).stat().st_mtime
    except OSError:
        return None
    state = mirrors.line_state(root)
    whole = state.get("state") == "up" and not state.get("behind")
    there = not is_run_id(sent.run) or (root / "runs" / sent.run).exists()
    return GONE if whole and told > sent.when.timestamp() and not there else None


def _open(workspace: Path) -> list[tuple[Sent, Address]]:
    """The runs that were sent and of which no line says that they are over."""
    lines = list(_lines(workspace))
    over = {(line.run, line.address) for line in lines if isinstance(line, Ended)}
    found = []
    for line in lines:
        if isinstance(line, Sent) and (line.run, line.address) not in over:
            with contextlib.suppress(AddressError):
                found.append((line, parse(line.address)))
    return found


def _lines(workspace: Path) -> Iterator[Sent | Ended]:
    try:
        lines = read_plain(path_of(workspace), _MAX_BYTES).splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        for kind in (Sent, Ended):  # each has a field that the other lacks
            with contextlib.suppress(ValidationError):
                yield kind.model_validate_json(line)


def _told(address: Address, run: str) -> RunStatus | None:
    if not is_run_id(run):
        return None
    path = mirrors.path_of(address) / "runs" / run / "run-status.json"
    try:
        return RunStatus.model_validate_json(read_plain(path, _MAX_BYTES))
    except (OSError, ValueError):
        return None


def path_of(workspace: Path) -> Path:
    """The file of a workspace in which it stands."""
    return workspace / ".factory" / "queue" / "sent.jsonl"
