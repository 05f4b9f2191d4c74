"""``specialists/<id>/specialist.lock.json``: what exactly a packaged specialist is made of.

Nothing in it is taken from the clock: the same run gives the same lock. No path of a machine is in
it: what lies in the workspace is named from there, a hub model by its id.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime


class LockedBase(Record):
    """The model under the adapter. None is "not recorded", or "was not on the disk of the one who
    packaged"."""

    id: Text
    revision: str | None = None
    precision: str | None = None
    """As the run's config names it."""
    path: str | None = None
    """Relative to the workspace; None for a model of the hub, or one that lies elsewhere."""
    architecture: str | None = None
    quantisation: str | None = None
    headers_sha256: Sha256 | None = None
    """Over config.json and the weights' headers: equal for models of one shape and precision."""
    tokenizer_sha256: Sha256 | None = None
    chat_template_sha256: Sha256 | None = None


class LockedWeights(Record):
    """What was trained: an adapter, or a whole (fused) model."""

    kind: Text
    format: Text
    path: str | None = None
    """Relative to the workspace; None where it lies elsewhere."""
    files: dict[str, Sha256] = Field(default_factory=dict)
    """The hashes that were noted when training ended, else those of the files on disk."""
    noted: bool = False
    """Whether the hashes are those that were noted when training ended."""
    bytes: int | None = Field(default=None, ge=0)
    """Of all ``files`` together; None where they are not on disk."""


class LockedSuite(Record):
    name: Text
    sha256: Sha256 | None = None
    scorer: str | None = None
    metric: str | None = None
    n: int | None = Field(default=None, ge=1)


class LockedPrompt(Record):
    """The example of ``prompt.md``: no row that the model was judged on."""

    messages: list[dict[str, Any]] = Field(min_length=1)
    """Without the answer; the system's message first, where there is one."""
    origin: Text
    """Where its words come from."""
    max_new_tokens: int = Field(ge=1)


class SpecialistLock(Record):
    """The lock file."""

    id: Text
    run_id: Text
    target: Text
    date: UtcTime | None = None
    """When it was decided."""
    decision_sha256: Sha256
    verified: bool
    """Whether every number could be traced to a measurement; ``model_card.md`` says where not."""
    routing_constraint: str | None = None
    base: LockedBase
    weights: LockedWeights
    suites: list[LockedSuite]
    prompt: LockedPrompt
    packages: dict[str, str] = Field(default_factory=dict)
    """The versions that trained and judged it, by package."""
    fingerprint: Sha256
    """Of the records that the package was made from."""
    files: dict[str, Sha256]
    """The other files of the package, as they were written."""
