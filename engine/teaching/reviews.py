"""Asks a teacher to look rows through: what is wrong, how badly, and what would be better."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.records.teaching import RowReview
from engine.teaching.errors import TeachingError
from engine.teaching.tasks import Brief, lines_of
from engine.teaching.teacher import Teacher, Told
from engine.teaching.templates import fill

BATCH = 20
"""Rows that one call looks at."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was said of rows, by their place in the list, from 0. A row that nobody said anything
    of is ``not_reviewed``, which is not the same as ok."""

    reviews: list[RowReview]
    not_reviewed: list[int]
    calls: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    call_of: dict[int, str] = field(default_factory=dict)
    """The call of the ledger that each review is from, by the row's place."""


async def review_rows(
    teacher: Teacher, brief: Brief, rows: Sequence[Mapping[str, Any]], *, batch: int = BATCH
) -> Reviewed:
    """Reviews of ``rows``, in their order, one a row at most.

    TeachingError where a gold row is among them, or where not one row was reviewed.
    """
    brief.gold.refuse("rows", rows)
    texts, notes = brief.texts()
    starts = range(0, len(rows), batch)
    asked = [_batch(teacher, brief, texts, rows[at : at + batch], at) for at in starts]
    replies = await asyncio.gather(*asked, return_exceptions=True)
    found: dict[int, RowReview] = {}
    reviewed = Reviewed([], [], notes=notes)
    first: TeachingError | None = None
    for start, reply in zip(starts, replies, strict=True):
        if isinstance(reply, TeachingError):
            first = first or reply
            reviewed.left_out.append(str(reply))
            continue
        if isinstance(reply, BaseException):
            raise reply
        reviewed.calls.extend(reply.calls)
        reviewed.left_out.extend(reply.left_out)
        reviewed.notes.extend(one for one in reply.notes if one not in reviewed.notes)
        end = min(start + batch, len(rows))
        for one in reply.value:
            if not start <= one.index < end:
                reviewed.left_out.append(f"A review of row {one.index}, which was not shown.")
            elif one.index in found:
                reviewed.left_out.append(f"A second review of row {one.index}.")
            else:
                found[one.index] = one
                reviewed.call_of[one.index] = reply.calls[-1]
    if first is not None and not found:
        raise first
    reviewed.reviews.extend(found[index] for index in sorted(found))
    reviewed.not_reviewed.extend(index for index in range(len(rows)) if index not in found)
    return reviewed


async def _batch(
    teacher: Teacher,
    brief: Brief,
    texts: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    start: int,
) -> Told[list[RowReview]]:
    numbered = [{"index": start + place, "row": row} for place, row in enumerate(rows)]
    prompt = fill("review", {**texts, "rows": lines_of(numbered), "form": brief.form})
    return await teacher.ask_rows(prompt, RowReview, purpose="review")
