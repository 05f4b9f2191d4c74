"""Runs that go to another machine's accelerator: who may take one, and what each says of itself.

``[queue] hosts`` of ``factory.toml`` names the machines in the order of preference.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.folder import exclusive
from engine.remote.address import parse
from engine.remote.asking import AskedInVain, ask_at
from engine.remote.choosing import LOCAL, Offer, Place, difference
from engine.remote.offering import offer
from engine.remote.sent import path_of
from engine.settings_file import load_table
from engine.workspace import Workspace

GREETING_S = 10.0
"""So long a machine may take to greet before it counts as away."""
OFFER_S = 120.0
"""So long it may take after that to say what it offers: it hashes the whole target."""


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
            told = _understood(
                ask_at(place.address, "offer", {"target": target}, GREETING_S, OFFER_S)
            )
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


@contextlib.contextmanager
def one_at_a_time(workspace: Path) -> Iterator[None]:
    """Between choosing a machine and the run's start nobody else here chooses. OSError."""
    path = path_of(workspace).with_name(".choosing")
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path):
        yield
