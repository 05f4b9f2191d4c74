"""The page of a public artifact for the terminal, in the order of the site. Pure.

Each number says how it stands to its record: ✔ equal, † historical, ✘ no longer equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.artifacts.checking import Checked
from engine.artifacts.wording import cell_text
from engine.checks.public.around import Around
from engine.checks.public.cells import cells_of
from engine.checks.public.competition import direct_problems, sentence, told_of
from engine.checks.public.entry import Entry as ArtifactFile
from engine.checks.public.seen import CellState
from engine.judge.noise import Told
from engine.numbers import HISTORICAL, NOT_RECORDED
from engine.publish.site.artifact_view import OUTCOME_MEANING, STATE_MEANING
from engine.publish.site.cells import interval_text
from engine.publish.site.competition import MEANING
from engine.records.public import Cell, Comparable, Competitor, PublicArtifact, Table
from tui.views.artifacts_list import OUTCOMES, SIGNS
from tui.views.cells import Tone
from tui.views.entries import Entry, Segment, clipped, entry
from tui.views.entries import sentence as wrapped
from tui.views.plain import plain
from tui.views.table_layout import Align, laid_out
from tui.views.table_layout import Table as Columns

LONG = 3000
"""Characters of a text that are shown; the file has the rest."""
CELL = 300
"""Characters of a cell of a table."""
ROWS = 200
"""Rows of a table, or items of a list."""

_TONES: dict[str, Tone] = {"✔": "good", HISTORICAL: "accent", "✘": "bad"}
_MARK = re.compile(f"([✔{HISTORICAL}]|✘.*?(?=  |$)|{NOT_RECORDED})")
_COUNTED = ("share", "percent", "pp", None)
"""Units of a score: of how many rows it is tells how sure it is."""
_HELD = {CellState.EQUAL, CellState.READ}
_BETTER: dict[Told, Segment] = {
    Told.BETTER: ("▲ ", "good"),
    Told.WORSE: ("▼ ", "bad"),
    Told.NOISE: ("≈ ", "warn"),
    Told.NOTHING: ("? ", "warn"),
}

Lines = Iterator[Entry]


def page_lines(one: Checked, cards: Sequence[str], width: int) -> list[Entry]:
    """All of the page; of a file that is no artifact, why. ``cards`` are the runs with a report
    card."""
    width = max(24, width - 1)
    if one.entry.artifact is None:
        return list(_unread(one, width))
    return list(_page(one.entry, one.entry.artifact, one.around, cards, width))


def _unread(one: Checked, width: int) -> Lines:
    yield entry((plain(one.entry.name, clip=200), "strong"))
    for finding in one.findings[:20]:
        yield _BLANK
        where = f"line {finding.line}: " if finding.line else ""
        yield from _text(f"✘ {where}{finding.message}", width, "bad")
        yield from _text(f"→ {finding.fix}", width, "accent")
    yield _BLANK
    yield from _text("f lists all findings, e opens the file.", width, "muted")


def _page(
    file: ArtifactFile, found: PublicArtifact, around: Around, cards: Sequence[str], width: int
) -> Lines:
    yield from _head(found, width)
    yield from _headline(found, around, width)
    yield from _evidence(found, around, width)
    yield from _competition(file, found, around, width)
    yield from _rejected(found, around, width)
    yield from _blockers(found, width)
    yield from _cards(found, around, cards, width)
    yield from _provenance(found, around, width)
    yield from _heading("Next action", width)
    yield from _text(found.next_action or NOT_RECORDED, width, "strong")
    yield _BLANK
    yield from _legend(around, width)


def _head(found: PublicArtifact, width: int) -> Lines:
    yield from _text(found.title or found.id, width, "strong")
    sign, tone = SIGNS[found.state]
    more = "".join(
        f" · {plain(text, clip=100)}"
        for text in (found.type, f"target {found.target}" if found.target else "")
        if text
    )
    row: list[Segment] = [
        (f"{sign} {found.state.value}", tone),
        (" · ", "muted"),
        (OUTCOME_MEANING[found.outcome], OUTCOMES[found.outcome]),
    ]
    yield Entry(clipped([*row, (more, "muted")], width))
    was = f" It was {found.previous_state.value} before." if found.previous_state else ""
    yield from _text(STATE_MEANING[found.state] + was, width, "muted")
    if found.summary.strip():
        yield _BLANK
        yield from _text(found.summary, width)
    if found.public_value.strip():
        yield _BLANK
        yield from _text(found.public_value, width, "muted")


def _headline(found: PublicArtifact, around: Around, width: int) -> Lines:
    yield from _heading("Headline", width)
    text = _cell(found.headline, "/headline", around)
    label = f"  {found.headline_label}" if found.headline_label else ""
    yield from _marked(wrapped(_clip(text + label), width, "strong"))
    if found.headline is not None and (ends := _between(found.headline, "/headline", around)):
        yield from _text(ends, width, "muted")
    if found.routing:
        yield from _text(f"Only here: {found.routing}", width, "warn")
    yield from _items("Can be published now", found.publishable_now, width)


def _evidence(found: PublicArtifact, around: Around, width: int) -> Lines:
    yield from _heading("Evidence", width)
    tables = [(f"/evidence/{number}", one) for number, one in enumerate(found.evidence)]
    if found.performance is not None:
        tables.append(("/performance", found.performance))
    if not tables:
        yield from _text(NOT_RECORDED, width, "muted")
    for number, (pointer, table) in enumerate(tables[:ROWS]):
        if number:
            yield _BLANK
        yield from _table(table, pointer, around, width)
    if found.performance is None:
        yield from _text("Latency, memory and speed: not recorded", width, "muted")


def _table(table: Table, pointer: str, around: Around, width: int) -> Lines:
    yield from _text(table.title, width, "accent")
    rows = [
        [row.label, *_cells(row.cells, f"{pointer}/rows/{number}/cells", around)]
        for number, row in enumerate(table.rows[:ROWS])
    ]
    yield from _grid([table.label_column, *table.columns], rows, width)
    yield from _rest(len(table.rows), "rows")
    if table.note:
        yield from _text(table.note, width, "muted")


def _rejected(found: PublicArtifact, around: Around, width: int) -> Lines:
    yield from _heading("Rejected attempts", width)
    if not found.rejected:
        yield from _text(NOT_RECORDED, width, "muted")
        return
    rows = []
    for number, one in enumerate(found.rejected[:ROWS]):
        cells = _cells(one.cells, f"/rejected/{number}/cells", around)
        cells += [NOT_RECORDED] * (len(found.rejected_columns) - len(cells))
        rows.append([one.attempt, *cells[: len(found.rejected_columns)], one.decision])
    yield from _grid(["Attempt", *found.rejected_columns, "Decision"], rows, width)
    yield from _rest(len(found.rejected), "attempts")
    for one in found.rejected[:ROWS]:
        if one.why:
            yield from _text(f"· {one.attempt}: {one.why}", width, "muted")


def _blockers(found: PublicArtifact, width: int) -> Lines:
    yield from _heading("Blockers", width)
    if not found.blockers:
        yield from _text("None is named.", width, "muted")
    for number, one in enumerate(found.blockers[:ROWS]):
        if number:
            yield _BLANK
        yield from _text(f"⊘ {one.blocker}", width, "bad")
        yield from _text(one.why, width, indent="  ")
        yield from _text(f"→ {one.unblock}", width, "accent", "  ")
    yield from _rest(len(found.blockers), "blockers")
    yield from _items("Limits", found.limits, width)


def _cards(found: PublicArtifact, around: Around, cards: Sequence[str], width: int) -> Lines:
    yield from _heading("Report card", width)
    if not found.runs:
        yield from _text("No run of this workspace is named.", width, "muted")
    for run in found.runs[:ROWS]:
        seen = around.runs.get(run)
        if seen is None or not seen.there:
            yield from _text(f"✘ {run} is not in this workspace", width, "bad")
            continue
        card = "report card" if run in cards else "no report card yet"
        when = f", decided {seen.decided[:10]}" if seen.decided else ""
        yield from _text(f"{run}: {seen.outcome.value}{when}; {card}", width)


def _provenance(found: PublicArtifact, around: Around, width: int) -> Lines:
    yield from _heading("Provenance", width)
    yield from _text(f"Licence: {found.licence or NOT_RECORDED}", width)
    if found.package:
        yield from _text(f"Package: {found.package}", width)
    data = [
        f"{one.name}: {one.licence or 'licence not recorded'}. {one.provenance or ''}".rstrip()
        for one in found.data
    ]
    yield from _items("Data", data, width)
    sources = [" · ".join(filter(None, (s.name, s.href, s.note))) for s in found.sources]
    yield from _items("Sources", sources, width)
    yield from _items("Links", [f"{one.label} · {one.href}" for one in found.links], width)
    yield from _items("Records", _records(found, around), width)


def _records(found: PublicArtifact, around: Around) -> list[str]:
    """The records that cells point into, and which of them no longer hold what is said."""
    wrong: dict[str, int] = {}
    for place in cells_of(found):
        if place.cell.record is not None:
            seen = around.values.get(place.pointer)
            file = place.cell.record.partition("#")[0]
            wrong[file] = wrong.get(file, 0) + (seen is not None and not seen.holds)
    return [f"{file} ✘ {bad} of its values differ" if bad else f"{file} ✔" for file, bad in
            wrong.items()]  # fmt: skip


# --- what it stands beside ------------------------------------------------------------------------


def _competition(file: ArtifactFile, found: PublicArtifact, around: Around, width: int) -> Lines:
    yield from _heading("Competition", width)
    if not found.competition:
        yield from _text("Nothing stands beside it yet.", width, "muted")
    first = True
    for label in Comparable:
        rows = [
            (f"/competition/{number}", one)
            for number, one in enumerate(found.competition)
            if one.comparable is label
        ]
        if not rows:
            continue
        if not first:
            yield _BLANK
        first = False
        yield from _text(label.value, width, "accent")
        yield from _text(MEANING[label], width, "muted")
        for pointer, one in rows[:ROWS]:
            yield from _competitor(file, one, pointer, around, width)
        yield from _rest(len(rows), "systems")


def _competitor(
    file: ArtifactFile, one: Competitor, pointer: str, around: Around, width: int
) -> Lines:
    scores = f"theirs {_cell(one.score, f'{pointer}/score', around)}"
    if one.ours is not None:
        scores += f", ours {_cell(one.ours, f'{pointer}/ours', around)}"
    yield from _text(f"{one.system}, {one.metric}", width, "strong", "  ")
    yield from _marked(wrapped(_clip(scores), width, "plain", "    "))
    if one.comparable is Comparable.DIRECT:
        problems = list(direct_problems(file, pointer, one, around))
        if any(finding.severity == "error" for finding in problems):
            for finding in problems:
                yield from _text(f"✘ {finding.message}", width, "bad", "    ")
        elif (told := told_of(pointer, one, around)) is not None:
            sign, tone = _BETTER[told.told]
            yield from _text(sign + sentence(told), width, tone, "    ")
        else:
            yield from _text("? What the difference is worth is not known.", width, "warn", "    ")
    if one.readout:
        yield from _text(one.readout, width, "muted", "    ")


# --- pieces ---------------------------------------------------------------------------------------

_BLANK = entry(("", "plain"))


def _heading(text: str, width: int) -> Lines:
    yield _BLANK
    yield entry((f"━━ {text} ", "accent"), ("━" * max(0, width - len(text) - 4), "faint"))


def _clip(text: str, most: int = LONG) -> str:
    return plain(text if len(text) <= most else f"{text[:most]} … the file has the rest (e)")


def _text(text: str, width: int, role: str = "plain", indent: str = "") -> Lines:
    yield from wrapped(_clip(text), width, role, indent)


def _items(name: str, items: Sequence[str], width: int) -> Lines:
    if items:
        yield _BLANK
        yield from _text(name, width, "accent")
        for one in items[:ROWS]:
            for number, line in enumerate(wrapped(_clip(one), width - 2)):
                yield from _marked([entry(("· " if not number else "  ", "muted"), *_plain(line))])
        yield from _rest(len(items), "more")


def _plain(line: Entry) -> list[Segment]:
    return [(text, "plain") for text, _ in line.row]


def _rest(count: int, what: str) -> Lines:
    if count > ROWS:
        yield entry((f"and {count - ROWS:,} {what} that are not shown; e opens the file", "muted"))


def _cell(cell: Cell | None, pointer: str, around: Around) -> str:
    """The number, how it stands to its record, and of how many rows it is."""
    seen = around.values.get(pointer)
    text = plain(cell_text(cell, seen), clip=CELL)
    if seen is not None and seen.state in _HELD:
        text += " ✔"
    if cell is None or cell.unit not in _COUNTED or text == NOT_RECORDED:
        return text
    n = cell.n or (seen.n if seen else None)
    return f"{text} of {n:,}" if n is not None else text


def _cells(cells: Sequence[Cell], pointer: str, around: Around) -> list[str]:
    return [_cell(one, f"{pointer}/{number}", around) for number, one in enumerate(cells[:50])]


def _between(cell: Cell, pointer: str, around: Around) -> str:
    """The interval of a number in a sentence; "" where none is known."""
    value, seen = around.number(pointer, cell), around.values.get(pointer)
    if value is None:
        return ""
    n = cell.n or (seen.n if seen else None)
    ends = interval_text(value, cell, n, cell.interval or (seen.interval if seen else None))
    return f"between {ends} (95 %)".replace(" to ", " and ") if ends else ""


def _grid(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Lines:
    titles = [plain(one, clip=CELL) for one in titles[:50]]
    whole = [
        tuple([*(plain(one, clip=CELL) for one in row), *[""] * len(titles)][: len(titles)])
        for row in rows
    ]
    aligns: tuple[Align, ...] = tuple("left" for _ in titles)
    table = Columns(tuple(titles), tuple(whole), aligns)
    for line in laid_out(table, width):
        row = clipped(((cell.text, cell.tone) for cell in line), width)
        yield from _marked([entry(*row)])


def _marked(lines: Sequence[Entry]) -> Lines:
    """Lines whose signs have their colours."""
    for line in lines:
        row: list[Segment] = []
        for text, role in line.row:
            for number, piece in enumerate(_MARK.split(text)):
                if piece:
                    row.append((piece, _TONES.get(piece[0], "muted") if number % 2 else role))
        yield entry(*row)


def _legend(around: Around, width: int) -> Lines:
    states = {one.state for one in around.values.values()}
    parts = []
    if states & _HELD:
        parts.append("✔ its record holds it")
    if CellState.HISTORICAL in states:
        parts.append(f"{HISTORICAL} historical: of public record, from before there were records")
    if any(not one.holds for one in around.values.values()):
        parts.append("✘ is not what its record holds, or has none")
    if parts:
        yield from _text(" · ".join(parts), width, "muted")
