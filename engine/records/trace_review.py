"""``trace-review.json``: what a person found when reading scored answers.

It is an annotation beside the evidence and no part of it: no gate reads it, it changes no score,
and so it may be written while a run is evaluated and after it was decided.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.records.base import Record, Sha256, Text, UtcTime


class FailureClass(StrEnum):
    """What kind of failure an answer is, in the order of their keys."""

    WRONG_COMMAND = "wrong-command"
    WRONG_ARGUMENT = "wrong-argument"
    FORMAT_COLLAPSE = "format-collapse"
    HALLUCINATED_NAME = "hallucinated-name"
    PROSE_AROUND = "prose-around-answer"
    REWARD_HACKING = "reward-hacking"
    PLAUSIBLE = "incorrect-but-plausible"


TITLES: dict[str, str] = {
    FailureClass.WRONG_COMMAND: "wrong command",
    FailureClass.WRONG_ARGUMENT: "wrong argument",
    FailureClass.FORMAT_COLLAPSE: "format collapse",
    FailureClass.HALLUCINATED_NAME: "hallucinated name",
    FailureClass.PROSE_AROUND: "prose around the answer",
    FailureClass.REWARD_HACKING: "reward hacking",
    FailureClass.PLAUSIBLE: "incorrect but plausible",
}
"""Each class as people say it."""


class Review(Record):
    """What was found in one answer.

    The answer is the row ``row_id`` of the rows that belong to ``record`` (such as
    ``eval-candidate.json``); ``suite`` and ``stage`` say the same in words. ``answer_sha256`` is
    the hash of the answer that was read: another hash now means that it was measured again.
    ``failure_class`` is free text here, so that a class of a later version is kept; validation
    says which are known. A review may be a note alone.
    """

    record: Text
    row_id: Text
    suite: Text
    stage: str | None = None
    failure_class: Text | None = None
    note: str | None = None
    answer_sha256: Sha256 | None = None
    by: str | None = None
    at: UtcTime | None = None


class TraceReview(Record):
    """``trace-review.json``."""

    run_id: str | None = None
    reviews: list[Review] = Field(default_factory=list)
