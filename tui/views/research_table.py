"""The table of a campaign's tries: which columns there is room for, in which order. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.views import cells
from tui.views.entries import Entry, Segment, clipped, sentence
from tui.views.entries import entry as line
from tui.views.plain import fit, plain
from tui.views.research_tries import SIGNS, Tried

Cells = tuple[str, str]
"""A text and its role."""

ORDERS = ("newest", "best", "gain", "time", "memory", "verdict")
"""What the table can be sorted by; ``gain`` is the difference to the best before."""

_LEAST = 16
"""Cells that a description needs before another column is worth its room."""

_ORDER_OF_WHAT = ("keep", "open", "discard", "crash", "refused", "unreadable")


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cells: int
    of: Callable[[Tried], Cells]


def _absent(text: str, role: str = "plain") -> Cells:
    return (text, "muted" if text == cells.ABSENT else role)


def half_width(one: Tried) -> float | None:
    """Half the interval of a try's mean; None where none was recorded."""
    pair = one.verdict.interval if one.verdict is not None else None
    if pair is None or not all(map(math.isfinite, pair)):
        return None
    return abs(pair[1] - pair[0]) / 2


def _number(one: Tried) -> Cells:
    return ("base" if one.number == 0 else str(one.number), "muted")


def _metric(one: Tried) -> Cells:
    return _absent(cells.number(one.score), "strong")


def _interval(one: Tried) -> Cells:
    half = half_width(one)
    return ("", "muted") if half is None else (f"±{cells.number(half)}", "muted")


def _difference(one: Tried) -> Cells:
    found = one.verdict.difference if one.verdict is not None else None
    text = cells.difference(found[0] if found else None, share=False)
    return (text, "good" if _better(one) else "muted")


def _better(one: Tried) -> bool:
    chance = one.verdict.probability if one.verdict is not None else None
    return chance is not None and chance > 0.5


def _probability(one: Tried) -> Cells:
    chance = one.verdict.probability if one.verdict is not None else None
    if chance is None:
        return (cells.ABSENT, "muted")
    # Rounded to 100 % it would claim to be certain.
    text = ">99%" if 0.995 <= chance < 1 else "<1%" if 0 < chance < 0.005 else f"{chance:.0%}"
    return (text, "plain")


def _lines(one: Tried) -> Cells:
    saved = one.verdict.lines_saved if one.verdict is not None else None
    if saved is None and one.plan is not None and not one.plan.violations:
        saved = one.plan.lines_before - one.plan.lines
    if saved is None:
        return (cells.ABSENT, "muted")
    text = f"+{saved:,}" if saved > 0 else cells.minus(f"{saved:,}")
    return (text, "good" if saved > 0 else "muted")


def _memory(one: Tried) -> Cells:
    found = one.memory_gb
    return _absent(cells.size(None if found is None else found * 2**30))


def _time(one: Tried) -> Cells:
    found = one.seconds
    if found is not None and found < 100:
        return (f"{found:.1f}s", "plain")
    return _absent(cells.clock(found))


def _runs(one: Tried) -> Cells:
    return (str(len(one.measurements) or cells.ABSENT), "muted")


def _verdict(one: Tried) -> Cells:
    return (one.what, SIGNS[one.what][1])


def _cause(one: Tried) -> Cells:
    return (plain(one.cause or "", clip=60), "warn" if one.what == "refused" else "bad")


_NUMBERS = ("metric", "±", "Δ best", "P")
"""The columns over which the cause stands of a try that has no number."""

_ALWAYS = (
    _Column("verdict", 10, _verdict),
    _Column("metric", 8, _metric),
    _Column("Δ best", 9, _difference),
    _Column("P", 6, _probability),
)

_MORE = (
    (_Column("±", 9, _interval), 3),
    (_Column("time", 7, _time), 6),
    (_Column("memory", 9, _memory), 6),
    (_Column("−lines", 7, _lines), 6),
    (_Column("runs", 5, _runs), 6),
)
"""Columns in the order in which they come as there is more room, with the place that they have."""


def columns_for(width: int) -> list[_Column]:
    """The columns that a table of that width has, left to right, behind the description."""
    found = list(_ALWAYS)
    places = [0, 2, 4, 5]
    used = 2 + 6 + sum(one.cells for one in found)
    for column, place in _MORE:
        if width - used - column.cells < _LEAST:
            break
        at = sum(known <= place for known in places)
        found.insert(at, column)
        places.insert(at, place)
        used += column.cells
    return found


def try_entries(tries: Sequence[Tried], width: int, *, every: int | None = None) -> list[Entry]:
    """One line a try, in the order that they are given. Its key is the iteration. ``every``: how
    many tries there are, where these are those of a filter."""
    if not tries:
        words = "No try is like that. esc shows all of them." if every else (
            "No try yet: the baseline is measured first."
        )  # fmt: skip
        return sentence(words, width)
    columns = columns_for(width)
    room = max(8, width - 8 - sum(one.cells for one in columns))
    head = "  " + "#".rjust(4) + "  " + fit("description", room)
    rows = [line((head + "".join(_placed(one.title, one) for one in columns), "muted"))]
    for tried in tries:
        number, role = _number(tried)
        segments: list[Segment] = [
            (f"{SIGNS[tried.what][0]} ", SIGNS[tried.what][1]),
            (number.rjust(4) + "  ", role),
            (fit(plain(tried.words, clip=400), room), "plain"),
        ]
        segments += _values(tried, columns)
        rows.append(Entry(clipped(segments, width), key=str(tried.number + 1)))
    return rows


def _values(one: Tried, columns: Sequence[_Column]) -> list[Segment]:
    """What stands behind the description. Without a number its columns say why there is none."""
    why = _cause(one) if one.score is None and one.cause is not None else None
    found: list[Segment] = []
    for column in columns:
        if why is not None and column.title in _NUMBERS:
            continue
        text, role = column.of(one)
        found.append((_placed(text, column), role))
        if why is not None and column.title == "verdict":
            room = sum(each.cells for each in columns if each.title in _NUMBERS)
            found.append((" " + fit(why[0], room - 1), why[1]))
    return found


def _placed(text: str, column: _Column) -> str:
    """Words stand left in their column, numbers right."""
    if column.title == "verdict":
        return " " + fit(text, column.cells - 1)
    return fit(text, column.cells, align="right")


# --- which, and in which order -------------------------------------------------------------


def ordered(tries: Sequence[Tried], order: str, lower_is_better: bool) -> list[Tried]:
    """The tries sorted by one of ORDERS, the newest first among equal ones. What was not measured
    comes last."""
    newest = list(reversed(tries))

    def gain(one: Tried) -> float | None:
        found = one.verdict.difference if one.verdict is not None else None
        return None if found is None else found[0]

    sign = 1.0 if lower_is_better else -1.0
    keys: dict[str, Callable[[Tried], float | None]] = {
        "best": lambda one: None if one.score is None else sign * one.score,
        "gain": lambda one: None if (found := gain(one)) is None else sign * found,
        "time": lambda one: one.seconds,
        "memory": lambda one: one.memory_gb,
        "verdict": lambda one: float(_ORDER_OF_WHAT.index(one.what)),
    }
    if order not in keys:
        return newest

    def key(one: Tried) -> tuple[bool, float]:
        value = keys[order](one)
        return (value is None or not math.isfinite(value), value or 0.0)

    return sorted(newest, key=key)


def matching(tries: Sequence[Tried], words: str) -> list[Tried]:
    """The tries that have every word, in their description, verdict, cause, number, who proposed
    them or the constants that they change; case does not count."""
    wanted = words.casefold().split()
    return [one for one in tries if all(word in _text(one) for word in wanted)]


def _text(one: Tried) -> str:
    parts = [one.name, one.what, one.words, one.cause or ""]
    if one.plan is not None:
        parts += [one.plan.by, *one.plan.patches, *one.plan.files]
    parts += [broke.rule for broke in one.violations]
    return " ".join(parts).casefold()
