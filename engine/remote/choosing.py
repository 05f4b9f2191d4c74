"""Which of several machines takes a run: pure. Nobody is asked here.

The first that is free takes it; where none is, the one with the fewest runs before it, and of
those with as many the one that was named first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.remote.address import Address

LOCAL = "local"
"""This machine, as ``[queue] hosts`` names it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace that may take a run. ``address`` None is the one here."""

    address: Address | None = None

    def __str__(self) -> str:
        return LOCAL if self.address is None else self.address.host.strip("[]")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a machine says of itself: the runs that go on or wait there, and the hash of each file
    of the target, by its path in it; None where it has no such target."""

    before: tuple[str, ...]
    files: Mapping[str, str] | None


def choose(offers: Iterable[tuple[Place, Offer]]) -> tuple[Place, Offer] | None:
    """Where the run goes, and what was said there; None where nobody offers.

    ``offers`` is read no further than the first that is free.
    """
    best: tuple[Place, Offer] | None = None
    for place, offer in offers:
        if not offer.before:
            return place, offer
        if best is None or len(offer.before) < len(best[1].before):
            best = place, offer
    return best


def difference(target: str, here: Mapping[str, str], there: Mapping[str, str] | None) -> str | None:
    """Why a target over there is not the one here, by the first file that differs; None where it
    is the same."""
    if there is None:
        return f"it has no target {target}"
    for path in sorted({*here, *there}):
        if path not in there:
            return f"its target {target} lacks {path}"
        if path not in here:
            return f"its target {target} has {path}, which is not here"
        if here[path] != there[path]:
            return f"its target {target} has another {path}"
    return None
