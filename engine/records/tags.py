"""``tags.json``: words that a person gave a run. Judged by nothing."""

from __future__ import annotations

from pydantic import Field

from engine.records.base import Record, Text


class Tags(Record):
    """``tags.json``, in the place of the tags of ``config.json``."""

    tags: list[Text] = Field(default_factory=list)
