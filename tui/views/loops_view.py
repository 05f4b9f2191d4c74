"""The tries at a target: the best so far over all of them, and a line for each. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import datetime

from rich.cells import cell_len

from engine.catalogue.summary import RunSummary
from engine.comparing.chain import RULE, Chain, Outcome, Try
from engine.comparing.settings import told_first
from tui.views import cells
from tui.views.cells import Cell
from tui.views.compare_marks import short_names
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.lineage_view import change_segments, change_texts
from tui.views.plain import fit, middle, plain
from tui.views.runs_view import progress_share
from tui.widgets.picture import Curve, Options, Row

SIGNS: dict[Outcome, tuple[str, str]] = {
    "kept": ("●", "good"),
    "dropped": ("○", "muted"),
    "crashed": ("✘", "bad"),
    "cancelled": ("■", "warn"),
    "running": ("▶", "accent"),
    "waiting": ("◌", "muted"),
    "unscored": ("·", "muted"),
}
"""An outcome's sign and role; the sign stands in the chart and in the table."""

WHAT_A_LOOP_IS = (
    "A loop is a row of tries at one target: each run varies something, is held against the best "
    "before it on the same rows, and is kept when it is better by more than noise."
)

_DECISIONS = {"ship": "good", "reject": "bad"}


MANY = 100
"""With more tries than this, only those that were kept have their interval drawn."""


# --- the chart ------------------------------------------------------------------------


def chain_chart(chain: Chain, cursor: str | None) -> tuple[Row, list[Curve], Options]:
    """The best so far as a step line, every try with its interval, and the try at the cursor."""
    scored = [one for one in chain.tries if one.score is not None and one.score.score is not None]
    if not scored and chain.start is None:
        words = "no try has a score yet" if chain.tries else "no tries yet"
        return [("best so far", "strong")], [], Options(empty=words)
    curves = [*_intervals(scored), *_steps(chain)]
    low = min((y for curve in curves for y in curve.y), default=0.0)
    for outcome in SIGNS:
        curves += _points(chain, outcome, low)
    at = next((one.number for one in chain.tries if one.run.run_id == cursor), None)
    title: Row = [("best so far", "strong")]
    last = _last_best(chain)
    if last is not None:
        title.append((f"  {cells.number(last)}", "accent"))
    title += _legend(chain)
    if chain.best is not None:
        title.append((f"  best by try {chain.best.number}", "muted"))
    return (
        title,
        curves,
        Options(
            x_unit="tries",
            window=(0.0 if chain.start is not None else 0.5, len(chain.tries) + 0.5),
            marks=[] if at is None else [float(at)],
        ),
    )


def _legend(chain: Chain) -> Row:
    found: Row = []
    for outcome, (sign, role) in SIGNS.items():
        count = chain.count(outcome)
        if count:
            found.append((f"  {sign} {count} {outcome}", role))
    return found


def _last_best(chain: Chain) -> float | None:
    return next((one.best for one in reversed(chain.tries) if one.best is not None), None)


def _intervals(scored: list[Try]) -> list[Curve]:
    found = []
    for one in scored:
        if one.score is None or one.score.interval is None:
            continue
        if one.outcome != "kept" and len(scored) > MANY:
            continue
        role = "good" if one.outcome == "kept" else "muted"
        found.append(Curve([one.number, one.number], list(one.score.interval), role))
    return found


def _steps(chain: Chain) -> list[Curve]:
    """The best so far: level between tries, rising at those that were kept.

    A new line begins where scores before and after cannot be compared.
    """
    lines: list[tuple[list[float], list[float]]] = []
    xs: list[float] = []
    ys: list[float] = []
    if chain.start is not None:
        xs, ys = [0.0], [chain.start]
    for one in chain.tries:
        if one.fresh:
            if xs:
                xs.append(one.number - 0.5)
                ys.append(ys[-1])
            lines.append((xs, ys))
            xs, ys = [], []
        if one.best is None:
            continue
        if ys and ys[-1] != one.best:
            xs.append(float(one.number))
            ys.append(ys[-1])
        xs.append(float(one.number))
        ys.append(one.best)
    if xs:
        xs.append(len(chain.tries) + 0.5)
        ys.append(ys[-1])
    lines.append((xs, ys))
    return [Curve(x, y, "smooth") for x, y in lines if x]


def _points(chain: Chain, outcome: Outcome, low: float) -> list[Curve]:
    """The signs of one outcome; a try without a score stands at the bottom."""
    sign, role = SIGNS[outcome]
    chosen = [one for one in chain.tries if one.outcome == outcome]
    if not chosen:
        return []
    places = [
        low if one.score is None or one.score.score is None else one.score.score for one in chosen
    ]
    numbers = [float(one.number) for one in chosen]
    return [Curve(numbers, places, role, "points", sign)] if all(map(math.isfinite, places)) else []


# --- the table ------------------------------------------------------------------------


def try_entries(
    chain: Chain, marked: Collection[str], now: datetime, width: int, *, roomy: bool = False
) -> list[Entry]:
    """One line a try, the newest first: sign, number, name, what was varied, score, decision.

    With ``roomy`` a second line says why the try ended as it did, and what it was to find out.
    """
    if not chain.tries:
        return sentence("No try at this target yet.", width)
    names = short_names(one.run.run_id for one in chain.tries)
    number = max(2, len(str(len(chain.tries))))
    score, age = 7, 5 if width >= 72 else 0
    interval = 15 if width >= 104 else 0
    outcome, decision = 10, 15 if width >= 92 else 0
    fixed = 4 + number + 2 + score + 1 + interval + outcome + decision + age
    name = min(max(map(cell_len, names.values())), max(10, (width - fixed) // 2), 30)
    varied = max(0, width - fixed - name - 2)
    head = " " * 4 + "#".rjust(number) + "  " + fit("try", name) + "  "
    head += fit("what was varied", varied) + "score".rjust(score) + " " + fit("interval", interval)
    head += fit("outcome", outcome) + fit("decision", decision) + ("when".rjust(age) if age else "")
    rows = [entry((head, "muted"))]
    for one in reversed(chain.tries):
        sign, role = SIGNS[one.outcome]
        summary = one.run.summary
        segments: list[Segment] = [
            ("● " if one.run.run_id in marked else "  ", "accent"),
            (f"{sign} ", role),
            (str(one.number).rjust(number) + "  ", "muted"),
            (fit(middle(names[one.run.run_id], name), name) + "  ", "plain"),
        ]
        segments += _varied(one, varied)
        known = one.score is not None and one.score.score is not None
        text = cells.number(one.score.score if one.score is not None else None)
        segments.append((text.rjust(score) + " ", "strong" if known else "muted"))
        if interval:
            segments.append((fit(_interval(one), interval), "muted"))
        segments.append((fit(one.outcome, outcome), role))
        if decision:
            segments.append(
                (
                    fit(plain(summary.decided_as or ""), decision),
                    _DECISIONS.get(summary.decision or "", "muted"),
                )
            )
        if age:
            segments.append((cells.age(summary.created, now).rjust(age), "muted"))
        rows.append(Entry(clipped(segments, width), key=one.run.run_id))
        if roomy:
            lead = " " * (4 + number + 2)
            why: list[Segment] = [(lead + plain(one.reason, clip=300), "muted")]
            if one.run.hypothesis is not None:
                why = [(f"{lead}“{plain(one.run.hypothesis, clip=200)}” ", "accent"), *why]
                why[1] = (plain(one.reason, clip=300), "muted")
            rows.append(Entry(clipped(why, width)))
    if len(chain.tries) == 1:
        words = f"{WHAT_A_LOOP_IS} This is the first try; n plans one that follows it."
        rows += [entry(), *sentence(words, width)]
    return rows


def _varied(one: Try, width: int) -> list[Segment]:
    """What was varied, in exactly ``width`` cells."""
    parts = (
        change_segments(one.varied, width - 1)
        if one.before is not None
        else [("the first try", "muted")]
    )
    parts = list(clipped(parts, max(0, width - 1)))
    used = sum(cell_len(text) for text, _ in parts)
    return [*parts, (" " * (width - used), "muted")]


def _interval(one: Try) -> str:
    if one.score is None or one.score.interval is None:
        return ""
    low, high = one.score.interval
    return f"{cells.number(low)}–{cells.number(high)}"


# --- the try at the cursor, and what runs ---------------------------------------------


def detail_entries(chain: Chain, run_id: str | None, width: int) -> list[Entry]:
    """The try at the cursor in words: outcome with its reason, hypothesis, all that was varied."""
    one = next((each for each in chain.tries if each.run.run_id == run_id), None)
    if one is None:
        return sentence(f"Rule: {RULE}.", width)
    sign, role = SIGNS[one.outcome]
    names = short_names(each.run.run_id for each in chain.tries)
    found = [
        Entry(
            clipped(
                [
                    (f"{sign} {one.outcome}  ", role),
                    (f"{one.number}  {names[one.run.run_id]}", "strong"),
                ],
                width,
            )
        )
    ]
    found += sentence(plain(one.reason, clip=600), width, "plain")
    if one.run.hypothesis is not None:
        found += sentence(f"hypothesis: {plain(one.run.hypothesis, clip=600)}", width, "accent")
    if one.before is not None:
        words = "after (in time; it names no parent)" if one.guessed else "child of"
        changes = ", ".join("".join(change_texts(change)) for change in told_first(one.varied))
        before = names.get(one.before, plain(one.before))
        found += sentence(f"{words} {before}: {changes or 'nothing was varied'}", width)
    return [*found, *sentence(f"rule: {RULE}", width)]


def now_cells(chain: Chain, width: int) -> list[Cell] | None:
    """The stage that runs now, with its progress; None where nothing runs."""
    running = [one for one in chain.tries if one.outcome == "running"]
    if not running:
        return None
    one = running[-1]
    summary = one.run.summary
    parts = [
        Cell(f"▶ try {one.number}  ", "accent"),
        Cell(plain(summary.stage or summary.phase or "starting", clip=40), "strong"),
    ]
    share = progress_share(summary)
    if share is not None:
        size = max(8, min(40, width - 60))
        parts += [Cell("  " + cells.bar(share, size), "accent"), Cell(f" {share:4.0%}", "strong")]
    parts += [Cell(f"  {text}", "muted") for text in _doing(summary)]
    if len(running) > 1:
        parts.append(Cell(f"  and {len(running) - 1} more", "muted"))
    return parts


def _doing(summary: RunSummary) -> list[str]:
    found = []
    if summary.eta_s is not None:
        found.append(f"{cells.clock(summary.eta_s)} left")
    if summary.loss is not None:
        found.append(f"loss {cells.number(summary.loss)}")
    return found


def target_line(targets: Mapping[str, object], shown: str, width: int) -> list[Cell]:
    """The targets and loops to choose from, each with its count or sign, the shown one marked; what
    does not fit is counted."""
    names = list(targets)
    start = 0
    while True:
        parts: list[Cell] = []
        used, fits = 12, False
        for index, name in enumerate(names[start:], start):
            text = f"{plain(middle(plain(name, clip=80), 28))} {targets[name]}"
            size = cell_len(text) + 5
            if parts and used + size > width:
                parts.append(Cell(f"  +{len(names) - index} more", "muted"))
                break
            here = name == shown
            fits = fits or here
            parts.append(
                Cell(f"[{text}]  " if here else f" {text}   ", "accent" if here else "muted")
            )
            used += size
        if fits or start >= len(names) - 1:
            return parts
        start += 1
