"""What a loop has gathered and spent: rows by origin, what fails over time, the budget. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from engine import numbers
from engine.records.trace_review import TITLES
from tui.views import cells
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.loops_failures import UNCLASSED, Failures
from tui.views.loops_plan import NOT_RECORDED, loop_lines
from tui.views.loops_reader import LoopView
from tui.views.plain import fit, plain

BARS = 8
"""Iterations whose rows are drawn as a bar: the first, the last, and some between."""

SHOWN = 8
"""Slices and classes that are told one by one."""

FILLS: dict[str, tuple[str, str]] = {
    "by hand": ("█", "strong"),
    "seed": ("▓", "accent"),
    "generated": ("▒", "good"),
    "augmented": ("░", "warn"),
    "patched": ("▚", "second"),
    "audited": ("▞", "muted"),
}
"""How the rows of each origin are drawn: by its own sign, not by colour alone."""


def fact_entries(view: LoopView, now: float, width: int) -> list[Entry]:
    """All of it, a heading each. ``now`` is the time since the epoch."""
    found: list[Entry] = []
    for title, lines in (
        ("rows by origin", growth(view, width)),
        ("what fails on dev", failing(view, width)),
        ("spent", spent(view, now, width)),
        ("this loop", [one for text in loop_lines(view) for one in sentence(text, width)]),
    ):
        if found:
            found.append(entry())
        found.append(entry((title, "accent")))
        found += lines
    return found


# --- rows ------------------------------------------------------------------------------


def growth(view: LoopView, width: int) -> list[Entry]:
    """The rows of canonical after some of the iterations, stacked by where they come from."""
    origins = view.origins
    if origins is None:
        return sentence(f"rows of canonical: {NOT_RECORDED}", width)
    legend: list[Segment] = []
    for kind, count in sorted(origins.now.items(), key=lambda one: -one[1]):
        sign, role = FILLS.get(kind, ("▪", "plain"))
        legend.append((f"{sign} {plain(kind, clip=20)} {count:,}  ", role))
    legend = legend or [("no rows yet", "muted")]
    found = [Entry(clipped(legend, width))]
    done = [one for one in view.iterations if one.data is not None]
    if not done:
        return found
    sums: dict[int, Counter[str]] = {}
    total = Counter(dict(origins.before))
    sums[0] = Counter(total)
    for one in view.iterations:
        total.update(origins.added.get(one.number, {}))
        sums[one.number] = Counter(total)
    chosen = [0, *(done[at].number for at in spread(len(done), BARS))]
    most = max(1, *(sum(sums[number].values()) for number in chosen))
    label = max(5, len(str(chosen[-1])) + 1)
    room = max(4, width - label - 18)
    added = {one.number: one.data.added for one in done if one.data is not None}
    for number in chosen:
        count = sum(sums[number].values())
        row: list[Segment] = [
            (("start" if not number else str(number)).ljust(label) + " ", "muted")
        ]
        row += _stacked(sums[number], most, room)
        used = sum(len(text) for text, _ in row)
        row.append((" " * max(0, label + 1 + room - used) + f"{count:>8,}", "plain"))
        if number:
            row.append((f"  +{added[number]:,}", "good" if added[number] else "muted"))
        found.append(Entry(clipped(row, width)))
    return found


def _stacked(kinds: Mapping[str, int], most: int, room: int) -> list[Segment]:
    """Pieces of a bar in the order of FILLS; ``most`` rows are ``room`` cells."""
    order = [*FILLS, *(kind for kind in kinds if kind not in FILLS)]
    found: list[Segment] = []
    done = drawn = 0
    for kind in order:
        done += kinds.get(kind, 0)
        end = round(room * done / most)
        sign, role = FILLS.get(kind, ("▪", "plain"))
        found.append((sign * (end - drawn), role))
        drawn = end
    return found


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` places of ``count``: the first, the last, and some between, in order."""
    if count <= most:
        return list(range(count))
    return sorted({round(at * (count - 1) / (most - 1)) for at in range(most)})


# --- what fails --------------------------------------------------------------------------


def failing(view: LoopView, width: int) -> list[Entry]:
    """How many rows of dev were wrong, by slice and by class: first → last, and the course."""
    seen: list[Failures] = [
        one.measured.failures
        for one in view.iterations
        if one.measured is not None and one.measured.failures is not None
    ]
    if not seen:
        if view.reading:
            return sentence("reading the rows …", width)
        return sentence(f"wrong rows: {NOT_RECORDED}", width)
    last = seen[-1]
    found = [_course("all", [one.wrong for one in seen], width, "strong")]
    found += _courses([one.slices for one in seen], {}, width)
    classes = [one.classes for one in seen]
    if any(set(one) - {UNCLASSED} for one in classes):
        how = "by class, as the evidence suggests"
        if last.tagged:
            how += f"; {last.tagged} of {last.wrong} given by people"
        found += sentence(how, width)
        found += _courses(classes, TITLES, width)
    return found


def _courses(
    seen: Sequence[Mapping[str, int]], titles: Mapping[str, str], width: int
) -> list[Entry]:
    """A line each, those that fail most often now or failed most often ever first."""
    most: Counter[str] = Counter()
    for one in seen:
        for name, count in one.items():
            most[name] = max(most[name], count)
    order = sorted(most, key=lambda name: (-seen[-1].get(name, 0), -most[name], name))
    found = [
        _course(titles.get(name, name), [one.get(name, 0) for one in seen], width)
        for name in order[:SHOWN]
    ]
    if len(order) > SHOWN:
        found.append(entry((f"  and {len(order) - SHOWN} more", "muted")))
    return found


def _course(name: str, counts: Sequence[int], width: int, role: str = "plain") -> Entry:
    label = min(24, max(8, width // 3))
    first, last = counts[0], counts[-1]
    words = f"{last:>5,}" if len(counts) == 1 else f"{first:>5,} → {last:<5,}"
    tone = "good" if last < first else "bad" if last > first else "muted"
    room = max(0, min(width - label - len(words) - 5, len(counts), 40))
    return Entry(
        clipped(
            [
                (fit(f"  {plain(name, clip=60)}", label), role),
                (f" {words}  ", tone),
                (cells.sparkline([float(one) for one in counts], room), "accent"),
            ],
            width,
        )
    )


# --- the budget ---------------------------------------------------------------------------


def spent(view: LoopView, now: float, width: int) -> list[Entry]:
    """Iterations, hours, tokens and money against their limits, a bar where there is one."""
    status, loop = view.status, view.loop
    if status is None or loop is None:
        return sentence(NOT_RECORDED, width)
    limits, cost = loop.limits, status.spent
    done = sum(one.commit is not None for one in view.iterations)
    worked = view.worked_s(now)
    hours = None if limits.hours is None else 3600 * limits.hours
    rows = [
        _line("iterations", float(done), float(limits.iterations), f"{done:,}", width),
        _line("time", worked, hours, numbers.duration(worked), width),
    ]
    if cost.calls or limits.tokens is not None or limits.usd is not None:
        rows.append(_line("tokens", float(cost.tokens), limits.tokens, f"{cost.tokens:,}", width))
        rows.append(_line("dollars", cost.usd, limits.usd, f"${cost.usd:.2f}", width))
        rows.append(entry((f"  {cells.how_many(cost.calls, 'call')} to teachers", "muted")))
    else:
        rows.append(entry(("  no teacher was asked: no tokens, no money", "muted")))
    if limits.target_score is not None:
        best = status.best_score
        text = cells.number(best) if best is not None else NOT_RECORDED
        rows.append(_line("dev score", best, limits.target_score, text, width))
    if limits.plateau is not None:
        rows.append(
            entry((f"  {_since_kept(view)} of {limits.plateau} in a row not kept", "muted"))
        )
    return rows


def _line(name: str, value: float | None, limit: float | None, text: str, width: int) -> Entry:
    """``time  ███░░  0:42 of 2:00:00``; without a limit there is nothing to draw."""
    start: Segment = (f"  {name:<11}", "plain")
    if limit is None:
        return Entry(clipped([start, (text, "strong"), (", no limit", "muted")], width))
    words = {"time": numbers.duration(limit), "dollars": f"${limit:.2f}"}.get(
        name, f"{limit:,.0f}" if name != "dev score" else cells.number(limit)
    )
    share = None if value is None or limit <= 0 else value / limit
    room = max(4, min(24, width - 13 - len(text) - len(words) - 8))
    over = share is not None and share >= 1
    drawn = "·" * room if share is None else cells.bar(share, room)
    tone = "good" if over and name == "dev score" else "warn" if over else "accent"
    return Entry(
        clipped([start, (drawn, tone), (f" {text}", "strong"), (f" of {words}", "muted")], width)
    )


def _since_kept(view: LoopView) -> int:
    count = 0
    for one in reversed(view.iterations):
        if one.verdict is None:
            continue
        if one.verdict.outcome == "kept":
            break
        count += 1
    return count
