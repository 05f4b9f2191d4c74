"""The settings that differ between runs: one row a setting, one column a run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from engine.comparing.settings import MISSING, Missing, SettingRow, Value, value_text
from tui.views.compare_scores import Named
from tui.views.entries import Entry, Segment, entry, sentence
from tui.views.plain import fit, middle, plain

NARROWEST = 7
WIDEST = 22
_NAME = 26
_GAP = 1


def setting_entries(
    rows: Sequence[SettingRow],
    run_ids: Sequence[str],
    names: Mapping[str, Named],
    reference: str,
    looked_at: str | None,
    width: int,
) -> list[Entry]:
    """The table; "≠" stands before what differs from the reference.

    Where not all runs fit, the reference stands first and the columns move so that the run that
    is looked at is among those that are seen; how many are not is said.
    """
    if not rows:
        text = "All settings that are recorded are equal in these runs."
        return sentence(
            text if len(run_ids) > 1 else "There is one run only, so nothing can differ.", width
        )
    texts = {row.name: tuple(_text(value) for value in row.values) for row in rows}
    name_width = min(_NAME, max(width // 3, 10), max(cell_len(plain(row.name)) for row in rows))
    widest = max(NARROWEST + 2, min(WIDEST, (width - name_width) // 3 - _GAP))
    sizes = {
        run: min(
            widest,
            max(NARROWEST, 2 + max(cell_len(column[index]) for column in texts.values())),
        )
        for index, run in enumerate(run_ids)
    }
    shown = seen_columns(run_ids, sizes, reference, looked_at, width - name_width)
    left_out = len(run_ids) - len(shown)
    # What room is left goes to the names of the runs.
    spare = (width - name_width - sum(sizes[run] + _GAP for run in shown)) // len(shown)
    for run in shown:
        wanted = cell_len(names[run].name) + cell_len(names[run].mark.letter) + 3
        sizes[run] += max(0, min(spare, wanted - sizes[run]))
    found = []
    if left_out:
        runs = "run" if left_out == 1 else "runs"
        found.append(entry((f"{left_out} more {runs}: [ and ] move", "muted")))
    found.append(
        entry(
            (" " * name_width, "muted"),
            *(part for run in shown for part in _head(names[run], sizes[run], run, reference)),
        )
    )
    order = {run: index for index, run in enumerate(run_ids)}
    for row in rows:
        against = row.values[order[reference]]
        segments: list[Segment] = [(fit(middle(plain(row.name), name_width), name_width), "muted")]
        for run in shown:
            value, text = row.values[order[run]], texts[row.name][order[run]]
            other = run != reference and not _equal(value, against)
            size = sizes[run]
            role = "muted" if value is MISSING else "strong" if other else "plain"
            shown_text = middle(text, size - 2)
            segments.append((" " + ("≠" if other else " "), "accent"))
            segments.append((fit(shown_text, size - 2 + _GAP), role))
        found.append(entry(*segments, key=row.name))
    if any(value is MISSING for row in rows for value in row.values):
        found.append(entry(("·  not recorded", "muted")))
    return found


def seen_columns(
    run_ids: Sequence[str],
    sizes: Mapping[str, int],
    reference: str,
    looked_at: str | None,
    room: int,
) -> list[str]:
    """The runs whose columns fit: the reference, then as many in order as there is room for,
    beginning so that the one that is looked at is among them."""
    others = [run for run in run_ids if run != reference]
    room -= sizes[reference] + _GAP
    start = 0
    while True:
        shown: list[str] = []
        left = room
        for run in others[start:]:
            left -= sizes[run] + _GAP
            if left < 0:
                break
            shown.append(run)
        wanted = looked_at is None or looked_at == reference or looked_at not in others
        if wanted or looked_at in shown or start >= len(others) - 1:
            break
        start += 1
    if not shown and looked_at in others:
        shown = [str(looked_at)]
    chosen = {reference, *shown}
    return [reference, *(run for run in run_ids if run in chosen and run != reference)]


def _text(value: Value | Missing) -> str:
    return "·" if isinstance(value, Missing) else plain(value_text(value), clip=80)


def _head(named: Named, size: int, run: str, reference: str) -> list[Segment]:
    sign = "◆" if run == reference else " "
    letter = named.mark.letter
    room = size - 1 - cell_len(letter) - 1 + _GAP
    # The end of a name tells runs apart where there is room for little.
    name = fit(named.name, room - 1, align="path") if room >= 5 else ""
    return [
        (f" {sign}", "accent"),
        (letter + " ", named.mark.role),
        (fit(name, room - 1), "muted"),
    ]


def _equal(one: object, other: object) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other
