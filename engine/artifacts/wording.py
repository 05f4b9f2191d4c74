"""A public artifact in plain words, for a terminal and for whoever reads one there."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import date

from engine.artifacts.checking import Checked
from engine.checks.public.around import Around
from engine.checks.public.competition import sentence, told_of
from engine.checks.public.entry import Entry
from engine.checks.public.seen import CellSeen, CellState
from engine.numbers import HISTORICAL, NOT_RECORDED
from engine.publish.site.cells import value_text
from engine.records.public import (
    STATE_ORDER,
    Cell,
    Comparable,
    Competitor,
    PublicArtifact,
    Table,
)

WIDTH = 96


def in_order(entries: Sequence[Checked]) -> list[Checked]:
    """What is ready first, parked last, within a state the newest first; what cannot be read at
    the end."""

    def place(one: Checked) -> tuple[int, int, str]:
        artifact = one.entry.artifact
        if artifact is None:
            return len(STATE_ORDER), 0, one.entry.id
        newest = -(artifact.updated or date.min).toordinal()
        return STATE_ORDER.index(artifact.state), newest, artifact.id

    return sorted(entries, key=place)


def cell_text(cell: Cell | None, seen: CellSeen | None) -> str:
    """A cell as it is read: the number with its unit and rows, † where it is historical, ✘ with
    what the record holds where that is another number."""
    if cell is None:
        return NOT_RECORDED
    value = cell.value
    if value is None and seen is not None:
        value = seen.recorded
    if value is None:
        return NOT_RECORDED
    text = value if isinstance(value, str) else value_text(value, cell)
    if seen is not None and not seen.holds:
        held = seen.recorded
        if seen.state is not CellState.DIFFERS or held is None:
            return f"{text} ✘ {seen.state.value}"
        shown = held if isinstance(held, str) else value_text(held, cell)
        return f"{text} ✘ the record holds {shown}"
    return f"{text}{HISTORICAL}" if cell.historical else text


def headline_text(entry: Entry, around: Around) -> str:
    """The one number with what it is; "not recorded" without one."""
    artifact = entry.artifact
    if artifact is None or artifact.headline is None:
        return NOT_RECORDED
    number = cell_text(artifact.headline, around.values.get("/headline"))
    return f"{number} {artifact.headline_label or ''}".strip()


def in_words(checked: Checked) -> Iterator[str]:
    """Lines that say all that the page says. Nothing for a file that is no artifact."""
    artifact, around = checked.entry.artifact, checked.around
    if artifact is None:
        return
    yield from (artifact.title or artifact.id, "=" * len(artifact.title or artifact.id))
    kind = [artifact.type or "no type", artifact.state.value, artifact.outcome.value]
    yield " · ".join([*kind, f"target {artifact.target}"] if artifact.target else kind)
    yield from _paragraph("", artifact.summary)
    yield from _paragraph("Public value", artifact.public_value)
    yield from _paragraph("Headline", headline_text(checked.entry, around))
    if artifact.routing:
        yield from _paragraph("Use it only here", artifact.routing)
    yield from _list("Can be published now", artifact.publishable_now)
    for number, table in enumerate(artifact.evidence):
        yield from _table(table, f"/evidence/{number}", around)
    if artifact.performance is not None:
        yield from _table(artifact.performance, "/performance", around)
    yield from _competition(artifact, around)
    yield from _rejected(artifact, around)
    yield from _list(
        "Blockers", [f"{one.blocker}. {one.why} → {one.unblock}" for one in artifact.blockers]
    )
    yield from _list("Limits", artifact.limits)
    yield from _list(
        "Data",
        [
            f"{one.name}: {one.licence or 'licence not recorded'}. {one.provenance or ''}".rstrip()
            for one in artifact.data
        ],
    )
    yield from _list(
        "Sources", [" · ".join(filter(None, (s.name, s.href, s.note))) for s in artifact.sources]
    )
    yield from _list("Links", [f"{one.label} · {one.href}" for one in artifact.links])
    yield from _list("Runs", artifact.runs)
    yield from _paragraph("Licence", artifact.licence or NOT_RECORDED)
    yield from _paragraph("Next", artifact.next_action or NOT_RECORDED)
    if any(one.state is CellState.HISTORICAL for one in around.values.values()):
        yield from (
            "",
            f"{HISTORICAL} historical: of public record, from before there were records.",
        )


def _wrap(text: str, first: str = "", others: str = "") -> list[str]:
    """Lines of a text; an address is not broken, so that it can be followed."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _paragraph(name: str, text: str) -> Iterator[str]:
    if text.strip():
        yield ""
        yield from _wrap(f"{name}: {text}" if name else text)


def _list(name: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield from ("", f"{name}:")
        for one in items:
            yield from _wrap(one, "  - ", "    ")


def _table(table: Table, pointer: str, around: Around) -> Iterator[str]:
    rows = [
        (row.label, *_cells(row.cells, f"{pointer}/rows/{number}/cells", around))
        for number, row in enumerate(table.rows)
    ]
    yield from _grid(table.title, (table.label_column, *table.columns), rows)
    if table.note:
        yield from _wrap(table.note, "  ", "  ")


def _rejected(artifact: PublicArtifact, around: Around) -> Iterator[str]:
    rows = [
        (one.attempt, *_cells(one.cells, f"/rejected/{number}/cells", around), one.decision)
        for number, one in enumerate(artifact.rejected)
    ]
    if rows:
        yield from _grid("Not taken", ("Attempt", *artifact.rejected_columns, "Decision"), rows)


def _competition(artifact: PublicArtifact, around: Around) -> Iterator[str]:
    for label in Comparable:
        found = [
            (number, row)
            for number, row in enumerate(artifact.competition)
            if row.comparable is label
        ]
        if not found:
            continue
        yield from ("", f"{label.value}:")
        for number, row in found:
            yield from _wrap(_competitor(row, f"/competition/{number}", around), "  - ", "    ")


def _competitor(row: Competitor, pointer: str, around: Around) -> str:
    theirs = cell_text(row.score, around.values.get(f"{pointer}/score"))
    text = f"{row.system}, {row.metric}: {theirs}"
    if row.ours is not None:
        text += f"; ours {cell_text(row.ours, around.values.get(f'{pointer}/ours'))}"
    if row.comparable is Comparable.DIRECT and (told := told_of(pointer, row, around)):
        text += f". {sentence(told)}"
    elif row.readout:
        text += f". {row.readout}"
    return text


def _cells(cells: Sequence[Cell], pointer: str, around: Around) -> list[str]:
    return [
        cell_text(one, around.values.get(f"{pointer}/{number}")) for number, one in enumerate(cells)
    ]


def _grid(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table with columns as wide as their longest cell; rows may be short of cells."""
    columns = max(len(header), *(len(row) for row in rows))
    whole = [[*row, *[""] * (columns - len(row))] for row in (header, *rows)]
    widths = [max(len(row[number]) for row in whole) for number in range(columns)]
    yield from ("", f"{title}:")
    for row in whole:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {line}".rstrip()
