"""Is a published site what would be published now? If not: which pages, and why each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from engine.artifacts.inputs import MISSING
from engine.publish.site.build import MANIFEST, Site
from engine.publish.site.published import Published, Written

Kind = Literal["stale", "new", "gone", "missing", "edited", "extra"]
"""stale: would be other now; new: would be written now; gone: would not be written any more;
missing: was written and is not there; edited: is not what was written; extra: was not written."""

_SHOWN = 3
_OF_A_HOST = frozenset({"CNAME", "robots.txt", "_headers", "_redirects"})
"""What hosts of static sites want beside the pages."""


@dataclass(frozen=True, slots=True)
class Staleness:
    address: str
    kind: Kind
    why: str


def staleness(site: Site, published: Published) -> list[Staleness]:
    """What differs, by address; nothing where the site is as it would be published now."""
    found = [*_pages(site, published), *_extras(published)]
    return sorted(found, key=lambda one: (one.address, one.kind))


def _pages(site: Site, published: Published) -> Iterator[Staleness]:
    for address in sorted({*site.files, *published.written} - {MANIFEST}):
        before, there = published.written.get(address), published.there.get(address)
        data = site.files.get(address)
        if data is None:
            yield Staleness(address, "gone", "its artifact, target or run is published no longer")
        elif before is None:
            yield Staleness(address, "new", "it was not published yet")
        else:
            if there is None:
                yield Staleness(address, "missing", "the file is not there any more")
            elif there != before.sha256:
                yield Staleness(address, "edited", "the file was changed after it was published")
            if hashlib.sha256(data).hexdigest() != before.sha256:
                yield Staleness(address, "stale", _reason(before, site.inputs[address]))


def _extras(published: Published) -> Iterator[Staleness]:
    for name in published.others:
        parts = PurePosixPath(name).parts
        if parts[0].startswith(".") or name in _OF_A_HOST:
            continue
        yield Staleness(name, "extra", "it was not made by this command")


def _reason(before: Written, now: dict[str, str]) -> str:
    """Which files changed since the page was published."""
    changed = [
        f"{name} {_change(before.inputs.get(name, MISSING), now.get(name, MISSING))}"
        for name in sorted({*before.inputs, *now})
        if before.inputs.get(name, MISSING) != now.get(name, MISSING)
    ]
    if not changed:
        return "another page changed that it names, or it was made by another version"
    rest = len(changed) - _SHOWN
    return ", ".join(changed[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _change(before: str, now: str) -> str:
    return "is new" if before == MISSING else "is gone" if now == MISSING else "changed"
