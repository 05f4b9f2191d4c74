"""The examples that were fixed and broken, a few of each with their texts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.publish.markdown import clip
from engine.publish.standing import Standing
from engine.records.evaluation import RowResult
from engine.records.report_card import CardExample, CardFlips

SHOWN = 4
"""Examples of each kind that a card has."""

LONGEST = 400
"""Characters kept of one text of an example."""


def flips(suites: Sequence[Standing]) -> Iterator[CardFlips]:
    """What changed on each suite whose answers could be paired."""
    for one in suites:
        counted = one.flips
        if counted is None or not one.before_rows or not one.after_rows:
            continue
        before = {row.id: row for row in one.before_rows}
        sign = 1 if one.direction == "higher" else -1
        fixed: list[CardExample] = []
        broken: list[CardExample] = []
        for row in one.after_rows:
            gain = sign * (row.score - before[row.id].score)
            kept = fixed if gain > 0 else broken
            if gain and len(kept) < SHOWN:
                kept.append(_example(before[row.id], row))
        yield CardFlips(
            suite=clip(one.suite, LONGEST),
            n=len(one.after_rows),
            fixed=counted[0],
            broken=counted[1],
            fixed_examples=fixed,
            broken_examples=broken,
        )


def _example(before: RowResult, after: RowResult) -> CardExample:
    return CardExample(
        id=clip(after.id, 80),
        slice=clip(after.slice, 80) if after.slice else None,
        prompt=clip(after.prompt, LONGEST),
        expected=clip(after.expected, LONGEST),
        before=clip(before.got, LONGEST),
        after=clip(after.got, LONGEST),
    )
