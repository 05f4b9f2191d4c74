"""``leakage.json``: which gold prompts stand in the training rows, and how it was searched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime

LeakKind = Literal["exact", "normalised", "inside", "near"]


class LeakHit(Record):
    """One gold prompt and the training row that is closest to it; places are ``file:line``.

    ``similarity`` is in [0, 1]; ``others`` counts further training rows that come near the same
    gold prompt. ``shown``: a data generator was shown this gold row as an example.
    """

    kind: LeakKind
    gold: Text
    training: Text
    similarity: float = Field(ge=0, le=1)
    others: int = Field(default=0, ge=0)
    shown: bool = False


class SuiteLeaks(Record):
    """What of one suite leaked. ``count`` is of gold prompts; ``hits`` are the first of them.

    ``shown`` counts the gold prompts that a data generator was shown, leaked or not.
    """

    suite: Text
    file: Text
    sha256: Sha256
    rows: int = Field(ge=0)
    count: int = Field(default=0, ge=0)
    hits: list[LeakHit] = Field(default_factory=list)
    shown: int = Field(default=0, ge=0)


class Leakage(Record):
    """The search for gold rows in the rows that were trained on.

    ``refused`` counts rows that were kept out of the training rows at the door because they came
    near a gold prompt; the ``suites`` say what stands in them all the same. The settings are those
    of the search for near rows: the least Jaccard similarity of character runs of length ``gram``.
    """

    training_file: Text
    training_sha256: Sha256
    training_rows: int = Field(ge=0)
    threshold: float = Field(gt=0, le=1)
    gram: int = Field(ge=1)
    template_share: float = Field(gt=0, le=1)
    numbers_matter: bool
    refused: dict[LeakKind, int] = Field(default_factory=dict)
    suites: list[SuiteLeaks]
    date: UtcTime
