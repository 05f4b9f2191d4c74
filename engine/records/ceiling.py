"""The ceiling of a suite: what a stronger model scores on it, as measured.

``ceilings.json`` of a target holds them; a run keeps the copy that was there when it was made."""

from __future__ import annotations

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime
from engine.records.evaluation import Direction


class Ceiling(Record):
    """A stronger model's score on one suite, to tell a hard suite from a broken one.

    ``score`` is in the unit of the suite's metric, ``n`` how many rows it was measured on.
    It holds only for the suite file with the hash ``suite_sha256``. ``command`` is what was run.
    """

    suite: Text
    suite_sha256: Sha256
    model: Text
    command: Text
    date: UtcTime
    score: float
    n: int = Field(ge=0)
    metric: str | None = None
    direction: Direction = "higher"


class Ceilings(Record):
    """``ceilings.json``: at most one ceiling for each version of a suite."""

    ceilings: list[Ceiling] = Field(default_factory=list)
