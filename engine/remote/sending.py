"""Runs that go to another machine's accelerator: who may take one, who was asked, what went where.

``[queue] hosts`` of ``factory.toml`` names the machines in the order of preference. What went where
is a line in ``.factory/queue/sent.jsonl``; it is a note for people, the run's records are over
there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.folder import exclusive
from engine.plain_file import read_plain
from engine.records.base import Record, UtcTime
from engine.records.status import RunStatus
from engine.remote import mirrors
from engine.remote.address import Address, AddressError, parse
from engine.remote.asking import AskedInVain, ask_at
from engine.remote.choosing import LOCAL, Offer, Place, difference
from engine.remote.offering import offer
from engine.settings_file import load_table
from engine.workspace import Workspace

ASK_S = 10.0
"""So long a machine may take to say what it offers before it counts as away."""
_MAX_SENT_BYTES = 4 * 2**20


class QueueTable(BaseModel):
    """``[queue]`` of factory.toml. A key that is not known here is a mistake and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hosts: list[str] = Field(default_factory=list)
    """``local``, and addresses of workspaces; the first that is free takes a run."""

    @field_validator("hosts")
    @classmethod
    def _are_places(cls, hosts: list[str]) -> list[str]:
        places = [_place(one) for one in hosts]
        twice = [str(one) for one in hosts if places.count(_place(one)) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is named twice")
        return hosts


def _place(word: str) -> Place:
    if word == LOCAL:
        return Place()
    if not word.startswith("ssh:"):
        raise ValueError(f"{word[:80]!r} is neither {LOCAL!r} nor an address as ssh://host/path")
    return Place(parse(word))


def places_of(workspace: Path) -> list[Place]:
    """The places that may take a run, in order; [] where none are named. SettingsError."""
    return [_place(one) for one in load_table(workspace, "queue", QueueTable).hosts]


def offers(
    workspace: Workspace,
    places: list[Place],
    target: str,
    skipped: Callable[[str], None],
) -> Iterator[tuple[Place, Offer]]:
    """What the places offer, each asked when its turn comes. ``skipped`` hears why one does not:
    it is away, or its target is not the same. NotCompared for a target here that is too large."""
    own = offer(workspace, target)
    for place in places:
        if place.address is None:
            yield place, own
            continue
        try:
            told = _understood(ask_at(place.address, "offer", {"target": target}, ASK_S))
        except AskedInVain as error:
            skipped(f"{place} is skipped: {error}")
            continue
        if (other := difference(target, own.files or {}, told.files)) is not None:
            skipped(f"{place} is skipped: {other}.")
            continue
        yield place, told


def _understood(told: Mapping[str, Any]) -> Offer:
    before, files = told.get("before"), told.get("files")
    if not isinstance(before, list) or not isinstance(files, dict | None):
        raise AskedInVain("Its answer is not understood. Install the same version on both.")
    hashes = None if files is None else {str(path): str(one) for path, one in files.items()}
    return Offer(tuple(str(one)[:200] for one in before), hashes)


# --- what went where ----------------------------------------------------------------


class Sent(Record):
    """A run that was started on another machine from here."""

    run: str
    target: str
    address: str
    when: UtcTime


@contextlib.contextmanager
def one_at_a_time(workspace: Path) -> Iterator[None]:
    """Between choosing a machine and starting there nobody else here chooses. OSError."""
    path = _sent_path(workspace).with_name(".choosing")
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path):
        yield


def write_down(workspace: Path, sent: Sent) -> None:
    """Add a line. OSError as it comes."""
    path = _sent_path(workspace)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "ab", buffering=0) as file:
        file.write(sent.model_dump_json().encode() + b"\n")


def going_on(workspace: Path) -> list[tuple[Sent, Address, RunStatus | None]]:
    """The sent runs that have not ended as far as is known here, in the order sent.

    The status is what the copy of that machine was last told; None where it was told nothing.
    Nobody is asked. A line that cannot be read is passed over.
    """
    found = []
    for sent, address in _all_sent(workspace):
        status = _told(address, sent.run)
        if status is None or not status.phase.final:
            found.append((sent, address, status))
    return found


def _all_sent(workspace: Path) -> Iterator[tuple[Sent, Address]]:
    try:
        lines = read_plain(_sent_path(workspace), _MAX_SENT_BYTES).splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        with contextlib.suppress(ValidationError, AddressError):
            sent = Sent.model_validate_json(line)
            yield sent, parse(sent.address)


def _told(address: Address, run: str) -> RunStatus | None:
    from engine.remote.travelling import is_run_id

    if not is_run_id(run):
        return None
    path = mirrors.path_of(address) / "runs" / run / "run-status.json"
    try:
        return RunStatus.model_validate_json(read_plain(path, _MAX_SENT_BYTES))
    except (OSError, ValueError):
        return None


def _sent_path(workspace: Path) -> Path:
    return workspace / ".factory" / "queue" / "sent.jsonl"
