"""The cumulative table of each target: what was tried, step by step, beside its baseline. Pure.

Targets have different suites, so each has a table of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from engine.numbers import HISTORICAL
from engine.publish.journal.step import Step
from engine.publish.markdown import clip, escape, table
from engine.publish.numbers import score

MAX_COLUMNS = 12
"""More categories would make no table that can be read: the rarest are left out."""

MAX_ROWS = 200
ABSENT = "—"
NO_TARGET = "no target recorded"

_NOTE = 160


def by_target(steps: Iterable[Step]) -> dict[str, list[Step]]:
    """The steps of each target, in their order; targets by name, those without one at the end."""
    found: dict[str, list[Step]] = {}
    for one in steps:
        found.setdefault(one.target, []).append(one)
    return {name: found[name] for name in sorted(found, key=lambda name: (not name, name))}


def target_table(steps: Sequence[Step]) -> list[str]:
    """The table of one target, oldest step first, and below it what its signs mean."""
    columns, left_out = _columns(steps)
    rows: list[list[str]] = []
    seen: set[tuple[str | None, str | None]] = set()
    older = len(steps) - MAX_ROWS
    for number, one in enumerate(steps):
        if one.before is not None and one.ruler not in seen:
            rows.append(_baseline(one, columns, first=not seen))
            seen.add(one.ruler)
        if number >= older:
            rows.append(_row(one, columns))
    header = ["Step", "Dataset", "Adapter", "Overall", *map(escape, columns), "Notes"]
    lines = [*table(header, rows), "", f"{ABSENT} is not recorded."]
    if any(any(one.historical) for one in steps):
        lines[-1] += f" {HISTORICAL} was taken from an earlier measurement."
    if older > 0:
        lines.append(f"{older:,} older steps are not in the table.")
    if left_out:
        lines.append(f"{left_out} categories that few steps have are not in the table.")
    return lines


def _columns(steps: Sequence[Step]) -> tuple[list[str], int]:
    counts = Counter(name for one in steps for name in one.categories)
    common = {name for name, _ in counts.most_common(MAX_COLUMNS)}
    # In the order in which they came up: that of the suite.
    shown = [
        name for name in dict.fromkeys(n for s in steps for n in s.categories) if name in common
    ]
    return shown, len(counts) - len(shown)


def _baseline(one: Step, columns: Sequence[str], *, first: bool) -> list[str]:
    where = f"measured in {one.name}" if not one.base else f"{one.base}, measured in {one.name}"
    name = "Baseline" if first else f"Baseline of {one.name}"
    values = [_value(one.categories.get(name, (None, None))[0]) for name in columns]
    overall = _value(one.before, one.historical[0])
    return [escape(name), ABSENT, ABSENT, overall, *values, escape(clip(where, _NOTE))]


def _row(one: Step, columns: Sequence[str]) -> list[str]:
    values = [_value(one.categories.get(name, (None, None))[1]) for name in columns]
    note = f"{one.decision}: {one.note}" if one.note else one.decision
    return [
        escape(one.name),
        escape(one.dataset or "") or ABSENT,
        escape(one.adapter or "") or ABSENT,
        _value(one.after, one.historical[1]),
        *values,
        escape(clip(" ".join(note.split()), _NOTE)),
    ]


def _value(value: float | None, historical: bool = False) -> str:
    return ABSENT if value is None else score(value) + (f" {HISTORICAL}" if historical else "")
