"""The keys: the id is the file's name, and what is misspelt is not lost unseen."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from engine.checks.finding import Finding
from engine.checks.public.around import Around
from engine.checks.public.entry import Entry
from engine.records.public import PublicArtifact


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    if artifact.id != entry.id:
        yield entry.error(
            "artifact-id",
            "/id",
            f"The id is {artifact.id}, and the file is called {entry.path.name}.",
            f"Call it {artifact.id}.yaml, or write id: {entry.id}.",
        )
    yield from _unknown(entry, artifact, "")


def _unknown(entry: Entry, record: BaseModel, pointer: str) -> Iterator[Finding]:
    known = list(type(record).model_fields)
    for key in record.model_extra or {}:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.7)
        meant = (
            f"Did you mean {near[0]}?" if near else "See docs/artifacts.md for the keys there are."
        )
        yield entry.warning(
            "key-unknown",
            f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}",
            f"{key[:60]} is no key of this part, and is not on the page.",
            f"{meant} Else leave it out.",
        )
    for name in known:
        yield from _below(entry, getattr(record, name), f"{pointer}/{name}")


def _below(entry: Entry, value: Any, pointer: str) -> Iterator[Finding]:
    if isinstance(value, BaseModel):
        yield from _unknown(entry, value, pointer)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _below(entry, one, f"{pointer}/{number}")
