"""``ranks.json``: who computed a training that ran as a group, and how each of them ended.

A rank is one process of the group. Rank 0 runs where the run folder is and alone writes into it.
"""

from __future__ import annotations

from pydantic import Field

from engine.records.base import Record, Text


class RankEnd(Record):
    """One rank at its end. ``host`` is as the settings name it; memory in bytes, None where it is
    not known. One of ``exit_code`` and ``signal`` is None, both where nobody could tell."""

    host: Text
    exit_code: int | None = None
    signal: int | None = None
    stopped: bool = False
    """Whether it was ended because another rank had ended before."""
    peak_rss_bytes: int | None = None
    """Its exact peak of resident memory, from the operating system of its host at its exit."""
    peak_mlx_bytes: int | None = None
    """MLX's own peak, as last reported."""
    log: str | None = None
    """The file of the run folder that holds what it printed; train.log for rank 0."""


class RankGroup(Record):
    """The ranks of one stage, in order; ``backend`` is how MLX passed numbers between them."""

    backend: Text
    ranks: list[RankEnd] = Field(default_factory=list)


class Ranks(Record):
    """``ranks.json``: by the name of the stage, its last attempt."""

    stages: dict[str, RankGroup] = Field(default_factory=dict)
