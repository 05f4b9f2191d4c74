"""What Journal says: its list, a month after the other, and the course of a target. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine import numbers
from engine.publish.journal.listing import Listed
from engine.publish.journal.trend import Trend
from tui.views import cells
from tui.views.entries import Entry, Segment, clipped, entry
from tui.views.plain import fit, plain
from tui.widgets.picture import Curve, Options, Row

NO_TARGET = "no target recorded"
EMPTY = "Nothing ran in this workspace yet: the journal has an entry for each run."
NO_MATCH = "No entry has that text."

_TONES = {
    "ship": "good",
    "reject": "bad",
    "failed": "bad",
    "cancelled": "warn",
    "park": "muted",
    "completed": "good",
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def tone(decision: str) -> str:
    """The role of a decision's word."""
    first = decision.split(" ", 1)[0]
    return _TONES.get(first, "warn" if first.startswith("retry") else "muted")


Lines = dict[tuple[str, int, bool], tuple[Listed, Entry]]
"""Lines that were made already: ten thousand take a quarter of a second."""


def list_entries(
    entries: Sequence[Listed],
    width: int,
    *,
    noted: Iterable[str] = (),
    empty: str = EMPTY,
    known: Lines | None = None,
) -> list[Entry]:
    """A line an entry with its score and what became of it; ``noted`` keys have notes. Lines in
    ``known`` are taken from there, others are put there."""
    if not entries:
        return [entry((f" {empty}", "muted"))]
    written = set(noted)
    lines: Lines = {} if known is None else known
    found: list[Entry] = []
    month = ""
    for one in entries:
        if (now := _month(one)) != month:
            month = now
            found.append(entry((fit(f" {month}", width), "accent")))
        place = (one.key, width, one.key in written)
        made = lines.get(place)
        if made is None or (made[0] is not one and made[0] != one):
            made = lines[place] = (one, _line(one, width, place[2]))
        found.append(made[1])
    return found


def _month(one: Listed) -> str:
    if one.created is None:
        return "No date recorded"
    return f"{_MONTHS[one.created.month - 1]} {one.created.year}"


def _line(one: Listed, width: int, noted: bool) -> Entry:
    day = f"{one.created.day:>2}" if one.created else " ·"
    score, change, verdict = 7, 8, 12 if width < 64 else 15
    target = 18 if width >= 96 else 0
    room = max(8, width - 4 - 2 - score - change - verdict - target)
    sign = ("↻" if one.kind == "loop" else " ") + ("✎" if noted else " ")
    name = plain(one.name, clip=200)
    if one.created is not None:
        # The day stands before it, the month above.
        name = name.removeprefix(one.created.date().isoformat()).lstrip("-") or name
    segments: list[Segment] = [
        (f" {day} ", "muted"),
        (sign, "accent"),
        (fit(name, room - 2) + " ", "strong" if noted else "plain"),
    ]
    if target:
        segments.append((fit(plain(one.target) or NO_TARGET, target - 1) + " ", "muted"))
    segments += [
        (fit(plain(one.decision, clip=80), verdict - 1) + " ", tone(one.decision)),
        (cells.number(one.after).rjust(score), "plain" if one.after is not None else "muted"),
        (_change(one).rjust(change), _gain(one)),
    ]
    return Entry(clipped(segments, width), key=one.key)


def _change(one: Listed) -> str:
    return numbers.change(one.delta, one.before, one.after)


def _gain(one: Listed) -> str:
    if not one.delta:
        return "muted"
    return "good" if (one.delta > 0) is not one.lower else "bad"


# --- the course of a target ------------------------------------------------------------------


def trend_chart(trend: Trend, target: str, name: str | None) -> tuple[Row, list[Curve], Options]:
    """The primary score over the steps with intervals, the baseline as a line; ``name`` is the
    step at the cursor."""
    title: Row = [(plain(target, clip=80) or NO_TARGET, "strong")]
    if not trend.points:
        return title, [], Options(empty="no step of this target has a score")
    title.append((f"  {numbers.score(trend.points[-1].after)}", "accent"))
    if trend.baseline is not None:
        title.append((f"  ┄ baseline {numbers.score(trend.baseline)}", "muted"))
    title.append((f"  {len(trend.points)} steps with their intervals", "muted"))
    xs = [float(at) for at in range(1, len(trend.points) + 1)]
    ys = [one.after or 0.0 for one in trend.points]
    ends = (0.5, len(xs) + 0.5)
    curves = [
        Curve([x, x], [one.low, one.high], "muted")
        for x, one in zip(xs, trend.points, strict=True)
        if one.low is not None and one.high is not None
    ]
    if trend.baseline is not None:
        curves.append(Curve(list(ends), [trend.baseline] * 2, "muted"))
    curves.append(Curve(xs, ys, "smooth"))
    for shipped, sign, role in ((False, "○", "point"), (True, "●", "good")):
        mine = [
            (x, y)
            for x, y, one in zip(xs, ys, trend.points, strict=True)
            if one.decision.startswith("ship") is shipped
        ]
        if mine:
            curves.append(Curve([x for x, _ in mine], [y for _, y in mine], role, "points", sign))
    at = [x for x, one in zip(xs, trend.points, strict=True) if one.name == name]
    limit = None if trend.goal is None else (trend.goal, "bound")
    return title, curves, Options(x_unit="steps", window=ends, marks=at, limit=limit)
